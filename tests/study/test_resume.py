"""``wb check --resume``: what survives kill -9 passes, what does not is caught, and nothing is left behind."""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.averages import AVERAGES
from tests.project import TARGET, Project, Typed, copy_project, read
from workbench.cli.check import show
from workbench.cli.progress import Board
from workbench.record.places import run_folder
from workbench.streams import Seeds
from workbench.study.engines.doomed import Doomed
from workbench.study.execute import execute, task_for
from workbench.study.experiment import Cell
from workbench.study.plan import Options
from workbench.study.resume import KILLS, STEPS, Proof, Prover, _Child, kills
from workbench.study.spec import load_spec

pytestmark = pytest.mark.timeout(600)

EXACT = '''"""What can be killed, and what cannot?"""

import random

import numpy as np
import torch

from workbench import Augment, Callback, Experiment, FineTune, ImageArrays, Learner, Network, Norm, OneCycle, Pretrained


AVERAGES

class Whole(Learner):
    """A callback that can be resumed, and noise from three generators."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=5, batch=32, lr="auto")

    def callbacks(self):
        """One."""
        return [Kept()]

    def loss(self, output, batch):
        """A noisy one."""
        return super().loss(output, batch) * (1 + random.random() + np.random.rand() + float(torch.rand(())))


class Forgets(Whole):
    """A callback that cannot."""

    def callbacks(self):
        """One."""
        return [Average()]


class Counts(Whole):
    """A counter on the learner changes the loss."""

    def loss(self, output, batch):
        """Falls from step to step."""
        self.ticks = getattr(self, "ticks", 0) + 1
        return super().loss(output, batch) / self.ticks


class Tuned(Whole):
    """Starts from another experiment's network."""

    model = Pretrained("experiments/source", norm=Norm())
    fit = FineTune(epochs=1, batch=64, lr=1e-2)
    confounded = "a test"


experiment = Experiment(baseline=Whole, arms=[Forgets, Counts, Tuned], seeds=2)
'''.replace("AVERAGES\n", AVERAGES)


@pytest.fixture(scope="module")
def exact(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(template, tmp_path_factory.mktemp("exact") / "p")
    project.spec("exact", EXACT)
    return project


def prover(project: Project, **options: object) -> Prover:
    wanted = Options(tier="smoke", **options)  # type: ignore[arg-type]
    return Prover(project.root, project.home, load_spec(project.root, "exact"), wanted, lambda *values: None)


def test_what_passes_and_what_is_caught(
    exact: Project, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exact.root)
    before = {path: path.stat().st_mtime_ns for path in exact.home.rglob("*") if "cache" not in path.parts}
    done = typed("check", "exact", "--resume")
    assert done.code == 1, done.err
    # 240 pictures: 8 steps of 32 in one epoch, 4 of 64 in each of two
    assert done.out.startswith("4 arms of tier 'smoke', 1 to 2 epochs each, undisturbed and killed; nothing is kept\n")
    assert "first a network to start from, trained briefly: source, First" in done.out
    assert " main " in done.out, done.out + done.err  # the reason, when a process was lost on the way
    rows = {line.split()[0]: line for line in done.out.splitlines() if " main " in line}
    assert {arm: "equal, bit for bit" in row for arm, row in rows.items()} == {
        "Whole": True, "Forgets": False, "Counts": False, "Tuned": True,
    }  # fmt: skip
    assert all(row.split()[2] == "8" for row in rows.values())
    said = " ".join(done.out.split())
    assert "Counts: Counts.ticks changed while it trained, and no checkpoint keeps that" in said
    assert "Forgets: Average.shadow changed while it trained" in said
    for arm in ("Forgets", "Counts"):
        assert f"{arm}: first at step " in said and "tensors of the weights differ, " in said
        assert f"{arm}: test/" in said
    # where it parts is the first step that was done again; the average matters at the end of the epoch only
    resumed = [int(step) for step in re.findall(r"(\d+(?:, \d+)+) +DIFFERS", rows["Counts"])[0].split(",")]
    assert len(resumed) == KILLS + 1 and resumed[:KILLS] == sorted(set(resumed[:KILLS]))
    assert f"Counts: first at step {resumed[0] + 1}: train/loss is " in said
    assert "Forgets: first at step 8: test/" in said
    assert "Whole: " not in said.replace("main · Whole: ", "") and "Tuned: " not in said
    after = {path: path.stat().st_mtime_ns for path in exact.home.rglob("*") if "cache" not in path.parts}
    assert {path for path in after if path not in before} <= {exact.home / "tmp", exact.home / ".gitignore"}
    assert list((exact.home / "tmp").iterdir()) == [] and not (exact.home / "runs").exists()


def test_a_recorded_source_is_taken_as_it_is(exact: Project, tmp_path: Path) -> None:
    found = prover(exact, arms=("Tuned",))
    (tuned,) = [run for run in found.plan() if run.arm == "Tuned"]
    (short,) = found.missing_sources([tuned])
    (source,) = found.planner.source(tuned.cls, 0)
    assert int(short.cls.fit.epochs) == 3 and int(source.cls.fit.epochs) == 1  # 80 pictures: 3 steps an epoch
    task = task_for(source, home=exact.home, root=exact.root, device="cpu", threads=1, facts={})
    try:
        assert execute(task, source.cls, lambda *values: None, lambda: False) == "finished"
        assert found.missing_sources([tuned]) == []
    finally:
        shutil.rmtree(run_folder(exact.home, source.id))


def test_a_source_of_a_source_is_trained_briefly_too(exact: Project) -> None:
    exact.spec("middle", TARGET.replace("train=120", "train=100"))
    exact.spec("last", TARGET.replace("experiments/source", "experiments/middle"))
    spec = load_spec(exact.root, "last")
    found = Prover(exact.root, exact.home, spec, Options(tier="smoke", arms=("Tuned",)), lambda *values: None)
    (tuned,) = found.plan()
    assert [run.experiment for run in found.missing_sources([tuned])] == ["source", "middle"]
    with Board(3, 1) as board:
        (proof,) = found.prove([tuned], board)
    assert proof.problems == [] and proof.steps >= STEPS
    source, middle = found.planner.source(tuned.cls, 0)
    task = task_for(source, home=exact.home, root=exact.root, device="cpu", threads=1, facts={})
    execute(task, source.cls, lambda *values: None, lambda: False)
    assert [run.experiment for run in found.missing_sources([tuned])] == ["middle"]
    task = task_for(middle, home=exact.home, root=exact.root, device="cpu", threads=1, facts={})
    execute(task, middle.cls, lambda *values: None, lambda: False)
    shutil.rmtree(run_folder(exact.home, source.id))
    assert found.missing_sources([tuned]) == []
    shutil.rmtree(run_folder(exact.home, middle.id))


def test_settings_that_are_open_or_asked_for(exact: Project) -> None:
    (whole, *_) = prover(exact).plan()
    assert (whole.cls.fit.epochs, whole.cls.fit.lr, whole.seeds) == (1, 1e-3, Seeds.of(0))
    (whole, *_) = prover(exact, sets={"fit__epochs": 3, "fit__lr": 0.1}, only=(7,), cells=("main",)).plan()
    assert (whole.cls.fit.epochs, whole.cls.fit.lr, whole.seeds) == (3, 0.1, Seeds.of(7))
    assert isinstance(load_spec(exact.root, "exact").experiment.cells[0], Cell)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 400])
