"""Two records of one run: silent when every bit is equal, and for each thing that differs one line that names it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.project import Project, planner, read
from workbench.record.places import run_folder
from workbench.study.divergence import divergence
from workbench.study.execute import execute, task_for
from workbench.study.spec import load_spec

Spoil = Callable[[Path], object]


@pytest.fixture(scope="module")
def record(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a real run."""
    home = tmp_path_factory.mktemp("divergence")
    (run, *_) = planner(template, seeds=1).runs(load_spec(template.root, "tiny"), {})
    task = task_for(run, home=home, root=template.root, device="cpu", threads=1, facts={})
    assert execute(task, run.cls, lambda *values: None, lambda: False) == "finished"
    return run_folder(home, run.id)


def lines(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    path = folder / "journal.jsonl"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def one_bit_of_a_weight(folder: Path) -> None:
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    tensors["head.bias"].view(torch.int32)[1] ^= 1
    save_file(tensors, path)


def one_confidence(folder: Path) -> None:
    path = folder / "predictions.npz"
    with np.load(path) as found:
        arrays = dict(found)
    arrays["confidence"][3] = np.nextafter(arrays["confidence"][3], np.float32(2))
    np.savez(path, **arrays)


def metric(folder: Path) -> None:
    path = folder / "result.json"
    result = read(path)
    result["metrics"]["test/error"] += 1e-9
    path.write_text(json.dumps(result))


def failed(folder: Path) -> None:
    (folder / "result.json").write_text(json.dumps({"state": "failed", "why": "the loss is nan", "metrics": {}}))


def losses(found: list[str]) -> list[int]:
    return [number for number, line in enumerate(found) if '"train/loss"' in line]


def a_point(folder: Path, step: int = 3) -> None:
    def change(found: list[str]) -> list[str]:
        line = json.loads(found[losses(found)[step - 1]])
        found[losses(found)[step - 1]] = json.dumps(line | {"value": float(np.nextafter(line["value"], 9))})
        return found

    lines(folder, change)


def a_point_twice(folder: Path) -> None:
    lines(folder, lambda found: [*found, found[losses(found)[4]]])


def no_point(folder: Path) -> None:
    lines(folder, lambda found: [line for number, line in enumerate(found) if number != losses(found)[6]])


SPOILT: list[tuple[Spoil, str]] = [
    (one_bit_of_a_weight, r"1 of \d+ tensors of the weights differ, head\.bias most, by "),
    (one_confidence, r"1 of the predictions differ in their confidence"),
    (metric, r"test/error is 0\.\d+, resumed 0\.\d+"),
    (a_point, r"first at step 3: train/loss is [\d.]+, resumed [\d.]+"),
    (a_point_twice, "train/loss stands twice in the history at step 5"),
    (no_point, r"first at step 7: train/loss is [\d.]+, resumed nothing"),
    (lambda folder: lines(folder, lambda found: found[::-1]), "the same points in another order"),
    (failed, "it ended as finished, and resumed as failed the loss is nan"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "said"), SPOILT)
def test_each_difference_is_named(spoil: Spoil, said: str, record: Path, tmp_path: Path) -> None:
    other = shutil.copytree(record, tmp_path / "other")
    assert divergence(record, other) == []
    spoil(other)
    found = divergence(record, other)
    assert re.search(said, found[0]), found
    assert len(found) == (2 if spoil is failed else 1), found
