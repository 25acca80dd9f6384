"""One step and one batch, as a run does them: whether a learner's own code runs at all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tests.project import Project
from tests.training.conftest import Bars
from workbench import Averaging, Callback, EarlyStop, Mix, Norm
from workbench.data.loading import Batch
from workbench.errors import FieldError
from workbench.training.audit import rehearse


class Seen(Callback):
    """How often a step was taken and what was evaluated."""

    steps = 0
    names: tuple[str, ...] = ()

    def step_end(self, state: Any) -> None:
        type(self).steps += 1

    def end(self, state: Any) -> None:
        type(self).names = tuple(state.metrics)


class Busy(Bars):
    """Much of what a run can have."""

    fit = Bars.fit.but(micro=5, mix=Mix(mixup=0.2), epochs="auto", lr="auto")
    diagnostics = ("train", "train_mode", "recalibrated", "views")
    validate = "epoch"
    recalibrate = "before"
    compile = True

    def callbacks(self) -> list[Callback]:
        return [Averaging("swa"), EarlyStop(1), Seen()]


def test_a_clean_learner_does_one_step_and_is_as_it_was(project: Project) -> None:
    learner = Busy(root=project.root, device="cpu")
    before = dict(vars(learner))
    rehearse(learner)
    assert Seen.steps == 1 and {"test/error", "train_mode/error", "recalibrated/error"} <= set(Seen.names)
    assert vars(learner) == before


@pytest.mark.parametrize("changes", [{"fit__batch": 1, "model__norm": Norm(kind="none")}, {"data__train": 20}])
def test_small_batches_and_small_data(project: Project, changes: dict[str, Any]) -> None:
    rehearse(Bars.but(**changes)(root=project.root, device="cpu"))


class Vector(Bars):
    """A loss an item."""

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        return nn.functional.cross_entropy(output, batch.y, reduction="none")


class Nothing(Bars):
    """A loss without a return."""

    def loss(self, output: torch.Tensor, batch: Batch) -> Any:
        super().loss(output, batch)


class Detached(Bars):
    """A loss that nothing can follow."""

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        return super().loss(output.detach(), batch)


class Narrow(Bars):
    """An output for each of fewer classes than there are."""

    def forward(self, model: nn.Module, x: Any) -> torch.Tensor:
        return super().forward(model, x)[:, :1]


class Mean(Bars):
    """A metric of the batch."""

    def metrics(self, output: torch.Tensor, y: Any) -> dict[str, torch.Tensor]:
        return {"error": (output.argmax(1) != y).float().mean()}


@pytest.mark.parametrize(
    ("arm", "problem"),
    [
        (Vector, r"loss\(\): it gives a tensor of shape \(16,\), .* Return its .mean\(\)"),
        (Nothing, r"loss\(\): it gives None\."),
        (Detached, r"loss\(\): it has no gradient"),
        (Narrow, r"the network gives shape \(3, 1\) for 3 items"),
        (Mean, r"metrics\(\) gives 'error' of shape \(\)"),
    ],
)
def test_what_a_stage_gives_is_named(project: Project, arm: type[Bars], problem: str) -> None:
    with pytest.raises(FieldError, match=problem):
        rehearse(arm(root=project.root, device="cpu"))


class Late(Callback):
    """Fails when all is trained and evaluated."""

    def end(self, state: Any) -> None:
        raise KeyError("nope")


class Called(Bars):
    """With a callback that fails."""

    def callbacks(self) -> list[Callback]:
        return [Late()]


def test_a_callback_that_fails_fails_here(project: Project) -> None:
    with pytest.raises(KeyError):
        rehearse(Called(root=project.root, device="cpu"))
