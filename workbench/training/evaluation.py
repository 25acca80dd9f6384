"""Evaluation: per-example metrics summed on the device, read once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from workbench import streams
from workbench.data.loading import Batches
from workbench.models.norm import apply_norm
from workbench.training.result import Predictions

if TYPE_CHECKING:
    from workbench.data.items import Items
    from workbench.training.learner import Learner
    from workbench.training.state import State

BATCH = 256


@torch.no_grad()
def evaluate(
    learner: Learner, state: State, items: Items, *, train_mode: bool = False
) -> tuple[dict[str, float], Predictions]:
    """Means of the learner's per-example metrics over ``items``, and the predictions; the model stays as it was.

    Args:
        train_mode: normalise as in training (by the batch where the policy says so) in shuffled batches of the
            training size; dropout stays off.
    """
    with _untouched(state.model) as model:
        return _evaluate(learner, state, model, items, train_mode)


def _evaluate(
    learner: Learner, state: State, model: nn.Module, items: Items, train_mode: bool
) -> tuple[dict[str, float], Predictions]:
    size = learner.batch_size if train_mode else BATCH
    if train_mode:
        # Only the normalisation layers change their mode.
        apply_norm(model, learner.model.norm, learner.recipe.scope)
    sums: dict[str, torch.Tensor] = {}
    found: list[tuple[torch.Tensor, ...]] = []
    order = mixed_order(learner, items) if train_mode else None
    for batch in Batches(items, batch=size, device=state.device, order=order):
        output = learner.forward(model, learner.inputs(batch, training=False))
        for name, values in learner.metrics(output, batch.y).items():
            sums[name] = sums.get(name, torch.zeros((), device=state.device)) + values.sum()
        prediction, confidence = learner.expects.target.predict(output)
        found.append((batch.index, batch.y, prediction, confidence))
    columns = [torch.cat(column).cpu().numpy() for column in zip(*found, strict=True)]
    return {name: float(total) / len(items) for name, total in sums.items()}, Predictions(*columns)


def mixed_order(learner: Learner, items: Items) -> torch.Tensor:
    """A random order of its own stream: stored items may be sorted by class, and one class has other statistics."""
    return streams.permutation(learner.seeds.order, "evaluation order", n=len(items))


@contextlib.contextmanager
def _untouched(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode; afterwards every mode, momentum and buffer is what it was, bit for bit.

    Momentum 0 would not do: the count of batches goes up all the same, and with it the hash of the weights.
    """
    modes = [(module, module.training, getattr(module, "momentum", None)) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield model.eval()
    finally:
        for module, training, momentum in modes:
            module.training = training
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = momentum
        for buffer, before in buffers:
            buffer.copy_(before)
