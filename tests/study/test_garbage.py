"""What no kept run needs goes; what one needs, or somebody holds, stays."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.study.state import Kept, make_kept
from workbench.record.files import write_json
from workbench.record.git import Repository
from workbench.record.journal import Journal
from workbench.record.places import run_folder, study_folder
from workbench.study import garbage
from workbench.study.garbage import Garbage

OLD = time.time() - (garbage.OLD_DAYS + 1) * 86400


@pytest.fixture
def state(tmp_path: Path) -> Kept:
    return make_kept(tmp_path)


def find(state: Kept, *dropped: str) -> list[Garbage]:
    return garbage.find(state.root, state.home, dropped)


def told(state: Kept, *dropped: str) -> set[tuple[str, str]]:
    return {(item.kind, item.name) for item in find(state, *dropped)}


def collect(state: Kept, *dropped: str) -> list[str]:
    """Removes all that is found; the reasons of what was kept."""
    return [why for item in find(state, *dropped) if (why := garbage.remove(state.root, state.home, item))]


def files(state: Kept) -> set[str]:
    return {
        path.relative_to(state.home).as_posix() for path in state.home.rglob("*") if not path.name.endswith(".lock")
    }


def test_nothing_recorded_is_nothing_to_remove(state: Kept) -> None:
    assert find(state) == []


def test_runs_that_no_study_needs_and_failed_ones_that_were_done_again(state: Kept) -> None:
    state.study("one", ["listed"])
    state.run("mother", "gone")
    state.run("listed", "gone", sources={"s": "mother"})
    for name in ("listed", "mother"):
        (run_folder(state.home, name) / "checkpoint.safetensors").unlink()
    kept = files(state)
    orphan = state.run("orphan", "gone")
    (orphan / "weights.safetensors").write_bytes(bytes(5000))
    run_folder(state.home, "never-begun").mkdir()
    run_folder(state.home, "failed").mkdir()
    run_folder(state.home, "failed").rename(state.home / "runs" / ".listed.failed-17")
    found = find(state)
    assert told(state) == {("run", "orphan"), ("run", "never-begun"), ("failed run", ".listed.failed-17")}
    assert next(item.size for item in found if item.name == "orphan") > 6000
    assert collect(state) == []
    assert files(state) == kept and find(state) == []


def test_a_named_study_goes_with_all_that_only_it_needs(state: Kept) -> None:
    state.study("one", ["both"], snapshot=state.snapshot("one", "1"))
    state.study("two", ["both", "own"], snapshot=state.snapshot("two", "2"))
    state.run("both", "two")
    state.run("own", "two")
    assert told(state) == {("checkpoint", "both"), ("checkpoint", "own")}
    expected = {("study", "two"), ("run", "own"), ("checkpoint", "both")}
    assert {(item.kind, item.name.partition("-")[0]) for item in find(state, "two")} == expected | {("ref", "two")}
    assert collect(state, "two") == []
    assert not study_folder(state.home, "two").exists() and not run_folder(state.home, "own").exists()
    assert (run_folder(state.home, "both") / "result.json").exists()
    assert state.refs() == {"one"}


def test_checkpoints_of_finished_runs_only(state: Kept) -> None:
    state.study("one", ["done", "later"])
    done, later = state.run("done", "one"), state.run("later", "one", done=False)
    assert told(state) == {("checkpoint", "done")}
    assert collect(state) == []
    assert not (done / "checkpoint.safetensors").exists() and (done / "result.json").exists()
    assert (later / "checkpoint.safetensors").exists()


def test_worktrees_of_reproductions_that_nobody_works_on(state: Kept) -> None:
    facts = {"commit": state.git("rev-parse", "HEAD")}
    ended, left, held, alive = (state.reproduction(name, facts, ended=name == "ended") for name in
                                ("ended", "left", "held", "alive"))  # fmt: skip
    with FileLock(held / "reproduction.lock"), Journal.create(run_folder(alive / "home", "r"), {"identity": "i"}):
        assert told(state) == {("worktree", "ended"), ("worktree", "left")}
        assert collect(state) == []
    assert not (ended / "tree").exists() and not (left / "tree").exists()
    assert (ended / "result.json").exists() and (left / "home").is_dir()
    assert (held / "tree" / "a.txt").exists() and (alive / "tree" / "a.txt").exists()
    listed = state.git("worktree", "list", "--porcelain")
    assert "ended" not in listed and "left" not in listed and "held/tree" in listed and "alive/tree" in listed
    assert (state.root / "a.txt").exists()


def venv(state: Kept, name: str, lock: str | None, *, old: bool) -> Path:
    folder = state.home / "venvs" / name
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("#!\n")
    if lock is not None:
        write_json(folder / "ready.json", {"lock": lock, "python": "3.11.7"})
        if old:
            os.utime(folder / "ready.json", (OLD, OLD))
    return folder


def test_what_ended_long_ago(state: Kept) -> None:
    facts = {"commit": state.git("rev-parse", "HEAD")}
    old, new, tree, held = (state.reproduction(name, facts, ended=True) for name in ("old", "new", "tree", "held"))
    for folder in (old, new, held):
        shutil.rmtree(folder / "tree")
    for folder in (old, tree, held):
        os.utime(folder / "result.json", (1, 1))
    copies = [state.home / "fetched" / name for name in ("aa", "bb")]
    for copy in copies:
        copy.mkdir(parents=True)
    os.utime(copies[0], (1, 1))
    with FileLock(held / "reproduction.lock"):
        assert told(state) == {("reproduction", "old"), ("worktree", "tree"), ("fetched", "aa")}
        assert collect(state) == []
    assert [folder.exists() for folder in (old, new, tree, held, *copies)] == [False, True, True, True, False, True]


def test_venvs_that_are_half_built_or_long_unused(state: Kept) -> None:
    state.reproduction("r", {"commit": state.git("rev-parse", "HEAD"), "lock": "wanted"}, ended=False)
    (state.home / "reproductions" / "r" / "tree").rename(state.home / "elsewhere")
    kept = [venv(state, "new", "a", old=False), venv(state, "wanted-old", "wanted", old=True),
            venv(state, "building", None, old=True), venv(state, "installing", None, old=True)]  # fmt: skip
    gone = [venv(state, "half", None, old=False), venv(state, "unused", "b", old=True)]
    with FileLock(state.home / "venvs" / "building.lock"), FileLock(state.home / "venvs" / "installing.busy"):
        assert told(state) == {("venv", "half"), ("venv", "unused")}
        assert collect(state) == []
    assert all(folder.exists() for folder in kept) and not any(folder.exists() for folder in gone)
    write_json(state.home / "reproductions" / "r" / "result.json", {})
    assert ("venv", "wanted-old") in told(state)


def test_refs_that_no_record_and_no_published_result_names(state: Kept) -> None:
    state.study("one", ["listed"], snapshot=state.snapshot("one", "1"))
    state.run("listed", "one", snapshot=state.snapshot("listed", "2"), done=False)
    state.run("orphan", "gone", snapshot=state.snapshot("orphan", "3"))
    published = state.snapshot("published", "4")
    (state.root / "experiments" / "x").mkdir(parents=True)
    write_json(state.root / "experiments" / "x" / "results.json", {"commit": published})
    state.snapshot("nobodys", "5")
    Repository.find(state.root).snapshot("new")
    assert {item.name.rpartition("-")[0] for item in find(state) if item.kind == "ref"} == {"orphan", "nobodys"}
    assert collect(state) == []
    assert state.refs() == {"one", "listed", "published", "new"}


def test_while_a_study_runs_runs_and_refs_are_left_alone(state: Kept) -> None:
    state.run("orphan", "gone")
    state.snapshot("nobodys", "1")
    found = find(state)
    assert {item.kind for item in found} == {"run", "ref"}
    with Journal.create(study_folder(state.home, "now"), {"identity": "i", "runs": []}, kind="study"):
        assert find(state) == []
        assert {garbage.remove(state.root, state.home, item) for item in found} == {
            "a study has begun, which may need it"
        }
    assert run_folder(state.home, "orphan").exists() and state.refs() == {"nobodys"}


def test_what_somebody_took_up_after_it_was_listed_is_kept(state: Kept) -> None:
    orphan = state.run("orphan", "gone", done=False)
    (found,) = find(state)
    with FileLock(orphan / "run.lock"):
        assert garbage.remove(state.root, state.home, found) == "another process works on it"
        assert find(state) == []
    assert (orphan / "run.json").exists()
    assert garbage.remove(state.root, state.home, found) == ""
    assert not orphan.exists() and garbage.remove(state.root, state.home, found) == ""


def test_old_logs(state: Kept) -> None:
    (state.home / "log").mkdir()
    for name in ("old.txt", "new.txt"):
        (state.home / "log" / name).write_text("x")
    os.utime(state.home / "log" / "old.txt", (OLD, OLD))
    assert told(state) == {("log", "old.txt")}
    assert collect(state) == []
    assert files(state) == {".gitignore", "log", "log/new.txt"}


def test_what_other_names_keep_frees_nothing(state: Kept) -> None:
    folder = state.run("orphan", "gone")
    (folder / "data.bin").write_bytes(bytes(50_000))
    before = find(state)[0].size
    os.link(folder / "data.bin", state.home / "cached.bin")
    assert before - find(state)[0].size == 50_000


REMOVE = """
import pathlib, sys
from workbench.study import garbage
root, home = map(pathlib.Path, sys.argv[1:])
found = garbage.find(root, home)
print("go", flush=True)
for item in found:
    garbage.remove(root, home, item)
"""


def test_killed_half_way_everything_is_whole_or_gone(
    state: Kept, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    state.study("one", ["kept"])
    state.run("kept", "one")
    (run_folder(state.home, "kept") / "checkpoint.safetensors").unlink()
    for name in ("a", "b", "c"):
        folder = state.run(name, "gone")
        for n in range(3000):
            (folder / f"{n}.bin").touch()
    whole = {name: len(list(run_folder(state.home, name).iterdir())) for name in ("a", "b", "c")}
    command = [sys.executable, "-c", REMOVE, str(state.root), str(state.home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
        wait_until(lambda: any((state.home / "runs").glob(".gone-*")))
        os.killpg(process.pid, signal.SIGKILL)
    left = {
        name: len(list(run_folder(state.home, name).iterdir()))
        for name in whole
        if run_folder(state.home, name).exists()
    }
    assert left.items() <= whole.items()
    assert told(state) and {kind for kind, _ in told(state)} <= {"run", "leftover"}
    assert collect(state) == []
    assert [path.name for path in (state.home / "runs").iterdir()] == ["kept"]


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Returns when something has come about; fails after a minute."""

    def wait(about: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not about():
            assert time.monotonic() < deadline
            time.sleep(0.001)

    return wait
