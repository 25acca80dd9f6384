"""What a snapshot holds: the tree that git itself would commit, less what must not get into it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.record.repositories import change, clone, files, git, state
from workbench.record import snapshots
from workbench.record.git import Repository
from workbench.record.snapshots import looks_secret

__all__ = ["clone"]


def by_git_itself(place: Path) -> str:
    """The tree that ``git add -A`` makes of a working tree, in a copy of its repository."""
    copy = place.with_name("copy")
    shutil.copytree(place, copy, symlinks=True)
    git(copy, "-c", "core.safecrlf=false", "add", "-A", "--sparse")
    return git(copy, "write-tree")


def replace_file_by_link(place: Path) -> None:
    (place / "a.txt").unlink()
    (place / "a.txt").symlink_to("nowhere")


def replace_folder_by_link(place: Path) -> None:
    (place / "experiments").rename(place / "ignored")
    (place / "experiments").symlink_to("ignored")


def replace_link_by_file(place: Path) -> None:
    (place / "link").unlink()
    (place / "link").write_text("plain\n")


def replace_file_by_folder(place: Path) -> None:
    (place / "a.txt").unlink()
    (place / "a.txt" / "deep").mkdir(parents=True)
    (place / "a.txt" / "deep" / "x").write_text("x\n")


def replace_folder_by_file(place: Path) -> None:
    shutil.rmtree(place / "experiments")
    (place / "experiments").write_text("a file\n")


def dangling(place: Path) -> None:
    (place / "away").symlink_to("/does/not/exist")
    (place / "loop").symlink_to("loop")
    (place / "link").unlink()
    (place / "link").symlink_to("b.txt")


def executable(place: Path) -> None:
    (place / "a.txt").chmod(0o755)
    (place / "run.sh").write_text("#!/bin/sh\n")
    (place / "run.sh").chmod(0o755)


def staged_and_gone(place: Path) -> None:
    (place / "gone.txt").write_text("x\n")
    git(place, "add", "gone.txt")
    (place / "gone.txt").unlink()
    (place / "a.txt").write_text("staged\n")
    git(place, "add", "a.txt")
    (place / "a.txt").write_text("and edited\n")


def intended(place: Path) -> None:
    (place / "later.txt").write_text("to be added\n")
    git(place, "add", "-N", "later.txt")


def conflict(place: Path) -> None:
    git(place, "checkout", "-q", "-b", "other")
    (place / "a.txt").write_text("theirs\n")
    (place / "b.txt").unlink()
    git(place, "commit", "-q", "-a", "-m", "theirs")
    git(place, "checkout", "-q", "main")
    (place / "a.txt").write_text("ours\n")
    (place / "b.txt").write_text("ours\n")
    git(place, "commit", "-q", "-a", "-m", "ours")
    assert subprocess.run(["git", "merge", "-q", "other"], cwd=place, capture_output=True).returncode == 1
    assert "<<<<" in (place / "a.txt").read_text()


def sparse(place: Path) -> None:
    git(place, "sparse-checkout", "set", "--no-cone", "/*", "!/b.txt", "!/experiments/")
    assert not (place / "b.txt").exists()
    (place / "a.txt").write_text("edited\n")
    (place / "experiments").mkdir()
    (place / "experiments" / "outside.py").write_text("not in the patterns\n")


def line_endings(place: Path) -> None:
    for key in ("core.autocrlf", "core.safecrlf"):
        git(place, "config", key, "true")
    (place / "a.txt").write_bytes(b"one\r\ntwo\r\n")
    (place / "mixed.txt").write_bytes(b"one\r\n")
    (place / "b.txt").write_bytes(b"two\r\n")  # the same for git


def index_in_two(place: Path) -> None:
    git(place, "config", "core.splitIndex", "true")
    (place / "a.txt").write_text("edited\n")


def forced(place: Path) -> None:
    (place / "ignored").mkdir()
    (place / "ignored" / "kept.txt").write_text("x\n")
    (place / "ignored" / "not.txt").write_text("x\n")
    git(place, "add", "-f", "ignored/kept.txt")


@pytest.mark.parametrize(
    "prepare",
    [
        change, replace_file_by_link, replace_folder_by_link, replace_link_by_file, replace_file_by_folder,
        replace_folder_by_file, dangling, executable, staged_and_gone, intended, conflict, sparse, line_endings,
        index_in_two, forced,
    ],
)  # fmt: skip
def test_a_snapshot_is_the_tree_that_git_itself_would_commit(clone: Path, prepare: Callable[[Path], None]) -> None:
    prepare(clone)
    before = state(clone)
    snapshot = Repository.find(clone).snapshot("r1")
    assert state(clone) == before
    assert not snapshot.left_out
    assert git(clone, "rev-parse", f"{snapshot.commit}^{{tree}}") == by_git_itself(clone)
    assert git(clone, "rev-parse", f"{snapshot.commit}^") == git(clone, "rev-parse", "HEAD")
    assert snapshot.ref == f"refs/wb/r1-{snapshot.commit[:8]}"
    assert git(clone, "rev-parse", snapshot.ref) == snapshot.commit
    assert git(clone, "log", "-1", "--format=%an %ae", snapshot.commit) == "workbench workbench@localhost"


def test_a_clean_tree_is_head_which_a_ref_holds(clone: Path) -> None:
    head = git(clone, "rev-parse", "HEAD")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot == snapshots.Snapshot(head, f"refs/wb/r1-{head[:8]}")
    git(clone, "commit", "-q", "--amend", "-m", "another")
    git(clone, "reflog", "expire", "--expire=now", "--all")
    git(clone, "gc", "-q", "--prune=now")
    assert git(clone, "cat-file", "-t", head) == "commit"


def test_equal_trees_give_equal_commits(clone: Path) -> None:
    change(clone)
    first = Repository.find(clone).snapshot("r1")
    time.sleep(1.1)
    git(clone, "add", "-A")
    git(clone, "config", "i18n.commitEncoding", "ISO-8859-1")
    second = Repository.find(clone).snapshot("r2")
    assert first.commit == second.commit and first.ref != second.ref
    assert Repository.find(clone).snapshot("r1") == first
    (clone / "a.txt").write_text("edited again\n")
    third = Repository.find(clone).snapshot("r1")
    assert third.commit != first.commit
    assert git(clone, "rev-parse", first.ref) == first.commit and git(clone, "rev-parse", third.ref) == third.commit


def test_a_snapshot_survives_gc_and_rebuilds_the_tree(clone: Path, tmp_path: Path) -> None:
    change(clone)
    snapshot = Repository.find(clone).snapshot("r1")
    git(clone, "gc", "-q", "--prune=now")
    git(clone, "worktree", "add", "-q", "--detach", str(tmp_path / "again"), snapshot.ref)
    assert (tmp_path / "again" / "new é.txt").read_text() == "untracked\n"
    assert not (tmp_path / "again" / "b.txt").exists()


def test_from_a_subfolder_and_a_linked_worktree(clone: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(clone, "worktree", "add", "-q", "-b", "other", str(linked))
    (linked / "a.txt").write_text("in the worktree\n")
    snapshot = Repository.find(linked / "experiments").snapshot("w1")
    assert git(clone, "show", f"{snapshot.commit}:a.txt") == "in the worktree"
    assert git(clone, "rev-parse", snapshot.ref) == snapshot.commit
    assert Repository.find(clone).snapshot("w1").commit == git(clone, "rev-parse", "HEAD")


def test_secrets_and_big_files_are_left_out_and_named(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MAX_FILE", 1000)
    monkeypatch.setattr(snapshots, "MAX_TOTAL", 1500)
    for name in (".env", "api_token.txt", ".ssh/config", "tokenizer.json", "tokenizer.py"):
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).write_text("KEY=1\n")
    (clone / "big.bin").write_bytes(bytes(1001))
    (clone / "m.bin").write_bytes(bytes(900))
    (clone / "n.bin").write_bytes(bytes(900))
    snapshot = Repository.find(clone).snapshot("r1")
    assert set(snapshot.left_out) == {".env", "api_token.txt", ".ssh/config", "big.bin", "n.bin"}
    there = files(clone, snapshot.commit)
    assert {"m.bin", "tokenizer.json", "tokenizer.py"} <= there and not set(snapshot.left_out) & there


def test_a_tracked_secret_stays_as_head_has_it_and_a_deleted_one_is_deleted(clone: Path) -> None:
    for name in ("one.key", "two.key", "three.key"):
        (clone / name).write_text("old\n")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "keys")
    (clone / "one.key").write_text("new\n")
    (clone / "two.key").unlink()
    (clone / "three.key").unlink()
    (clone / "three.key").symlink_to("/home/me/key")
    snapshot = Repository.find(clone).snapshot("r1")
    assert set(snapshot.left_out) == {"one.key", "three.key"}
    assert git(clone, "show", f"{snapshot.commit}:one.key") == "old"
    assert git(clone, "show", f"{snapshot.commit}:three.key") == "old"
    assert "two.key" not in files(clone, snapshot.commit)


def test_tree_with_only_left_out_files_is_head(clone: Path) -> None:
    (clone / "id_rsa").write_text("key\n")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot.commit == git(clone, "rev-parse", "HEAD") == git(clone, "rev-parse", snapshot.ref)
    assert snapshot.left_out == {"id_rsa": "its name looks like a secret"}


def test_what_git_cannot_take_is_named_and_the_rest_is_taken(clone: Path) -> None:
    (clone / "git~1").write_text("git refuses this name, which is .git where Windows shortens names\n")
    (clone / ".gitattributes").write_text("*.bad filter=broken\n")
    git(clone, "config", "filter.broken.clean", "false")
    git(clone, "config", "filter.broken.required", "true")
    (clone / "x.bad").write_text("its filter fails\n")
    os.mkfifo(clone / "pipe")
    (clone / "a.txt").unlink()
    os.mkfifo(clone / "a.txt")
    for n in range(9):
        (clone / f"{n}.txt").write_text(f"{n}\n")
    snapshot = Repository.find(clone).snapshot("r1")
    assert set(snapshot.left_out) == {"git~1", "x.bad", "a.txt"}
    assert "git cannot take it" in snapshot.left_out["x.bad"]
    assert {f"{n}.txt" for n in range(9)} < files(clone, snapshot.commit)


def test_nested_repositories_are_left_out(clone: Path) -> None:
    for name in ("vendor", "a.txt"):
        (clone / name).unlink(missing_ok=True)
        git(clone, "init", "-q", name)
        (clone / name / "x.txt").write_text("x")
    git(clone, "worktree", "add", "-q", "--detach", "beside")
    (clone / "b.txt").write_text("edited\n")
    snapshot = Repository.find(clone).snapshot("r1")
    nested = "a git repository of its own"
    assert snapshot.left_out == {"a.txt/": nested, "beside/": nested, "vendor/": nested}
    assert not {"a.txt", "vendor", "beside"} & files(clone, snapshot.commit)


@pytest.mark.parametrize(
    "name", ["a [1].txt", ":(top)x", "--help", "*.txt", "line\nbreak", '"quoted"', " ", "tab\t", "1 .M N...", "\udcff"]
)
def test_odd_file_names(clone: Path, name: str) -> None:
    (clone / name).write_text("odd\n")
    (clone / "c.txt").write_text("secret by no means\n")
    snapshot = Repository.find(clone).snapshot("r1")
    assert not snapshot.left_out
    assert git(clone, "rev-parse", f"{snapshot.commit}^{{tree}}") == by_git_itself(clone)


def test_a_left_out_name_can_be_printed_whatever_its_bytes(clone: Path) -> None:
    (clone / "\udcff.key").write_text("odd\n")
    assert list(Repository.find(clone).snapshot("r1").left_out) == ["\\xff.key"]


def test_names_that_look_secret() -> None:
    names = (".env", "x/.env.local", "k.PEM", "id_rsa", "hf_token", "credentials.json", ".aws/config", "secrets/x.yaml")
    assert all(map(looks_secret, names))
    assert not any(
        map(looks_secret, ("tokens.py", "spec.py", "environment.json", "x/keys.md", "tokenizer_config.json"))
    )
