"""The scripts that measure can still be run; what they measure depends on the machine and is no test."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from tests.benchmarks import loop
from workbench.training.device import reproducible

SCRIPTS = sorted(path.stem for path in (Path(__file__).parent / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_loads(name: str) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").main)


def test_both_loops_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "ITEMS", 12 * loop.BATCH)
    loop.write_noise(tmp_path)
    learner = loop.Small(0, device="cpu", threads=1, root=tmp_path)
    with reproducible(learner.level, 1, learner.device):
        fresh = learner.begin()
        assert len(loop.ours(learner)) == len(loop.bare(learner, fresh)) == 12
    assert learner.state is not None and learner.state.step == 12
    weights = zip(learner.state.model.parameters(), fresh.model.parameters(), strict=True)
    assert not any(torch.equal(trained, untouched) for trained, untouched in weights)


@pytest.mark.parametrize(("budget", "refused"), [(float("inf"), False), (float("-inf"), True)])
def test_above_its_budget_the_loop_ends_with_an_error(
    budget: float, refused: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loop, "ITEMS", 12 * loop.BATCH)
    monkeypatch.setattr(loop, "ROUNDS", 1)
    monkeypatch.setattr(loop, "BUDGET", budget)
    monkeypatch.setattr("sys.argv", ["loop.py"])
    if refused:
        with pytest.raises(SystemExit, match="above the budget"):
            loop.main()
    else:
        loop.main()
    assert "us a step" in capsys.readouterr().out
