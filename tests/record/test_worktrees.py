"""A commit's tree beside the user's checkout."""

import subprocess
from pathlib import Path

import pytest

from tests.record.repositories import clone, git
from workbench.errors import RecordError
from workbench.record import worktrees
from workbench.record.git import Repository

__all__ = ["clone"]


def test_the_tree_of_an_old_commit_and_an_untouched_checkout(clone: Path, tmp_path: Path) -> None:
    old = git(clone, "rev-parse", "HEAD")
    (clone / "a.txt").write_text("later\n")
    git(clone, "commit", "-qam", "later")
    (clone / "a.txt").write_text("not committed\n")
    before = (git(clone, "status", "--porcelain"), (clone / ".git/index").read_bytes(), git(clone, "branch", "-a"))
    repository = Repository.find(clone)
    place = worktrees.add(repository, tmp_path / "trees" / "one", old)
    assert (place / "a.txt").read_text() == "one\n" and git(place, "rev-parse", "HEAD") == old
    assert worktrees.present(repository) == [clone, place]
    (place / "a.txt").write_text("changed there\n")
    (place / "new.txt").write_text("made there\n")
    worktrees.remove(repository, place)
    assert not place.exists() and worktrees.present(repository) == [clone]
    worktrees.remove(repository, place)
    assert before == (
        git(clone, "status", "--porcelain"),
        (clone / ".git/index").read_bytes(),
        git(clone, "branch", "-a"),
    )


def test_the_user_s_hooks_do_not_run(clone: Path, tmp_path: Path) -> None:
    hook = clone / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    subprocess.run(["git", "checkout", "-q", "-b", "other"], cwd=clone, check=True)
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    worktrees.add(Repository.find(clone), tmp_path / "one", "HEAD")
    assert not (tmp_path / "ran").exists()


def test_what_fails_leaves_nothing(clone: Path, tmp_path: Path) -> None:
    repository = Repository.find(clone)
    with pytest.raises(RecordError, match="git worktree failed"):
        worktrees.add(repository, tmp_path / "one", "f" * 40)
    assert not (tmp_path / "one").exists() and worktrees.present(repository) == [clone]
    (tmp_path / "two").mkdir()
    with pytest.raises(RecordError, match="is there already"):
        worktrees.add(repository, tmp_path / "two", "HEAD")
    (clone / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = /nowhere/at/all\n')
    git(clone, "update-index", "--add", "--cacheinfo", f"160000,{git(clone, 'rev-parse', 'HEAD')},x")
    git(clone, "add", ".gitmodules")
    git(clone, "commit", "-qm", "a submodule that cannot be had")
    with pytest.raises(RecordError):
        worktrees.add(repository, tmp_path / "three", "HEAD")
    assert not (tmp_path / "three").exists() and worktrees.present(repository) == [clone]


def test_submodules_come_along(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")  # git refuses submodules on local paths otherwise
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always")
    part = tmp_path / "part"
    part.mkdir()
    git(part, "init", "-q")
    (part / "helper.py").write_text("y = 2\n")
    git(part, "add", ".")
    git(part, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "part")
    git(clone, "submodule", "--quiet", "add", str(part), "part")
    git(clone, "commit", "-qm", "with a part")
    place = worktrees.add(Repository.find(clone), tmp_path / "one", "HEAD")
    assert (place / "part/helper.py").read_text() == "y = 2\n"
    worktrees.remove(Repository.find(clone), place)
    assert not place.exists()
