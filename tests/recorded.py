"""A project with one finished study of a dirty tree: an untracked helper module decides its learning rate."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.pictures import write_pictures
from tests.project import Project, copy_project, read

SMALL = '''"""Do stale statistics hurt a small network that trains for two epochs?"""

from helper import RATE

from workbench import Claim, Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class Base(Learner):
    """Statistics follow the data."""

    data = ImageArrays("data/small.npz", train=160)
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=2, batch=32, lr=RATE)


class Stale(Base):
    """The batch's statistics in training, the initial ones in evaluation."""

    model = Base.model.but(norm=Norm(stats="batch", affine=False))


experiment = Experiment(
    baseline=Base, arms=[Stale], seeds=2, claims=[Claim.differs(Stale, Base, name="C1", why="a test's guess")]
)
'''


def record(template: Project, place: Path) -> Project:
    """A copy of the small project in which ``wb run small`` has ended."""
    project = copy_project(template, place)
    project.spec("small", SMALL)
    write_lock(project)
    project.git("add", ".")
    project.git("commit", "-qm", "a question")
    (project.root / "experiments/small/helper.py").write_text("RATE = 1e-2\n")
    project.wb("run", "small", "--jobs", "1")
    for name in ("metrics.json", "points.csv"):
        (project.root / "experiments/small" / name).unlink()
    return project


def write_lock(project: Project) -> None:
    """A requirements.txt that the present environment meets."""
    pinned = [f"{name}=={version(name)} --hash=sha256:{'0' * 64}\n" for name in ("click", "tabulate")]
    (project.root / "requirements.txt").write_text("".join(pinned))


def change_everything(project: Project) -> None:
    """Another rate, another spec, other data, all committed over what the study ran with."""
    (project.root / "experiments/small/helper.py").write_text("RATE = 3e-2\n")
    (project.root / "data/small.npz").unlink()  # DVC's cache may hold the same file
    write_pictures(project.root, seed=1)
    project.wb("data", "pin", "data/small.npz")
    spec = project.root / "experiments/small/spec.py"
    spec.write_text(spec.read_text().replace("train=160", "train=64"))
    project.git("add", "-A")
    project.git("commit", "-qm", "everything changed")


def facts(project: Project) -> dict[str, Any]:
    """The only study's study.json."""
    return read(project.study() / "study.json")


def sent(project: Project, run: str) -> set[str]:
    """What MLflow holds of the run's artifacts/inspect, by name."""
    from mlflow import MlflowClient

    from workbench.record.mlflow import tracking_uri

    uri = tracking_uri(project.home)
    mirror = read(project.study() / "shipped.json")[uri]["runs"][run]["mlflow_run_id"]
    return {Path(each.path).name for each in MlflowClient(uri).list_artifacts(mirror, "artifacts/inspect")}
