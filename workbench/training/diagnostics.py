"""Diagnostics after training: each is asked for by name in ``Learner.diagnostics``; none runs unasked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch

from workbench.data.loading import Batches
from workbench.models.norm import recalibrate, statistic_distance
from workbench.training.evaluation import evaluate

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State


def training_inputs(learner: Learner, state: State) -> Iterator[torch.Tensor]:
    """The training items once, prepared as for evaluation, in batches of the training size or 64 if that is larger.

    Statistics over small batches are noisy (Wu & Johnson 2021, section 3).
    """
    for batch in Batches(state.data.train, batch=max(64, learner.batch_size), device=state.device):
        yield learner.inputs(batch, training=False)


def train_error(learner: Learner, state: State) -> dict[str, float]:
    """``train/*``: the training items, evaluated as at test time."""
    values, _ = evaluate(learner, state, state.data.train)
    return {f"train/{name}": value for name, value in values.items()}


def train_mode(learner: Learner, state: State) -> dict[str, float]:
    """``train_mode/*``: the training items with the normalisation of training; far below ``train/*`` when statistics are stale."""
    values, _ = evaluate(learner, state, state.data.train, train_mode=True)
    return {f"train_mode/{name}": value for name, value in values.items()}


def recalibrated(learner: Learner, state: State) -> dict[str, float]:
    """``recalibrated/*``: the test items after re-estimating statistics on a copy; the run's own weights stay as they are."""
    twin = copy.copy(state)
    twin.model = copy.deepcopy(state.model)
    recalibrate(twin.model, training_inputs(learner, state))
    values, _ = evaluate(learner, twin, state.data.test)
    return {f"recalibrated/{name}": value for name, value in values.items()}


def distance(learner: Learner, state: State) -> dict[str, float]:
    """``statistics/distance``: mean over layers of |running mean - population mean| / population deviation."""
    layers = statistic_distance(state.model, training_inputs(learner, state))
    return {"statistics/distance": sum(layers.values()) / max(1, len(layers))}


DIAGNOSTICS: dict[str, Callable[[Learner, State], dict[str, float]]] = {
    "train": train_error,
    "train_mode": train_mode,
    "recalibrated": recalibrated,
    "distance": distance,
}
