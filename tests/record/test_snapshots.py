from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record import snapshots
from workbench.record.git import Repository
from workbench.record.snapshots import looks_secret


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit of a few files."""
    place = tmp_path / "project"
    (place / "experiments").mkdir(parents=True)
    git(place, "init", "-q", "-b", "main")
    for key, value in {"user.name": "someone", "user.email": "someone@example.org", "gc.auto": "0"}.items():
        git(place, "config", key, value)
    (place / "a.txt").write_text("one\n")
    (place / "b.txt").write_text("two\n")
    (place / "link").symlink_to("a.txt")
    (place / "experiments" / "spec.py").write_text("x = 1\n")
    (place / "experiments" / "other.py").write_text("y = 1\n")
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


def files(place: Path, commit: str) -> set[str]:
    return set(git(place, "ls-tree", "-r", "-z", "--name-only", commit).split("\0"))


def state(place: Path) -> dict[str, bytes]:
    """All in a clone that is its user's: files, links, index, branches, stash, set-up; not objects, not refs/wb."""
    found = {}
    for folder, folders, names in os.walk(place):
        for name in [*names, *(each for each in folders if (Path(folder) / each).is_symlink())]:
            path = Path(folder) / name
            told = path.relative_to(place).as_posix()
            if not told.startswith((".git/objects/", ".git/refs/wb/")):
                found[told] = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found


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


@pytest.fixture
def library(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A submodule of the clone, checked out and committed, whose remote holds two commits."""
    for n, (key, value) in enumerate({"protocol.file.allow": "always"}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{n}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{n}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    upstream = tmp_path / "upstream"
    git(tmp_path, "init", "-q", "-b", "main", str(upstream))
    for text in ("one", "two"):
        (upstream / "lib.py").write_text(text)
        git(upstream, "add", "-A")
        git(upstream, "commit", "-q", "-m", text)
    git(clone, "submodule", "--quiet", "add", str(upstream), "lib")
    git(clone, "commit", "-q", "-m", "lib")
    return clone / "lib"


def gitlink(clone: Path, commit: str) -> str:
    return git(clone, "rev-parse", f"{commit}:lib")


def test_a_submodule_is_recorded_as_the_commit_checked_out_in_it(clone: Path, library: Path) -> None:
    assert Repository.find(clone).snapshot("r1").commit == git(clone, "rev-parse", "HEAD")
    git(library, "checkout", "-q", "HEAD~1")
    git(clone, "config", "submodule.lib.ignore", "all")
    assert git(clone, "status", "--porcelain") == ""
    before = state(clone)
    snapshot = Repository.find(clone).snapshot("r1")
    assert state(clone) == before
    assert not snapshot.left_out
    assert gitlink(clone, snapshot.commit) == git(library, "rev-parse", "HEAD") != gitlink(clone, "HEAD")


def test_what_nobody_else_can_get_of_a_submodule_is_reported(clone: Path, library: Path) -> None:
    (library / "lib.py").write_text("edited")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot.left_out == {"lib": "a submodule with changes that are in no commit of its own"}
    assert gitlink(clone, snapshot.commit) == git(library, "rev-parse", "HEAD")
    git(library, "commit", "-q", "-a", "-m", "mine")
    mine = git(library, "rev-parse", "HEAD")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot.left_out == {"lib": f"a submodule whose commit {mine[:8]} is on no branch of its remotes"}
    assert gitlink(clone, snapshot.commit) == mine
    git(clone, "commit", "-q", "-a", "-m", "recorded")  # a clean tree, and still nobody else has that commit
    assert set(Repository.find(clone).snapshot("r1").left_out) == {"lib"}
    git(library, "push", "-q", "origin", "HEAD:refs/heads/mine")
    assert not Repository.find(clone).snapshot("r1").left_out


def test_a_shallow_submodule_whose_commit_was_fetched_by_itself(clone: Path, library: Path, tmp_path: Path) -> None:
    git(library, "checkout", "-q", "HEAD~1")
    git(clone, "commit", "-q", "-a", "-m", "an older one")
    upstream = tmp_path / "upstream"
    git(upstream, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", str(clone), "theirs")
    theirs = tmp_path / "theirs"
    git(theirs, "config", "submodule.lib.url", f"file://{upstream}")
    git(theirs, "submodule", "--quiet", "init")
    git(theirs, "submodule", "--quiet", "update", "--depth", "1")
    assert git(theirs / "lib", "rev-parse", "--is-shallow-repository") == "true"
    assert git(theirs / "lib", "for-each-ref", "--contains", "HEAD") == ""
    assert not Repository.find(theirs).snapshot("r1").left_out


def test_a_new_a_removed_and_an_absent_submodule(clone: Path, library: Path) -> None:
    git(clone, "reset", "-q", "--soft", "HEAD~1")  # added, not yet committed
    snapshot = Repository.find(clone).snapshot("r1")
    assert not snapshot.left_out and gitlink(clone, snapshot.commit) == git(library, "rev-parse", "HEAD")
    git(clone, "commit", "-q", "-m", "lib")
    git(clone, "submodule", "--quiet", "deinit", "-f", "lib")
    assert Repository.find(clone).snapshot("r1").commit == git(clone, "rev-parse", "HEAD")
    library.rmdir()
    assert "lib" not in files(clone, Repository.find(clone).snapshot("r1").commit)


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


def test_names_that_look_secret() -> None:
    names = (".env", "x/.env.local", "k.PEM", "id_rsa", "hf_token", "credentials.json", ".aws/config", "secrets/x.yaml")
    assert all(map(looks_secret, names))
    assert not any(
        map(looks_secret, ("tokens.py", "spec.py", "environment.json", "x/keys.md", "tokenizer_config.json"))
    )
