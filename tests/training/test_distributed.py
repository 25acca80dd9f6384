"""Two processes on one batch come to what one comes to."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training import together
from workbench.errors import FieldError, UsageError
from workbench.training.checkpoint import read_tensors
from workbench.training.distributed import Ranks, ranks

Found = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Path:
    """What two processes and one alone came to: 0.json, 1.json, alone.json, and weights."""
    out = tmp_path_factory.mktemp("together")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    running = subprocess.Popen(
        [*torchrun, "-m", "tests.training.together", str(pictures), str(out)],
        cwd=Path(__file__).resolve().parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
    together.main(pictures, out, "alone")
    try:
        _, error = running.communicate(timeout=300)
    finally:
        running.terminate()  # torchrun then ends its processes
    assert running.returncode == 0, error
    return out


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Found]:
    """By process."""
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("0", "1", "alone")}


@pytest.mark.parametrize("arm", [each for each in together.ARMS if each != "auto"])
def test_losses_and_weights_are_those_of_one_process(arm: str, folder: Path, found: dict[str, Found]) -> None:
    alone = found["alone"][arm]
    for rank in ("0", "1"):
        steps, losses = zip(*found[rank][arm]["losses"], strict=True)
        assert steps == tuple(step for step, _ in alone["losses"])
        assert losses == pytest.approx([loss for _, loss in alone["losses"]], rel=1e-6)
        assert found[rank][arm]["metrics"] == pytest.approx(alone["metrics"], rel=1e-5)
        ours, theirs = (read_tensors(folder / f"{arm}-{who}.safetensors")[0] for who in (rank, "alone"))
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("arm", [each for each in together.ARMS if "ordinary" in each or each == "table"])
def test_running_statistics_are_those_of_one_process(arm: str, folder: Path) -> None:
    one, alone = (read_tensors(folder / f"{arm}-{who}.safetensors")[0] for who in ("0", "alone"))
    layers = [name for name in alone if name.endswith(("running_mean", "running_var"))]
    assert layers and not any((alone[name] == float(name.endswith("var"))).any() for name in layers)  # they began there
    for name in layers:
        torch.testing.assert_close(one[name], alone[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("arm", list(together.ARMS))
def test_both_processes_end_with_the_same_bits(arm: str, folder: Path, found: dict[str, Found]) -> None:
    one, two = (read_tensors(folder / f"{arm}-{rank}.safetensors")[0] for rank in (0, 1))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert found["0"][arm]["metrics"] == found["1"][arm]["metrics"]
    assert found["0"][arm]["lr"] == found["1"][arm]["lr"]


def test_they_stop_at_the_same_step_before_the_end(found: dict[str, Found]) -> None:
    last = {who: each["watched"]["losses"][-1][0] for who, each in found.items()}
    assert len(set(last.values())) == 1 and last["0"] < 3 * 4


def test_together_they_resume_bit_for_bit(found: dict[str, Found]) -> None:
    for each in found.values():
        assert each["resumed"] == each["watched"]["hash"]


def test_one_of_them_is_the_one_that_writes(found: dict[str, Found]) -> None:
    assert [found[who]["uneven"]["first"] for who in ("0", "1", "alone")] == [True, False, True]


class Own(nn.BatchNorm2d):
    """A layer of somebody's own."""


def test_statistics_over_half_a_batch_are_refused() -> None:
    two, cpu = Ranks(0, 2), torch.device("cpu")
    model = two.synchronised(nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(Own(3))), cpu)
    with pytest.raises(FieldError, match="Own would normalise by each process's slice of the batch"):
        two.refuse_separate_statistics(model, cpu)
    Ranks().refuse_separate_statistics(model, cpu)
    two.refuse_separate_statistics(model.eval(), cpu)
    two.refuse_separate_statistics(two.synchronised(nn.Sequential(nn.BatchNorm2d(3)), cpu), cpu)


def test_a_process_finds_its_place_in_torchruns_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert ranks() == Ranks()
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert ranks() == Ranks()
    monkeypatch.setenv("RANK", "5")
    assert ranks() == Ranks(5, 8, 5)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert ranks() == Ranks(5, 8, 1)
    assert ranks().place(torch.device("cuda")) == torch.device("cuda", 1)
    assert ranks().place(torch.device("cpu")) == torch.device("cpu")
    assert Ranks().place(torch.device("cuda")) == torch.device("cuda")


@pytest.mark.parametrize(("rank", "world"), [("8", "8"), ("-1", "2"), ("one", "2")])
def test_variables_without_sense_are_refused(rank: str, world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(UsageError, match="Use torchrun"):
        ranks()