def test_every_kill_has_something_to_lose(steps: int) -> None:
    for number in range(50):
        *ends, last = kills(random.Random(number), steps)
        assert last == ((), None) and ends[-1] == ((), (steps, "evaluated")) and len(ends) == KILLS + 1
        saves = [save for saved, _ in ends for save in saved]
        assert saves == sorted(saves)
        for (save,), kill in ends[:-1]:
            assert kill is not None and 1 <= save <= kill[0] <= steps
            assert kill[0] - save >= min(2, steps - save)
            assert (kill[1] == "step_end") == (kill[0] == save), "a kill in the step that is saved has to come after it"


def test_a_failed_run_is_no_proof(exact: Project, capsys: pytest.CaptureFixture[str]) -> None:
    proof = Proof("Whole", "main", 1, problems=["the undisturbed run failed: ValueError: no"], hint="mend that first")
    show([proof])
    assert "Whole: the undisturbed run failed: ValueError: no\nWhole: mend that first\n" in capsys.readouterr().out


def test_without_a_kill_it_records_what_every_recorder_does(exact: Project, tmp_path: Path) -> None:
    (whole, *_) = prover(exact).plan()
    told: list[dict[str, object]] = []
    results = []
    for name, own in (
        ("plain", None),
        ("doomed", lambda *given: Doomed(*given, saves={2, 5}, kill=None, tell=told.append)),
    ):
        task = task_for(whole, home=tmp_path / name, root=exact.root, device="cpu", threads=1, facts={})
        more = {"recorder": own} if own else {}
        assert execute(task, whole.cls, lambda *values: None, lambda: False, **more) == "finished"  # type: ignore[arg-type]
        results.append(read(run_folder(tmp_path / name, whole.id) / "result.json") | {"seconds": 0, "epoch_seconds": 0})
    assert results[0] == results[1] and told == [{"steps": 8, "changed": []}]


def test_a_process_that_died_is_ended_like_any_other(tmp_path: Path) -> None:
    child = _Child(tmp_path / "log.txt", 1)
    child._process.kill()
    child._process.wait()
    with pytest.raises(BrokenPipeError):
        list(child.do({"task": "never read"}))
    child.end()
    assert child._process.stdin is not None and child._process.stdin.closed
    assert child._process.stdout is not None and child._process.stdout.closed
