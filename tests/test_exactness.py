"""The same bits however a run is done: killed anywhere, in one process or several, in whole batches or in pieces."""

import collections
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.averages import AVERAGES
from tests.forks import Forks
from tests.project import Project, copy_project, no_point_twice, numbers, planner
from workbench import Augment, Callback, ImageArrays, Learner, Network, Norm, OneCycle
from workbench.data.loading import Batch
from workbench.record.journal import read_run
from workbench.record.places import run_folder
from workbench.study.engines.inline import Listener
from workbench.study.engines.workers import Workers
from workbench.study.execute import task_for
from workbench.study.spec import load_spec
from workbench.training.state import State

pytestmark = pytest.mark.timeout(1200)  # seconds, for a machine that has much else to do

KILLS = 30
STUDY: dict[str, Any] = {"seeds": 1, "arms": ["Noisy"]}
NOISY = '''"""Everything that a resume can lose."""

import random

import numpy as np
import torch

from workbench import Augment, Callback, Experiment, ImageArrays, Learner, Network, Norm, OneCycle


AVERAGES

class Plain(Learner):
    """Augmentation, dropout, batch statistics."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=4, batch=32, lr=1e-2)

    def forward(self, model, x):
        """With dropout."""
        return torch.nn.functional.dropout(model(x), 0.2, training=model.training)


class Noisy(Plain):
    """A moving average, and noise from three generators."""

    def callbacks(self):
        """One."""
        return [Kept()]

    def loss(self, output, batch):
        """A noisy one."""
        return super().loss(output, batch) * (1 + random.random() + np.random.rand() + float(torch.rand(())))


experiment = Experiment(baseline=Noisy, arms=[Plain], seeds=1)
'''.replace("AVERAGES\n", AVERAGES)


