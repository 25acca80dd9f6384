from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record import refs
from workbench.record.git import Repository


def git(place: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=place, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit, two snapshots of dirty trees and one of a clean one; its remote is empty."""
    place = tmp_path / "project"
    git(tmp_path, "init", "-q", "--bare", "shared.git")
    git(tmp_path, "init", "-q", "-b", "main", str(place))
    (place / "a.txt").write_text("one\n")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "start")
    repository = Repository.find(place)
    repository.snapshot("clean")
    (place / "a.txt").write_text("two\n")
    repository.snapshot("first")
    (place / "b.txt").write_text("three\n")
    repository.snapshot("second")
    git(place, "remote", "add", "origin", str(tmp_path / "shared.git"))
    return place


def names(found: list[refs.Ref]) -> list[str]:
    return [ref.name.rpartition("-")[0] for ref in found]


def test_listed_with_commit_date_and_whether_somebody_committed_it(clone: Path) -> None:
    repository = Repository.find(clone)
    found = refs.refs(repository)
    assert names(found) == ["clean", "first", "second"]
    assert [ref.uncommitted for ref in found] == [False, True, True]
    assert {ref.date for ref in found} == {int(git(clone, "show", "-s", "--format=%ct", "HEAD"))}
    assert [git(clone, "rev-parse", f"refs/wb/{ref.name}") for ref in found] == [ref.commit for ref in found]
    assert [refs.changed_files(repository, ref.commit) for ref in found[1:]] == [1, 2]


def test_deleted_together_and_harmlessly_again(clone: Path) -> None:
    repository = Repository.find(clone)
    first = refs.refs(repository)[1]
    git(clone, "pack-refs", "--all")
    refs.delete(repository, [first.name, "nowhere"])
    assert names(refs.refs(repository)) == ["clean", "second"]
    refs.delete(repository, [first.name])
    refs.delete(repository, [])
    assert len(refs.refs(repository)) == 2


def test_a_subject_with_a_line_separator_is_one_ref(clone: Path) -> None:
    git(clone, "commit", "-q", "--allow-empty", "-m", "a\u2028b\x0cc\x85d")
    commit = git(clone, "rev-parse", "HEAD")
    git(clone, "update-ref", "refs/wb/é", commit)
    repository = Repository.find(clone)
    assert [(ref.name, ref.commit) for ref in refs.refs(repository) if ref.commit == commit] == [("é", commit)]
    refs.delete(repository, ["é"])
    assert len(refs.refs(repository)) == 3


def test_sent_once_and_fetched_by_somebody_else(clone: Path, tmp_path: Path) -> None:
    repository = Repository.find(clone)
    found = refs.refs(repository)
    assert refs.missing(repository, "origin", found) == found
    refs.push(repository, "origin", found[:2])
    assert refs.missing(repository, "origin", found) == found[2:]
    refs.push(repository, "origin", found[2:])
    git(clone, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "-b", "main", "shared.git", "theirs")
    theirs = Repository.find(tmp_path / "theirs")
    assert refs.refs(theirs) == []
    assert refs.fetch(theirs, "origin") == found
    assert refs.fetch(theirs, "origin") == []
    assert git(tmp_path / "theirs", "show", f"{found[2].commit}:b.txt") == "three"
    assert not (tmp_path / "theirs" / ".git" / "FETCH_HEAD").exists()


def test_fetching_deletes_nothing_though_the_user_prunes(clone: Path) -> None:
    repository = Repository.find(clone)
    refs.push(repository, "origin", refs.refs(repository)[:1])
    git(clone, "config", "fetch.prune", "true")
    assert refs.fetch(repository, "origin") == []
    assert names(refs.refs(repository)) == ["clean", "first", "second"]


def test_the_users_own_guard_may_refuse(clone: Path) -> None:
    hook = clone / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'error: there is a password in it' >&2\nexit 1\n")
    hook.chmod(0o755)
    repository = Repository.find(clone)
    with pytest.raises(RecordError, match=r"refuses: error: .*password"):
        refs.push(repository, "origin", refs.refs(repository))
    assert refs.missing(repository, "origin", refs.refs(repository)) == refs.refs(repository)


def test_another_commit_of_the_same_name_is_never_written_over(clone: Path, tmp_path: Path) -> None:
    repository = Repository.find(clone)
    found = refs.refs(repository)
    refs.push(repository, "origin", found)
    git(tmp_path / "shared.git", "update-ref", f"refs/wb/{found[0].name}", found[1].commit)
    with pytest.raises(RecordError, match=f"refs/wb/{found[0].name}: the remote 'origin' keeps another commit"):
        refs.missing(repository, "origin", found)
    git(tmp_path / "shared.git", "update-ref", f"refs/wb/{found[1].name}", found[0].commit)
    with pytest.raises(RecordError, match="rejected"):
        refs.fetch(repository, "origin")
    assert git(clone, "rev-parse", f"refs/wb/{found[1].name}") == found[1].commit


def test_which_remote(clone: Path) -> None:
    repository = Repository.find(clone)
    assert refs.choose_remote(repository) == "origin"
    git(clone, "remote", "add", "backup", "/nowhere")
    assert (refs.choose_remote(repository), refs.choose_remote(repository, "backup")) == ("origin", "backup")
    with pytest.raises(RecordError, match="no git remote 'orign'; did you mean 'origin'"):
        refs.choose_remote(repository, "orign")
    git(clone, "remote", "rename", "origin", "lab")
    with pytest.raises(RecordError, match=r"there are 2 git remotes and none is called origin. Say which: backup, lab"):
        refs.choose_remote(repository)
    git(clone, "remote", "remove", "backup")
    assert refs.choose_remote(repository) == "lab"
    git(clone, "remote", "remove", "lab")
    with pytest.raises(RecordError, match=r"no git remote. Type: git remote add origin ADDRESS"):
        refs.choose_remote(repository)


@pytest.mark.parametrize("address", ["/nowhere/at.git", "http://me:secret@127.0.0.1:1/x.git"])
def test_a_dead_remote_is_one_line_without_credentials(clone: Path, address: str) -> None:
    git(clone, "remote", "set-url", "origin", address)
    repository = Repository.find(clone)
    calls: list[Callable[[], object]] = [
        lambda: refs.missing(repository, "origin", []),
        lambda: refs.fetch(repository, "origin"),
    ]
    for call in calls:
        with pytest.raises(RecordError, match=r"the git remote 'origin' \(.*cannot be reached or refuses: ") as error:
            call()
        assert "secret" not in str(error.value) and "\n" not in str(error.value)
        assert "does not appear to be a git repository" in str(error.value) or "127.0.0.1" in str(error.value)
