"""A small project as a user has one: git, DVC, pinned data, three experiments; and ways to type ``wb`` in it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pictures import write_pictures

TINY = '''"""Do stale statistics hurt a tiny network?

Three policies for batch normalisation on pictures of bars.
"""

from workbench import Augment, Claim, Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class TrainBN(Learner):
    """Statistics follow the data."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=2, batch=32, lr=1e-2)


class Stale(TrainBN):
    """The batch's statistics in training, the initial ones in evaluation."""

    model = TrainBN.model.but(norm=Norm(stats="batch", affine=False))


class Precise(TrainBN):
    """Statistics re-estimated after training."""

    recalibrate = "after"


experiment = Experiment(
    baseline=TrainBN,
    arms=[Stale, Precise],
    seeds=2,
    claims=[
        Claim.ratio(Stale, TrainBN, at_least=1.5, name="C1", why="a test's guess"),
        Claim.equal(Precise, TrainBN, within=0.5, name="C2", why="a test's guess"),
    ],
)
'''

SOURCE = '''"""A network to start from."""

from workbench import Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class First(Learner):
    """Trained on a third of the pictures."""

    data = ImageArrays("data/small.npz", train=80)
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=1, batch=32, lr=1e-2)


class Second(First):
    """The same without normalisation."""

    model = First.model.but(norm=Norm(kind="none"))


experiment = Experiment(baseline=First, arms=[Second], seeds=2)
'''

TARGET = '''"""Does it help to start from another experiment's network?"""

from workbench import Experiment, FineTune, ImageArrays, Learner, Network, Norm, Pretrained


class Tuned(Learner):
    """Starts from experiments/source."""

    data = ImageArrays("data/small.npz", train=120)
    model = Pretrained("experiments/source", norm=Norm())
    fit = FineTune(epochs=1, batch=32, lr=1e-2)


class Scratch(Tuned):
    """Starts from random weights."""

    model = Network("resnet8", width=4, norm=Norm())


experiment = Experiment(baseline=Tuned, arms=[Scratch], seeds=1)
'''


@dataclass(frozen=True)
class Typed:
    """How a command line ended."""

    code: int
    out: str
    err: str

    def complaint(self) -> str:
        """The one line that says what is wrong; fails if there is more of it, or a traceback."""
        lines = [line for line in self.err.splitlines() if line.startswith("wb: ")]
        assert len(lines) == 1 and self.err.splitlines()[-1] == lines[0], self.err
        assert "Traceback" not in self.err + self.out and "not foreseen" not in self.err, self.err
        return lines[0]


@dataclass(frozen=True)
class Project:
    """A project folder."""

    root: Path

    @property
    def home(self) -> Path:
        """Its state folder."""
        return self.root / ".wb"

    def git(self, *words: str) -> str:
        """What a git command in it prints."""
        done = subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def spec(self, name: str, text: str) -> Path:
        """Writes experiments/NAME/spec.py."""
        path = self.root / "experiments" / name / "spec.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def command(self, *words: str) -> list[str]:
        """The words that start ``wb`` as a process of its own."""
        return [sys.executable, "-m", "workbench", *words]

    def wb(self, *words: str, code: int | None = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        """``wb WORDS`` in a process of its own; fails unless it exits with ``code``."""
        done = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def study(self, home: Path | None = None) -> Path:
        """The folder of the only study."""
        (folder,) = (home or self.home).glob("studies/*/study.json")
        return folder.parent

    def runs(self, home: Path | None = None) -> dict[tuple[str, str, str], dict[str, Any]]:
        """``{(experiment, arm, seed): run.json and, under "result", result.json}``, of settings' measurements too."""
        found = {}
        for path in (home or self.home).glob("runs/[!.]*/run.json"):  # a dot: set aside, to be done again
            facts = read(path)
            facts["result"] = read(path.with_name("result.json")) if path.with_name("result.json").exists() else None
            found[facts["experiment"], facts["arm"], facts["seed"]] = facts
        return found


def read(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def numbers(runs: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Any]:
    """What has to be equal, bit for bit, when the same runs are done again: state, metrics, the weights' hash."""
    return {key: [run["result"].get(name) for name in ("state", "metrics", "weights")] for key, run in runs.items()}


def stored(home: Path) -> dict[str, Any]:
    """``{wb.key: run}`` of all that the MLflow store of a state folder holds; a key that came twice fails."""
    from mlflow import MlflowClient

    from workbench.record.mlflow import tracking_uri

    client = MlflowClient(tracking_uri(home))
    runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
    found = {run.data.tags["wb.key"]: run for run in runs}
    assert len(found) == len(runs)
    return found


def no_point_twice(home: Path) -> None:
    """Fails when a metric of any run has two points at one step, in its journal or in MLflow."""
    from mlflow import MlflowClient

    from workbench.record.mlflow import tracking_uri

    client = MlflowClient(tracking_uri(home))
    for key, run in stored(home).items():
        for metric in run.data.metrics:
            steps = [point.step for point in client.get_metric_history(run.info.run_id, metric)]
            assert metric.startswith("system/") or len(steps) == len(set(steps)), (key, metric, steps)
    for path in home.glob("runs/[!.]*/journal.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        points = [(line["key"], line["step"]) for line in lines if line["kind"] == "metric"]
        assert len(points) == len(set(points)), path


def make_project(root: Path, migrated: Path) -> Project:
    """A project in ``root`` with everything committed and pinned, and an empty MLflow store."""
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    project.git("init", "-q", "-b", "main")
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True)
    write_pictures(root)
    for name, text in (("tiny", TINY), ("source", SOURCE), ("target", TARGET)):
        project.spec(name, text)
    (project.home / "mlflow").mkdir(parents=True)
    (project.home / ".gitignore").write_text("*\n")
    shutil.copy(migrated, project.home / "mlflow" / "mlflow.db")
    project.wb("data", "pin", "data/small.npz")
    project.git("add", ".")
    project.git("commit", "-qm", "start")
    return project


def copy_project(template: Project, root: Path) -> Project:
    """A copy of a project, to change at will."""
    shutil.copytree(template.root, root, symlinks=True)
    return Project(root)


def planner(project: Project, **options: Any) -> Any:
    """A planner of the project; ``options`` as :class:`workbench.study.plan.Options` takes them."""
    from workbench.record.pins import read_pins
    from workbench.study.plan import Options, Planner

    pins = {path: pin.md5 for path, pin in read_pins(project.root).items()}
    return Planner(project.root, project.home, pins, Options(**options))


def runner(project: Project, name: str, *, jobs: int = 1, **options: Any) -> Any:
    """What ``wb run NAME`` sets going, without its printing."""
    import io

    from workbench.cli.progress import Board
    from workbench.study.plan import Options
    from workbench.study.runner import Runner
    from workbench.study.spec import load_spec

    spec = load_spec(project.root, name)

    def boards(total: int, at_once: int, expected: Mapping[str, float | None]) -> Board:
        return Board(total, at_once, expected, stream=io.StringIO())

    return Runner(
        project.root,
        project.home,
        spec,
        Options(**options),
        jobs=jobs,
        boards=boards,
        report=lambda text, done, total: None,
    )