@pytest.fixture(scope="module")
def noisy(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with the experiment, committed, and a tree that is dirty in every way."""
    project = copy_project(template, tmp_path_factory.mktemp("noisy") / "p")
    project.spec("noisy", NOISY)
    for name in ("kept.txt", "edited.txt", "deleted.txt", "staged.txt", "stashed.txt"):
        (project.root / name).write_text("as committed\n")
    project.git("add", "experiments", "*.txt")
    project.git("-c", "user.name=T", "-c", "user.email=t@example.invalid", "commit", "-qm", "noisy")
    (project.root / "stashed.txt").write_text("put away\n")
    project.git("-c", "user.name=T", "-c", "user.email=t@example.invalid", "stash", "-q")
    for name in ("edited.txt", "untracked.txt", "staged.txt"):
        (project.root / name).write_text(f"{name}\n" * 50_000)
    (project.root / "deleted.txt").unlink()
    project.git("add", "staged.txt")
    return project


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """What studies are forked from."""
    with Forks(tmp_path_factory.mktemp("forks") / "temporary", Path(__file__).resolve().parent.parent) as found:
        yield found


@pytest.fixture(scope="module")
def undisturbed(noisy: Project, forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, float, float]:
    """A project in which the study ran and nothing happened, after how many seconds it had trained, and was over."""
    project = copy_project(noisy, tmp_path_factory.mktemp("undisturbed") / "p")
    study = forks.start(project, "noisy", **STUDY)
    began = time.monotonic()  # by now everything is imported
    wait_until(lambda: results(project), study, 600)
    trained = time.monotonic() - began
    assert forks.wait() == 0, forks.log.read_text()
    return project, trained, time.monotonic() - began


def everything(runs: Mapping[Any, Mapping[str, Any]], home: Path) -> dict[Any, Any]:
    """Numbers, the whole history in its order, and every prediction."""
    found: dict[Any, Any] = {}
    for key, own in numbers(runs).items():
        folder = run_folder(home, runs[key]["id"])
        history = {name: [point[:2] for point in points] for name, points in read_run(folder).metrics.items()}
        found[key] = [own, history, (folder / "predictions.npz").read_bytes()]
    return found


def users_own(project: Project) -> dict[str, Any]:
    """All that belongs to the person: files, index, branches, stash, worktrees; it is looked at without a refresh."""
    root = project.root
    files = {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
        if path.relative_to(root).parts[0] not in (".git", ".wb") and "__pycache__" not in path.parts
    }
    asked = {
        words: project.git("--no-optional-locks", *words.split(" "))
        for words in ("status --porcelain", "stash list", "worktree list", "branch -av", "diff --cached --stat")
    }
    git = {name: (root / ".git" / name).read_bytes() for name in ("index", "HEAD", "config")}
    return {**files, **asked, **git, "locks": sorted((root / ".git").glob("*.lock"))}


def alive(study: int) -> bool:
    try:
        os.kill(study, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(found: Callable[[], object], study: int, seconds: float) -> None:
    """Returns as soon as there is what is looked for, the study is over, or the time is."""
    end = time.monotonic() + seconds
    while not found() and alive(study) and time.monotonic() < end:
        time.sleep(0.0002)


def torn(project: Project) -> set[Path]:
    """Checkpoints that are being written."""
    return set(project.home.glob("runs/*/.checkpoint.safetensors.*"))


def indices(forks: Forks) -> set[Path]:
    """Git's temporary indices for snapshots."""
    return set(forks.temporary.glob("wb-index-*"))


def results(project: Project) -> list[Path]:
    """Runs that are over."""
    return list(project.home.glob("runs/*/result.json"))


def kill(project: Project, forks: Forks, study: int, aim: str, after: float) -> str:
    """Ends a study with SIGKILL some seconds after what is aimed at is there; "" when it was through before.

    Says what it was doing.
    """
    before = indices(forks)
    if aim == "index":
        wait_until(lambda: indices(forks) - before, study, 600)
        time.sleep(after / 100)
    else:
        wait_until(lambda: False, study, after)
    if aim == "checkpoint":
        wait_until(lambda: torn(project) or results(project), study, 600)
    if alive(study):
        os.kill(study, signal.SIGKILL)
    if forks.wait() == 0:  # its answer is read in any case, or it would be taken for the next study's id
        return ""
    return "checkpoint" if torn(project) else "index" if indices(forks) - before else "somewhere"


def kill_until_trained(
    project: Project, forks: Forks, usual: tuple[float, float], chance: random.Random, hits: collections.Counter[str]
) -> None:
    """Starts and kills the study until its run is over, then once more while it is judged and sent; then lets it be."""
    own, late = users_own(project), False
    while not late:
        late = bool(results(project))
        aim = "late" if late else ("time", "checkpoint", "index", "checkpoint")[hits.total() % 4]
        study = forks.start(project, "noisy", **STUDY)
        hits[kill(project, forks, study, aim, chance.random() * usual[late])] += 1
        assert users_own(project) == own
    forks.start(project, "noisy", **STUDY)
    assert forks.wait() == 0, forks.log.read_text()
    assert users_own(project) == own


def test_kill_9_at_thirty_points(
    noisy: Project, undisturbed: tuple[Project, float, float], forks: Forks, tmp_path: Path
) -> None:
    """Wherever it comes, while git takes its snapshot and while a checkpoint is written too."""
    whole, *usual = undisturbed
    expected, chance = everything(whole.runs(), whole.home), random.Random(29)
    hits: collections.Counter[str] = collections.Counter()
    studies = 0
    while hits.total() - hits[""] < KILLS or not (hits["checkpoint"] and hits["index"]):
        assert hits.total() < 4 * KILLS, f"what is aimed at is never hit: {hits}"
        project, studies = copy_project(noisy, tmp_path / str(studies)), studies + 1
        kill_until_trained(project, forks, (usual[0], usual[1]), chance, hits)
        assert everything(project.runs(), project.home) == expected
        no_point_twice(project.home)
        assert not torn(project) and not list(project.home.glob("runs/*/checkpoint.safetensors"))
        assert project.git("for-each-ref", "refs/wb") == whole.git("for-each-ref", "refs/wb") != ""


def test_one_process_or_several(noisy: Project, undisturbed: tuple[Project, float, float], tmp_path: Path) -> None:
    """In the study's process, beside the thread that sends to MLflow, or in worker processes that do nothing else."""
    whole, *_ = undisturbed
    runs = planner(noisy).runs(load_spec(noisy.root, "noisy"), {})
    tasks = [task_for(run, home=tmp_path, root=noisy.root, device="cpu", threads=1, facts={}) for run in runs]
    nobody = Listener(lambda run: None, lambda *values: None, lambda *values: None)
    with Workers(2, 1, tmp_path / "log.txt") as workers:
        workers.run(tasks, {}, nobody)
    found, expected = everything(noisy.runs(tmp_path), tmp_path), everything(whole.runs(), whole.home)
    assert len(found) == 2 and {key: found[key] for key in expected} == expected


class Exact(Learner):
    """In float64, without batch statistics: what is left of a difference is the order of sums."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm(kind="group"))
    fit = OneCycle(epochs=2, batch=32, lr=1e-2, optimizer="sgd")

    def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
        return super().inputs(batch, training=training, epoch=epoch).double()

    def groups(self, model: torch.nn.Module) -> Any:
        return super().groups(model.double())  # before the optimizer gets its parameters

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(output, batch.y)  # the target's own works in float32


class Watch(Callback):
    """Keeps losses and gradients of every step."""

    def __init__(self) -> None:
        self.gradients: list[list[torch.Tensor]] = []
        self.losses: list[float] = []

    def after_backward(self, state: State) -> None:
        """Of the whole batch, summed up over its pieces."""
        self.gradients.append([each.grad.clone() for each in state.model.parameters() if each.grad is not None])

    def step_end(self, state: State) -> None:
        """Weighed over its pieces."""
        assert state.loss is not None
        self.losses.append(float(state.loss))


@pytest.mark.parametrize("micro", [1, 7, 16, 31])
def test_pieces_add_up_to_the_batch(micro: int, pictures: Path) -> None:
    whole, pieces = Watch(), Watch()
    Exact(0, root=pictures, device="cpu").run(callbacks=[whole])
    Exact.but(fit__micro=micro)(0, root=pictures, device="cpu").run(callbacks=[pieces])
    assert len(whole.losses) == 16 and whole.losses == pytest.approx(pieces.losses, rel=1e-9)
    for one, other in zip(whole.gradients, pieces.gradients, strict=True):
        assert len(one) > 20
        for first, second in zip(one, other, strict=True):
            torch.testing.assert_close(first, second, rtol=1e-7, atol=1e-10)
    for first, second in zip(whole.gradients[0], pieces.gradients[0], strict=True):
        torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("micro", [1, 7, 32])
def test_augmentation_is_the_item_s_not_the_batch_s(micro: int, pictures: Path) -> None:
    learner = Exact(0, root=pictures, device="cpu")
    state = learner.begin()
    items = state.data.train
    index = torch.randperm(len(items), generator=torch.Generator().manual_seed(1))[:50]
    batch = Batch(items.inputs[index], items.targets[index], index)
    for epoch in (0, 3):
        whole = learner.inputs(batch, training=True, epoch=epoch)
        pieces = [learner.inputs(piece, training=True, epoch=epoch) for piece in batch.split(micro)]
        assert torch.equal(whole, torch.cat(pieces))
    assert not torch.equal(whole, learner.inputs(batch, training=True, epoch=0))
