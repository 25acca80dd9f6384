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
    _, meta = read_tensors(tmp_path / "r/weights.safetensors")
    assert meta["arch"] == "resnet8" and meta["classes"] == ["row", "column", "square", "diagonal"]
    assert not recorder.checkpoint.exists()  # none was due


@pytest.mark.parametrize("step", [1, 2, 3])
def test_whatever_a_kill_leaves_nothing_is_missing_or_doubled(step: int, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        train(pictures, tmp_path / "r", Kill(step), seconds=0.0)
    assert steps(tmp_path / "r") == list(range(1, step + 1)) and (tmp_path / "r/checkpoint.safetensors").exists()
    _, told = train(pictures, tmp_path / "r")
    assert told[0] == (step, 4, "") and steps(tmp_path / "r") == [1, 2, 3, 4]
    train(pictures, tmp_path / "whole")
    first, second = (read_run(tmp_path / name).metrics for name in ("r", "whole"))
    assert {key: [point[:2] for point in points] for key, points in first.items()} == {
        key: [point[:2] for point in points] for key, points in second.items()
    }
