"""Batch-norm statistics that are measured anew: those of what the network sees, and not of a bare call of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from workbench import Averaging, Callback, Norm
from workbench.models.norm import distances, recalibrate
from workbench.training.diagnostics import training_inputs


class Brighter(Bars):
    """A forward stage of its own: a bare call of the network gives other activations."""

    def forward(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return super().forward(model, 3 * x + 1)


class Averaged(Brighter):
    """With a stand-in, whose statistics are measured anew."""

    def callbacks(self) -> Sequence[Callback]:
        return [Averaging()]


def by_hand(learner: Bars, model: nn.Module, *, seen: bool) -> nn.Module:
    """A copy with the statistics of what the network sees in a run, or of a bare call on the prepared inputs."""
    twin = copy.deepcopy(model)
    assert learner.state is not None
    batches = list(training_inputs(learner, learner.state))
    with torch.autocast("cpu", torch.bfloat16, enabled=seen and learner.precision == "bfloat16"):
        recalibrate(twin, [3 * each + 1 for each in batches] if seen and isinstance(learner, Brighter) else batches)
    return twin


def statistics(model: nn.Module) -> bytes:
    """All of them."""
    return b"".join(value.numpy().tobytes() for value in model.buffers())


@pytest.mark.parametrize(
    "arm",
    [
        Brighter.but(recalibrate="after"),
        Bars.but(recalibrate="after", precision="bfloat16"),
        Brighter.but(recalibrate="before", model__norm=Norm(stats="running")),
        Averaged,
    ],
    ids=["forward", "precision", "before", "average"],
)
def test_statistics_are_measured_on_what_the_network_sees(arm: type[Bars], pictures: Path) -> None:
    learner = arm.but(fit__epochs=1)(0, root=pictures, device="cpu")
    trained = learner.run().model
    start = learner.begin().model if learner.recalibrate == "before" else trained
    seen, called = (statistics(by_hand(learner, start, seen=each)) for each in (True, False))
    assert statistics(trained) == seen != called


@pytest.mark.parametrize("arm", [Brighter, Bars.but(precision="bfloat16")], ids=["forward", "precision"])
def test_the_distance_is_to_the_statistics_of_what_the_network_sees(arm: type[Bars], pictures: Path) -> None:
    learner = arm.but(diagnostics=("recalibrated",), fit__epochs=1)(0, root=pictures, device="cpu")
    result = learner.run()
    seen, called = (distances(result.model, by_hand(learner, result.model, seen=each)) for each in (True, False))
    assert result.metrics["statistics/distance"] == sum(seen.values()) / len(seen) != sum(called.values()) / len(called)
