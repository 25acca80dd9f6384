"""What is missing is done, once, in an order that works; what failed by a mistake is done again."""

from collections.abc import Mapping
from typing import Any

from tests.project import TINY, Project, planner, read
from workbench.record.places import run_folder
from workbench.study.executor import Executor, cores
from workbench.study.plan import Planned
from workbench.study.spec import load_spec

QUICK = {"fit__epochs": 1, "data__train": 64}


class Told:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []

    def start(self, run_id: str, label: str) -> None:
        self.lines.append(("start", run_id, label))

    def update(self, run_id: str, done: int, total: int, text: str = "") -> None:
        assert 0 <= done <= total

    def finish(self, run_id: str, text: str = "") -> None:
        self.lines.append(("finish", run_id, text))


def runs_of(project: Project) -> list[Planned]:
    return list(planner(project, seeds=1, sets=QUICK).runs(load_spec(project.root, "tiny"), {}))


def executor(project: Project, opened: list[str] | None = None) -> Executor:
    facts: Mapping[str, Any] = {"study": "s"}
    note = (lambda run: opened.append(run.id)) if opened is not None else (lambda run: None)
    return Executor(project.root, project.home, facts=facts, jobs=1, device="cpu", threads=1, opened=note)


def test_everything_once(project: Project) -> None:
    runs, told, opened = runs_of(project), Told(), []
    first = executor(project, opened)
    assert [run.id for run in first.missing([*runs, *runs])] == [run.id for run in runs]
    first.execute(runs, told)
    assert [line[:2] for line in told.lines] == [(what, run.id) for run in runs for what in ("start", "finish")]
    assert told.lines[0][2] == "main · TrainBN · seed 0" and told.lines[1][2].startswith("test/error 0.")
    assert opened == [run.id for run in runs] and first.missing(runs) == []
    again = Told()
    first.execute(runs, again)
    assert again.lines == []
    left = run_folder(project.home, runs[0].id) / "checkpoint.safetensors"
    left.write_bytes(b"killed between result.json and its removal")
    first.tidy(runs)
    assert not left.exists()


def test_a_mistake_is_given_another_chance_and_arithmetic_is_not(project: Project) -> None:
    loss = "    def loss(self, output, batch):\n        return "
    text = TINY.replace('    recalibrate = "after"', f"{loss}output.view(3, 'x')")
    project.spec(
        "tiny",
        text.replace(
            "    model = TrainBN.model.but(", f"{loss}output.sum() * float('nan')\n\n    model = TrainBN.model.but("
        ),
    )
    runs, told = runs_of(project), Told()
    executor(project).execute(runs, told)
    ends = [line[2] for line in told.lines if line[0] == "finish"]
    assert "failed: the loss is nan" in ends[1] and "failed: TypeError" in ends[2]
    assert [run.arm for run in executor(project).missing(runs)] == ["Precise"]
    again = Told()
    executor(project).execute(runs, again)
    assert [line[1] for line in again.lines if line[0] == "start"] == [runs[2].id]
    aside = [path for path in (project.home / "runs").iterdir() if path.name.startswith(f".{runs[2].id}.failed-")]
    assert len(aside) == 1 and read(aside[0] / "result.json")["kind"] == "error"
    assert read(run_folder(project.home, runs[2].id) / "result.json")["kind"] == "error"


def test_cores_are_counted() -> None:
    assert cores() >= 1


def test_a_run_ends_with_what_the_study_is_about(project: Project) -> None:
    (run, *_) = runs_of(project)
    done = executor(project)
    done.execute([run], Told())
    metrics = read(run_folder(project.home, run.id) / "result.json")["metrics"]
    for measures, name in (((), "test/error"), (("validation/x", "test/loss"), "test/loss")):
        done.measures = measures
        assert done._outcome(run.id, "finished").startswith(f"{name} {metrics[name]:.4f}  (")
