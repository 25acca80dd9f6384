"""Commits by their names, and what is said about one that is not here."""

from pathlib import Path

import pytest

from tests.record.repositories import clone, git
from workbench.errors import UsageError
from workbench.record.git import Repository
from workbench.record.revisions import changed_between, changes_of, file_at, find_commit, in_history, subject, unknown

__all__ = ["clone"]


def test_every_name_of_a_commit(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD")
    git(clone, "tag", "-a", "v1", "-m", "one")
    git(clone, "update-ref", "refs/wb/study-1234", head)
    repository = Repository.find(clone)
    for name in (head, head[:7], head[:4], "main", "HEAD", "v1", "refs/wb/study-1234", "wb/study-1234", "study-1234"):
        assert find_commit(repository, name) == head, name
    for name in ("nothing", "deadbeef", "-x", "main^", git(clone, "rev-parse", "HEAD^{tree}")):
        assert find_commit(repository, name) is None, name


def test_the_beginning_of_several_commits(clone: Path) -> None:
    seen: dict[str, str] = {}
    beginning = ""
    for number in range(3000):  # 16^4 beginnings: two of some 300 commits share one
        dated = {"GIT_AUTHOR_DATE": f"{10**9 + number} +0000", "GIT_COMMITTER_DATE": f"{10**9 + number} +0000"}
        repository = Repository.find(clone)
        commit = repository.ask("commit-tree", "HEAD^{tree}", "-m", f"number {number}", env=dated)
        if commit[:4] in seen:
            beginning = commit[:4]
            break
        seen[commit[:4]] = commit
    with pytest.raises(UsageError, match=rf"'{beginning}' begins 2 commits: .*number .*number .*Type more"):
        find_commit(Repository.find(clone), beginning)


def test_what_is_not_here_and_why(clone: Path, tmp_path: Path) -> None:
    repository = Repository.find(clone)
    assert "wb list" in str(unknown(repository, "my-tag")) and "git fetch" in str(unknown(repository, "deadbeef"))
    assert "wb share" not in str(unknown(repository, "deadbeef"))
    (clone / "a.txt").write_text("two\n")
    git(clone, "commit", "-qam", "second")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{clone}", "shallow")
    shallow = Repository.find(tmp_path / "shallow")
    old = git(clone, "rev-parse", "HEAD^")
    assert find_commit(shallow, old) is None
    assert "is shallow" in str(unknown(shallow, old)) and "git fetch --unshallow" in str(unknown(shallow, old))
    git(tmp_path, "clone", "-q", str(clone), "whole")
    assert "wb share --fetch" in str(unknown(Repository.find(tmp_path / "whole"), "deadbeef"))


def test_history_and_contents(clone: Path) -> None:
    repository = Repository.find(clone)
    first = repository.head
    git(clone, "checkout", "-qb", "side")
    (clone / "a.txt").write_text("side\n")
    git(clone, "commit", "-qam", "on the side")
    side = repository.head
    assert in_history(repository, first) and in_history(repository, side)
    git(clone, "checkout", "-q", "main")
    assert in_history(repository, first) and not in_history(repository, side)
    assert file_at(repository, side, "a.txt") == "side\n" and file_at(repository, first, "a.txt") == "one\n"
    assert file_at(repository, first, "nothing.txt") is None and subject(repository, side) == "on the side"
    assert set(changes_of(repository, "a.txt")) == {side, first} and changes_of(repository, "nothing.txt") == []
    assert changed_between(repository, first, side) == ["a.txt"]
    assert changed_between(repository, first, side, "experiments") == []
    assert changed_between(repository, first, "f" * 40) == []
