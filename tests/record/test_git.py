from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.record.repositories import clone, git
from workbench.errors import RecordError
from workbench.record.git import Repository

__all__ = ["clone"]


def test_no_repository_and_no_commit_say_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="git init && git add -A && git commit"):
        Repository.find(tmp_path)
    git(tmp_path, "init", "-q")
    with pytest.raises(RecordError, match="no commit yet"):
        Repository.find(tmp_path)


def test_clean_tree(clone: Path) -> None:
    repository = Repository.find(clone / "experiments")
    assert repository.root == clone
    assert repository.head == git(clone, "rev-parse", "HEAD") and repository.head.startswith(repository.short)
    assert (repository.branch, repository.url, repository.dirty_files(), repository.diff()) == ("main", "", [], "")
    assert repository.facts()["dirty"] is False
    git(clone, "checkout", "-q", "--detach")
    assert repository.branch == ""


def test_looking_never_writes_the_user_s_index(clone: Path) -> None:
    """Files with other times and the same content, as in a copied folder: git would note the times in the index."""
    for name in ("a.txt", "b.txt"):
        os.utime(clone / name, (1e9, 1e9))
    before = (clone / ".git" / "index").read_bytes()
    repository = Repository.find(clone)
    assert (repository.diff(), repository.diff_stat(), repository.facts()["dirty"]) == ("", "", False)
    assert (clone / ".git" / "index").read_bytes() == before


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:secret@example.org/x.git", "https://example.org/x.git"),
        ("https://token@example.org/x.git", "https://example.org/x.git"),
        ("git@example.org:me/x.git", "git@example.org:me/x.git"),
    ],
)
def test_credentials_of_the_remote_are_never_told(clone: Path, address: str, shown: str) -> None:
    git(clone, "remote", "add", "origin", address)
    assert Repository.find(clone).url == shown


def test_commit_by_name(clone: Path) -> None:
    repository = Repository.find(clone)
    assert repository.commit("main") == repository.commit(repository.short) == repository.head
    with pytest.raises(RecordError, match="knows no commit 'nope'"):
        repository.commit("nope")


def test_no_folder_no_permission_and_a_bare_repository_are_said(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="not a git repository"):
        Repository.find(tmp_path / "nowhere")
    git(tmp_path, "init", "-q", "--bare", "bare")
    with pytest.raises(RecordError, match="bare git repository"):
        Repository.find(tmp_path / "bare")
    (clone / ".git" / "config").write_text("[core\n")
    with pytest.raises(RecordError, match=r"git refuses this repository .*bad config line 1"):
        Repository.find(clone)


def test_variables_of_a_hook_do_not_lead_to_another_repository(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    git(tmp_path, "init", "-q", str(other))
    (clone / "a.txt").write_text("edited\n")
    expected = git(clone, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    repository = Repository.find(clone / "experiments")
    assert (repository.root, repository.head, repository.dirty_files()) == (clone, expected, ["a.txt"])
    assert not (other / "index").exists()


def test_settings_of_the_user_do_not_change_what_is_told(clone: Path, tmp_path: Path) -> None:
    before = [Repository.find(clone).ask("show", "-s", "--format=%ct", "HEAD")]
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    monitor.chmod(0o755)
    for key, value in {"core.fsmonitor": str(monitor), "log.showSignature": "true", "status.branch": "true",
                       "status.showUntrackedFiles": "no", "core.quotePath": "true"}.items():  # fmt: skip
        git(clone, "config", key, value)
    (clone / "é.txt").write_text("new\n")
    repository = Repository.find(clone)
    assert repository.dirty_files() == ["é.txt"]
    assert [repository.ask("show", "-s", "--format=%ct", "HEAD")] == before
    assert not (tmp_path / "asked").exists()


def test_edits_hidden_from_git_status_are_changes(clone: Path) -> None:
    git(clone, "update-index", "--assume-unchanged", "a.txt")
    git(clone, "update-index", "--skip-worktree", "b.txt")
    repository = Repository.find(clone)
    assert repository.dirty_files() == []
    (clone / "a.txt").write_text("edited\n")
    (clone / "b.txt").write_text("edited\n")
    assert git(clone, "status", "--porcelain") == ""
    assert repository.dirty_files() == ["a.txt", "b.txt"]
    (clone / "b.txt").write_text("two\n")
    (clone / "a.txt").unlink()
    (clone / "a.txt").symlink_to("b.txt")
    assert repository.dirty_files() == ["a.txt"]
    (clone / "a.txt").unlink()
    (clone / "b.txt").unlink()
    assert repository.dirty_files() == ["a.txt"]  # a sparse checkout has no b.txt, which is no deletion


def test_a_patch_in_another_encoding_is_text(clone: Path) -> None:
    (clone / "a.txt").write_bytes("größer\n".encode("latin-1"))
    assert "+gr" in Repository.find(clone).diff() and Repository.find(clone).diff().encode()


def test_what_git_says_is_told_without_credentials(clone: Path) -> None:
    with pytest.raises(RecordError, match="git ls-remote failed") as error:
        Repository.find(clone).ask("-c", "x.y=z", "ls-remote", "http://me:secret@127.0.0.1:1/x.git")
    assert "secret" not in str(error.value) and "127.0.0.1" in str(error.value)


def test_clean_tree_in_a_linked_worktree(clone: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(clone, "worktree", "add", "-q", "-b", "other", str(linked))
    (linked / "a.txt").write_text("in the worktree\n")
    repository = Repository.find(linked / "experiments")
    assert (repository.root, repository.branch, repository.dirty_files()) == (linked, "other", ["a.txt"])
    assert Repository.find(clone).dirty_files() == []
