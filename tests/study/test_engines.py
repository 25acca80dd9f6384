"""Runs in this process and in worker processes: the same numbers, the order kept, no process left."""

import dataclasses
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.project import TINY, Project, numbers, planner
from workbench.errors import RecordError
from workbench.record.journal import read_state
from workbench.record.places import run_folder
from workbench.study.engines.inline import Listener, run_inline
from workbench.study.engines.worker import encode
from workbench.study.engines.workers import Workers
from workbench.study.execute import Task, task_for
from workbench.study.experiment import Choice
from workbench.study.plan import Planned
from workbench.study.spec import load_spec

QUICK = {"fit__epochs": 2, "data__train": 64}


def runs_of(project: Project, **options: Any) -> list[Planned]:
    return list(planner(project, seeds=1, **{"sets": QUICK, **options}).runs(load_spec(project.root, "tiny"), {}))


def tasks_of(project: Project, runs: list[Planned], home: Path) -> list[Task]:
    return [task_for(run, home=home, root=project.root, device="cpu", threads=1, facts={}) for run in runs]


def children() -> list[psutil.Process]:
    return [
        each for each in psutil.Process().children() if "workbench.study.engines.worker" in " ".join(each.cmdline())
    ]


def test_workers_do_what_this_process_does(project: Project, tmp_path: Path) -> None:
    runs, told = runs_of(project), []
    tell = Listener(
        lambda run: told.append(("started", run)), lambda *values: None, lambda run, state: told.append((state, run))
    )
    run_inline(tasks_of(project, runs, tmp_path / "one"), {run.id: run.cls for run in runs}, tell)
    assert told == [(what, run.id) for run in runs for what in ("started", "finished")]
    told.clear()
    backwards = tasks_of(project, runs, tmp_path / "two")[::-1]  # Precise needs TrainBN, which comes last
    with Workers(2, 1, tmp_path / "log/log.txt") as workers:
        workers.run(backwards, {run.id: run.after for run in runs}, tell)
        assert 1 <= len(children()) <= 2
    assert children() == []
    assert told.index(("finished", runs[0].id)) < told.index(("started", runs[2].id))
    assert numbers(project.runs(tmp_path / "one")) == numbers(project.runs(tmp_path / "two"))
    assert len(project.runs(tmp_path / "two")) == 3


def test_a_task_is_one_line(project: Project) -> None:
    (task, *_) = tasks_of(project, runs_of(project), project.home)
    line = encode(task)
    assert (
        line.endswith("\n")
        and line.count("\n") == 1
        and json.loads(line) == json.loads(json.dumps(dataclasses.asdict(task)))
    )


def test_a_worker_that_refuses_ends_the_study_with_its_reason(project: Project, tmp_path: Path) -> None:
    runs = runs_of(project)
    tasks = tasks_of(project, runs, project.home)
    project.spec("tiny", TINY.replace("lr=1e-2", "lr=2e-2"))
    silent = Listener(lambda run: None, lambda *values: None, lambda run, state: None)
    with (
        pytest.raises(RecordError, match="the spec was changed while the study was running"),
        Workers(1, 1, tmp_path / "log.txt") as workers,
    ):
        workers.run(tasks, {}, silent)
    assert children() == [] and not (project.home / "runs").exists()


def test_a_worker_that_dies_is_told_and_its_run_can_go_on(project: Project, tmp_path: Path) -> None:
    runs = runs_of(project, sets={"fit__epochs": 50}, arms=("TrainBN",))

    def kill(*_: object) -> None:
        os.kill(children()[0].pid, signal.SIGKILL)

    tell = Listener(lambda run: None, kill, lambda run, state: None)
    with (
        pytest.raises(RecordError, match=rf"the process of run {runs[0].id} \(TrainBN\) ended with code -9") as caught,
        Workers(1, 1, tmp_path / "log.txt") as workers,
    ):
        workers.run(tasks_of(project, runs, project.home), {}, tell)
    assert "run again" in caught.value.hint and children() == []
    assert read_state(run_folder(project.home, runs[0].id)) == "interrupted"


def test_what_a_spec_prints_does_not_disturb_and_is_kept(project: Project, tmp_path: Path) -> None:
    project.spec("tiny", TINY.replace("experiment = ", 'print(\'{"kind": "finished"}\')\nexperiment = '))
    runs, told = runs_of(project, arms=("TrainBN",)), []
    tell = Listener(told.append, lambda *values: None, lambda run, state: told.append(state))
    with Workers(1, 1, tmp_path / "log.txt") as workers:
        workers.run(tasks_of(project, runs, project.home), {}, tell)
    assert told == [runs[0].id, "finished"] and '{"kind": "finished"}' in (tmp_path / "log.txt").read_text()


def test_a_dead_worker_that_has_not_read_its_order_does_not_hide_the_reason(project: Project, tmp_path: Path) -> None:
    (task,) = tasks_of(project, runs_of(project, arms=("TrainBN",)), project.home)
    silent = Listener(lambda run: None, lambda *values: None, lambda run, state: None)
    with pytest.raises(RecordError, match="ended with code -9"), Workers(1, 1, tmp_path / "log.txt") as workers:
        process = workers._processes[workers._start()]
        process.kill()
        process.wait()
        workers.run([task], {}, silent)
    assert process.stdin is not None and process.stdin.closed and process.stdout is not None and process.stdout.closed


def test_a_chosen_recipe_crosses_to_a_worker(project: Project, tmp_path: Path) -> None:
    spec = load_spec(project.root, "tiny")
    arm = spec.experiment.arm("Stale")
    recipe = arm.fit.but(lr=3e-3, epochs=1)
    spec.experiment.choose = Choice(field="fit", values=[recipe, arm.fit.but(epochs=2)], arms=[arm])
    asked = planner(project, seeds=1, arms=("Stale",), sets={"data__train": 64})
    (run,) = [each for each in asked.runs(spec, {("main", "Stale"): recipe}) if each.arm == "Stale"]
    told: list[str] = []
    tell = Listener(lambda run: None, lambda *values: None, lambda run, state: told.append(state))
    with Workers(1, 1, tmp_path / "log.txt") as workers:
        workers.run(tasks_of(project, [run], project.home), {}, tell)
    assert told == ["finished"] and project.runs()["tiny", "Stale", "0"]["fields"]["fit.lr"] == 3e-3
