from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record import git as code
from workbench.record.git import Repository, looks_secret


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit of a few files."""
    place = tmp_path / "project"
    (place / "experiments").mkdir(parents=True)
    git(place, "init", "-q", "-b", "main")
    git(place, "config", "user.name", "someone")
    git(place, "config", "user.email", "someone@example.org")
    (place / "a.txt").write_text("one\n")
    (place / "b.txt").write_text("two\n")
    (place / "experiments" / "spec.py").write_text("x = 1\n")
    (place / ".gitignore").write_text("ignored/\n")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "start")
    return place


def change(place: Path) -> None:
    (place / "a.txt").write_text("edited\n")
    (place / "b.txt").unlink()
    (place / "new é.txt").write_text("untracked\n")
    (place / "staged.txt").write_text("staged\n")
    git(place, "add", "staged.txt")
    (place / "ignored").mkdir()
    (place / "ignored" / "x.txt").write_text("ignored\n")


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
    assert repository.snapshot("r1") == code.Snapshot(repository.head)
    assert git(clone, "for-each-ref", "refs/wb") == ""
    assert repository.facts()["dirty"] is False
    git(clone, "checkout", "-q", "--detach")
    assert repository.branch == ""


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


def test_snapshot_holds_the_whole_tree_and_touches_nothing(clone: Path) -> None:
    change(clone)
    repository = Repository.find(clone / "experiments")
    assert repository.dirty_files() == ["a.txt", "b.txt", "new é.txt", "staged.txt"]
    assert "+edited" in repository.diff()
    assert repository.diff_stat().endswith("1 untracked")
    before = (git(clone, "status", "--porcelain"), (clone / ".git" / "index").read_bytes(), git(clone, "branch", "-a"))
    snapshot = repository.snapshot("r1")
    after = (git(clone, "status", "--porcelain"), (clone / ".git" / "index").read_bytes(), git(clone, "branch", "-a"))
    assert before == after
    assert snapshot.ref == "refs/wb/r1" and git(clone, "rev-parse", "refs/wb/r1") == snapshot.commit
    assert not snapshot.left_out
    assert git(clone, "rev-parse", f"{snapshot.commit}^") == repository.head
    files = git(clone, "-c", "core.quotepath=false", "ls-tree", "-r", "--name-only", snapshot.commit).splitlines()
    assert files == [".gitignore", "a.txt", "experiments/spec.py", "new é.txt", "staged.txt"]
    assert git(clone, "show", f"{snapshot.commit}:a.txt") == "edited"
    assert git(clone, "log", "-1", "--format=%an %ae", snapshot.commit) == "workbench workbench@localhost"


def test_equal_trees_give_equal_commits(clone: Path) -> None:
    change(clone)
    first = Repository.find(clone).snapshot("r1")
    time.sleep(1.1)
    git(clone, "add", "-A")
    second = Repository.find(clone).snapshot("r2")
    assert first.commit == second.commit
    (clone / "a.txt").write_text("edited again\n")
    assert Repository.find(clone).snapshot("r3").commit != first.commit


def test_snapshot_survives_gc_and_rebuilds_the_tree(clone: Path, tmp_path: Path) -> None:
    change(clone)
    snapshot = Repository.find(clone).snapshot("r1")
    git(clone, "gc", "-q", "--prune=now")
    git(clone, "worktree", "add", "-q", "--detach", str(tmp_path / "again"), snapshot.ref)
    assert (tmp_path / "again" / "new é.txt").read_text() == "untracked\n"
    assert not (tmp_path / "again" / "b.txt").exists()


def test_linked_worktree_has_its_own_head_and_snapshot(clone: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(clone, "worktree", "add", "-q", "-b", "other", str(linked))
    (linked / "a.txt").write_text("in the worktree\n")
    repository = Repository.find(linked / "experiments")
    assert (repository.root, repository.branch) == (linked, "other")
    snapshot = repository.snapshot("w1")
    assert git(clone, "show", f"{snapshot.commit}:a.txt") == "in the worktree"
    assert Repository.find(clone).dirty_files() == []


def test_secrets_and_big_files_are_left_out_and_named(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "MAX_FILE", 1000)
    monkeypatch.setattr(code, "MAX_TOTAL", 1500)
    (clone / ".env").write_text("KEY=1\n")
    (clone / "api_token.txt").write_text("abc\n")
    (clone / "big.bin").write_bytes(bytes(1001))
    (clone / "m.bin").write_bytes(bytes(900))
    (clone / "n.bin").write_bytes(bytes(900))
    (clone / "tokenizer.py").write_text("x\n")
    snapshot = Repository.find(clone).snapshot("r1")
    assert set(snapshot.left_out) == {".env", "api_token.txt", "big.bin", "n.bin"}
    files = git(clone, "ls-tree", "-r", "--name-only", snapshot.commit).splitlines()
    assert {"m.bin", "tokenizer.py"} <= set(files) and not set(snapshot.left_out) & set(files)


def test_tree_with_only_left_out_files_is_head(clone: Path) -> None:
    (clone / "id_rsa").write_text("key\n")
    snapshot = Repository.find(clone).snapshot("r1")
    assert (snapshot.commit, snapshot.ref) == (git(clone, "rev-parse", "HEAD"), "")
    assert snapshot.left_out == {"id_rsa": "its name looks like a secret"}


def test_nested_repository_is_left_out(clone: Path) -> None:
    (clone / "vendor").mkdir()
    git(clone / "vendor", "init", "-q")
    (clone / "vendor" / "x.txt").write_text("x")
    (clone / "a.txt").write_text("edited\n")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot.left_out == {"vendor/": "a git repository of its own"}


@pytest.mark.parametrize("name", ["a [1].txt", ":(top)x", "--help", "*.txt", "line\nbreak", '"quoted"'])
def test_odd_file_names(clone: Path, name: str) -> None:
    (clone / name).write_text("odd\n")
    (clone / "c.txt").write_text("secret by no means\n")
    snapshot = Repository.find(clone).snapshot("r1")
    files = git(clone, "ls-tree", "-r", "-z", "--name-only", snapshot.commit).split("\0")
    assert name in files and "c.txt" in files


def test_snapshot_ignores_hooks_signing_and_a_foreign_index(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = clone / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git(clone, "config", "commit.gpgsign", "true")
    (clone / "a.txt").write_text("edited\n")
    assert Repository.find(clone).snapshot("r1").ref == "refs/wb/r1"


def test_killed_snapshot_leaves_the_repository_as_it_was(clone: Path) -> None:
    change(clone)
    for n in range(200):
        (clone / f"many{n}.bin").write_bytes(os.urandom(20_000))
    before = (git(clone, "status", "--porcelain"), (clone / ".git" / "index").read_bytes())
    script = (
        "import sys, pathlib\nfrom workbench.record.git import Repository\n"
        "r = Repository.find(pathlib.Path(sys.argv[1]))\nprint('go', flush=True)\nr.snapshot('r1')\n"
    )
    for delay in (0.01, 0.05, 0.1):
        with subprocess.Popen([sys.executable, "-c", script, str(clone)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline() == b"go\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.wait()
        time.sleep(0.2)
        assert not (clone / ".git" / "index.lock").exists()
        assert before == (git(clone, "status", "--porcelain"), (clone / ".git" / "index").read_bytes())
    assert Repository.find(clone).snapshot("r1").ref == "refs/wb/r1"


def test_commit_by_name(clone: Path) -> None:
    repository = Repository.find(clone)
    assert repository.commit("main") == repository.commit(repository.short) == repository.head
    with pytest.raises(RecordError, match="knows no commit 'nope'"):
        repository.commit("nope")


def test_names_that_look_secret() -> None:
    assert all(map(looks_secret, (".env", "x/.env.local", "k.PEM", "id_rsa", "hf_token", "credentials.json")))
    assert not any(map(looks_secret, ("tokens.py", "spec.py", "environment.json", "x/keys.md")))


def test_module_does_not_import_git_by_itself() -> None:
    script = "import sys, workbench.record.git; print('git' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
