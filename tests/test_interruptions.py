"""Killed, stopped, out of disk: the same command goes on, and ends with the numbers of an undisturbed study."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.project import Project, Typed, copy_project, no_point_twice, numbers, read, runner, stored

pytestmark = pytest.mark.timeout(1200)  # seconds, for a machine that has much else to do

LONGER = ("run", "tiny", "--set", "fit.epochs=10")
PATIENCE = 600  # seconds: what is waited for takes two on an idle machine


@pytest.fixture(scope="module")
def undisturbed(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Any, Any]:
    """The numbers of every run of a study that nothing happened to."""
    project = copy_project(template, tmp_path_factory.mktemp("undisturbed") / "p")
    runner(project, "tiny", sets={"fit__epochs": 10}).run()
    return numbers(project.runs())


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """What a test has started; what is left of it in the end is killed."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start(project: Project, jobs: int, started: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """``wb run`` as a terminal starts it: with its workers in a process group of its own."""
    with (project.root.parent / "stderr.txt").open("w") as stderr:
        process = subprocess.Popen(
            project.command(*LONGER, "--jobs", str(jobs)),
            cwd=project.root, stdout=subprocess.DEVNULL, stderr=stderr, text=True, start_new_session=True,
        )  # fmt: skip
    started.append(process)
    return process


def wait_for_points(project: Project, count: int, process: subprocess.Popen[str]) -> None:
    """Returns when the runs' journals hold ``count`` lines, or the study is over."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None:
        lines = sum(path.read_bytes().count(b"\n") for path in project.home.glob("runs/*/journal.jsonl"))
        if lines >= count:
            return
        assert time.monotonic() < deadline, (project.root.parent / "stderr.txt").read_text()
        time.sleep(0.02)


def finish(project: Project, undisturbed: Mapping[Any, Any], typed: Callable[..., Typed]) -> None:
    """Runs the study again: only what is missing is done, and all is as if nothing had happened."""
    results = {path: path.stat().st_mtime_ns for path in project.home.glob("runs/*/result.json")}
    again = typed(*LONGER, "--jobs", "1")
    assert again.code == 0 and f"6 runs, {len(results)} recorded, {6 - len(results)} to do" in again.out, again.err
    assert results == {path: path.stat().st_mtime_ns for path in results}
    assert numbers(project.runs()) == undisturbed
    assert [run.info.status for run in stored(project.home).values()] == ["FINISHED"] * 7
    no_point_twice(project.home)


def test_killed_again_and_again(
    project: Project,
    undisturbed: Mapping[Any, Any],
    started: list[subprocess.Popen[str]],
    typed: Callable[..., Typed],
) -> None:
    chance = random.Random(20)
    for _ in range(3):
        process = start(project, 2, started)
        before = sum(path.read_bytes().count(b"\n") for path in project.home.glob("runs/*/journal.jsonl"))
        wait_for_points(project, before + chance.randrange(1, 90), process)  # of 320
        time.sleep(chance.random() * 0.1)
        if process.poll() is None:  # a fast machine may be through by the third time
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert typed("sync").code == 0
    assert "RUNNING" not in {run.info.status for run in stored(project.home).values()}
    finish(project, undisturbed, typed)


def test_workers_leave_when_their_parent_is_killed(
    project: Project,
    undisturbed: Mapping[Any, Any],
    started: list[subprocess.Popen[str]],
    typed: Callable[..., Typed],
) -> None:
    process = start(project, 2, started)
    wait_for_points(project, 6, process)
    children = psutil.Process(process.pid).children(recursive=True)  # git's too, when one is still there
    workers = [each for each in children if "workbench.study.engines.worker" in each.cmdline()]
    process.kill()
    process.wait()
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    checkpoints = list(project.home.glob("runs/*/checkpoint.safetensors"))
    assert checkpoints and not [path for path in checkpoints if path.with_name("result.json").exists()]
    finish(project, undisturbed, typed)
    resumed = [path for path in project.home.glob("runs/*/journal.jsonl") if '"resumed at"' in path.read_text()]
    assert {path.parent for path in checkpoints} == {path.parent for path in resumed}
    assert not list(project.home.glob("runs/*/checkpoint.safetensors"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c(
    jobs: int,
    project: Project,
    undisturbed: Mapping[Any, Any],
    started: list[subprocess.Popen[str]],
    typed: Callable[..., Typed],
) -> None:
    process = start(project, jobs, started)
    wait_for_points(project, 5, process)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=PATIENCE) == 130
    said = Typed(130, "", (project.root.parent / "stderr.txt").read_text()).complaint()
    assert said.startswith(
        "wb: stopped; finished runs and checkpoints are kept, and the same command goes on from there"
    )
    assert not psutil.wait_procs(workers, timeout=1)[1]
    finish(project, undisturbed, typed)


FULL = """
mount -t tmpfs -o size=40m tmpfs "$WB_HOME" || exit 99
mkdir "$WB_HOME/mlflow" && cp "$STORE" "$WB_HOME/mlflow/mlflow.db"
head -c 99m /dev/zero > "$WB_HOME/filler" 2>/dev/null
truncate -s -$LEFT "$WB_HOME/filler"
"$@" 2> "$SAID"; echo "first: $?"
rm "$WB_HOME/filler"
"$@"; echo "second: $?"
cp -r "$WB_HOME/runs" "$KEPT"
"""


@pytest.mark.parametrize("left", [4_096, 60_000, 300_000])
def test_a_full_disk(left: int, project: Project, migrated: Path, tmp_path: Path) -> None:
    """Wherever the space ends: one line, exit code 1, no result made of it; with space the same command goes on."""
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*own, "mount", "-t", "tmpfs", "x", "/mnt"]).returncode:
        pytest.skip("no file system can be mounted here")
    for name in ("home", "kept"):
        (tmp_path / name).mkdir()
    environment = {
        "WB_HOME": str(tmp_path / "home"), "STORE": str(migrated), "LEFT": str(left), "KEPT": str(tmp_path / "kept"),
        "SAID": str(tmp_path / "said"),
    }  # fmt: skip
    done = subprocess.run(
        [*own, "bash", "-c", FULL, "bash", *project.command("run", "tiny", "--seeds", "1", "--jobs", "1")],
        cwd=project.root, env={**os.environ, **environment}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    said = Typed(1, "", (tmp_path / "said").read_text()).complaint()
    assert "first: 1\n" in done.stdout and ("No space left" in said or "the disk is full" in said), said
    assert "second: 0\n" in done.stdout, done.stderr
    results = [read(path) for path in (tmp_path / "kept/runs").glob("[!.]*/result.json")]
    assert [result["state"] for result in results] == ["finished"] * 3
    assert "kept locally" not in done.stderr
