"""Snapshots where something is in the way: hooks, refs, locks, read-only folders, each other, and kill -9."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.record.repositories import change, clone, files, git, state
from workbench.errors import RecordError
from workbench.record.git import Repository

__all__ = ["clone"]


def test_no_hook_no_signature_no_name_and_no_foreign_index(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(clone)
    for name in ("pre-commit", "reference-transaction", "post-index-change", "post-checkout"):
        hook = clone / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/{name}\nexit 1\n")
        hook.chmod(0o755)
    for key in ("commit.gpgsign", "user.useConfigOnly"):
        git(clone, "config", key, "true")
    git(clone, "config", "gpg.program", "false")
    for key in ("user.name", "user.email"):
        git(clone, "config", "--unset", key)
    foreign = tmp_path / "foreign-index"
    monkeypatch.setenv("GIT_INDEX_FILE", str(foreign))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    snapshot = Repository.find(clone).snapshot("r1")
    assert {"new é.txt", "staged.txt"} <= {name.strip('"') for name in files(clone, snapshot.commit)}
    assert not foreign.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_refs_that_are_in_the_way(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD")
    git(clone, "commit", "-q", "--allow-empty", "-m", "second")
    second = git(clone, "rev-parse", "HEAD")
    repository = Repository.find(clone)
    git(clone, "update-ref", "refs/wb/old", head)  # refs of an earlier form, once a file and once a folder
    git(clone, "update-ref", f"refs/wb/new-{second[:8]}/x", head)
    git(clone, "update-ref", f"refs/wb/taken-{second[:8]}", head)
    assert repository.snapshot("old/part").ref == f"refs/wb/old-part-{second[:8]}"
    assert repository.snapshot("new").ref == f"refs/wb/new-{second[:16]}"
    assert repository.snapshot("taken").ref == f"refs/wb/taken-{second[:16]}"
    assert repository.snapshot("../.x y~^:é.lock").ref == f"refs/wb/x-y-é.lock-{second[:8]}"
    broken = clone / ".git" / "refs" / "wb" / f"broken-{second[:8]}"
    broken.touch()
    assert repository.snapshot("broken").ref == f"refs/wb/broken-{second[:16]}"
    assert git(clone, "rev-parse", f"refs/wb/taken-{second[:8]}") == head


def test_a_lock_that_a_killed_process_left_on_a_ref(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD")
    lock = clone / ".git" / "refs" / "wb" / f"r1-{head[:8]}.lock"
    lock.parent.mkdir()
    lock.touch()
    assert Repository.find(clone).snapshot("r1").ref == f"refs/wb/r1-{head[:8]}"
    assert not lock.exists()


def test_locks_that_the_users_own_git_holds_are_neither_waited_for_nor_removed(clone: Path) -> None:
    change(clone)
    for name in ("index.lock", "HEAD.lock"):
        (clone / ".git" / name).touch()
    before = state(clone)
    assert "staged.txt" in files(clone, Repository.find(clone).snapshot("r1").commit)
    assert state(clone) == before


def test_a_repository_that_cannot_be_written_says_so(clone: Path) -> None:
    (clone / ".git" / "refs" / "wb").write_text("no ref\n")
    with pytest.raises(RecordError, match="git update-ref failed"):
        Repository.find(clone).snapshot("r1")


def test_several_at_once_agree(clone: Path) -> None:
    change(clone)
    for name in ("r1", "r2", "r3"):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _, name=name: Repository.find(clone).snapshot(name), range(8)))
        assert len({(each.commit, each.ref) for each in found}) == 1
    assert len(git(clone, "for-each-ref", "refs/wb").splitlines()) == 3


SNAPSHOT = """
import pathlib, sys
from workbench.record.git import Repository
repository = Repository.find(pathlib.Path(sys.argv[1]))
print("go", flush=True)
print(repository.snapshot("r1").commit, flush=True)
"""


def test_killed_at_any_moment_the_repository_is_its_users_and_the_next_snapshot_the_same(clone: Path) -> None:
    """The whole process group is killed, as by the kernel's or a batch system's hand: git in the middle of it too."""
    (clone / "stashed.txt").write_text("x\n")
    git(clone, "stash", "-q", "-u")
    change(clone)
    for n in range(60):
        (clone / f"many{n}.bin").write_bytes(random.Random(n).randbytes(5_000))
    twin = clone.with_name("twin")
    shutil.copytree(clone, twin, symlinks=True)
    began = time.monotonic()
    expected = Repository.find(twin).snapshot("r1").commit
    takes = time.monotonic() - began
    before = state(clone)
    pauses = random.Random(5)
    cut = 0
    for n in range(14):
        with subprocess.Popen(
            [sys.executable, "-c", SNAPSHOT, str(clone)], stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            assert process.stdout is not None and process.stdout.readline() == b"go\n"
            time.sleep(takes * pauses.uniform(n, n + 1) / 12)
            os.killpg(process.pid, signal.SIGKILL)
            cut += process.stdout.read() == b""
        assert state(clone) == before  # no lock of git's is among the new files either
        assert set(git(clone, "for-each-ref", "--format=%(objectname)", "refs/wb").split()) <= {expected}
        assert "a.txt" in git(clone, "status", "--porcelain")
    assert cut
    assert Repository.find(clone).snapshot("r1").commit == expected
    git(clone, "fsck", "--strict", "--no-dangling")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "goes on")
    git(clone, "stash", "pop", "-q")
