"""The journal is always ahead of the checkpoint, and progress is told."""

from pathlib import Path
from typing import Any

import pytest

from workbench import ImageArrays, Learner, Network, Norm, OneCycle
from workbench.record.journal import Journal, read_run
from workbench.study.recorder import Recorder
from workbench.training.callbacks import Callback
from workbench.training.checkpoint import read_tensors
from workbench.training.state import State


class Small(Learner):
    """Two epochs of two steps."""

    data = ImageArrays("data/small.npz", train=64)
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=2, batch=32, lr=1e-2)


class Kill(Callback):
    """Ends the run as a kill would, right after a step's checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_end(self, state: State) -> None:
        if state.step == self.step:
            raise SystemExit


def steps(folder: Path) -> list[int]:
    return [step for step, _, _ in read_run(folder).metrics.get("train/loss", [])]


def train(root: Path, folder: Path, *more: Callback, seconds: float = 1e9) -> tuple[Recorder, list[tuple[Any, ...]]]:
    told: list[tuple[Any, ...]] = []
    with Journal.create(folder, {"id": "r", "identity": "r"}) as journal:
        recorder = Recorder(journal, lambda *values: told.append(values), lambda: False, seconds)
        Small(0, root=root, device="cpu").run(callbacks=[recorder, *more], resume=recorder.checkpoint)
    return recorder, told


def test_all_is_written_down(pictures: Path, tmp_path: Path) -> None:
    recorder, told = train(pictures, tmp_path / "r")
    assert steps(tmp_path / "r") == [1, 2, 3, 4] and told[0] == (0, 4, "")
    assert recorder.facts["n_train"] == 64 and recorder.facts["n_test"] == 120 and 0.5 < recorder.facts["chance"] < 0.8
    constant = recorder.facts["constant"]
    assert set(constant) == {"test/error", "test/loss"} and constant["test/error"] == recorder.facts["chance"]
    _, meta = read_tensors(tmp_path / "r/weights.safetensors")
    assert meta["arch"] == "resnet8" and meta["classes"] == ["row", "column", "square", "diagonal"]
    assert not recorder.checkpoint.exists()  # none was due


def test_a_checkpoint_that_a_kill_tore_is_cleared_away(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    for name in (".checkpoint.safetensors.99", ".weights.safetensors.99"):
        (tmp_path / "r" / name).write_bytes(b"half")
    train(pictures, tmp_path / "r", seconds=0.0)
    assert not list((tmp_path / "r").glob(".*.safetensors.*"))


@pytest.mark.parametrize("apart", [1, 2, 3])
def test_when_checkpoints_come_changes_nothing_that_a_callback_can_see(
    apart: int, pictures: Path, tmp_path: Path
) -> None:
    class Looks(Callback):
        """Counts what it can see of the history after each step."""

        def __init__(self) -> None:
            self.seen: list[int] = []

        def step_end(self, state: State) -> None:
            self.seen.append(len(state.history))

    class Saves(Callback):
        """A clock that is due every few steps."""

        def step_end(self, state: State) -> None:
            recorder.seconds = 0.0 if state.step % apart == 0 else 1e9

    often, never = Looks(), Looks()
    with Journal.create(tmp_path / "often", {"id": "r", "identity": "r"}) as journal:
        recorder = Recorder(journal, lambda *values: None, lambda: False, 1e9)
        Small(0, root=pictures, device="cpu").run(callbacks=[Saves(), recorder, often])
        assert recorder.checkpoint.exists()
    train(pictures, tmp_path / "never", never)
    assert often.seen == never.seen


@pytest.mark.parametrize("step", [1, 2, 3])
def test_whatever_a_kill_leaves_nothing_is_missing_or_doubled(step: int, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        train(pictures, tmp_path / "r", Kill(step), seconds=0.0)
    # the journal has the epochs of two steps that are over; the losses since then wait in the checkpoint
    over = (step - 1) // 2 * 2
    tensors, _ = read_tensors(tmp_path / "r/checkpoint.safetensors")
    assert steps(tmp_path / "r") == list(range(1, over + 1))
    assert sum(name.startswith("state.pending") for name in tensors) == step - over
    _, told = train(pictures, tmp_path / "r")
    assert told[0] == (step, 4, "") and steps(tmp_path / "r") == [1, 2, 3, 4]
    train(pictures, tmp_path / "whole")
    first, second = (read_run(tmp_path / name).metrics for name in ("r", "whole"))
    assert {key: [point[:2] for point in points] for key, points in first.items()} == {
        key: [point[:2] for point in points] for key, points in second.items()
    }
