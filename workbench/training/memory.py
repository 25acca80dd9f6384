"""How many items fit into a GPU's memory at once: the micro batch, which leaves the batch and so the result alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from workbench.data.loading import Batches
from workbench.data.values import Ragged
from workbench.errors import DeviceError
from workbench.training.callbacks import Hooks

if TYPE_CHECKING:
    from workbench.data.items import Items
    from workbench.training.learner import Learner


def fitting_micro(batch: int, fits: Callable[[int], bool]) -> int | None:
    """The first of ``batch``, half of it, a quarter ... items that fit at once; None when the whole batch does.

    Args:
        fits: tries a training step in pieces of so many items.

    Raises:
        DeviceError: not even one item does.
    """
    micro = batch
    while not fits(micro):
        if micro == 1:
            raise DeviceError(
                "a training step on one item does not fit into the GPU's memory",
                hint="Take smaller inputs or a smaller model, or type --device cpu",
            )
        micro = (micro + 1) // 2
    return None if micro == batch else micro


def step_fits(learner: Learner) -> bool:
    """Whether the learner's heaviest step, update included, fits into the GPU's memory; done on a model of its own."""
    fits = _tried(learner)
    learner.state = None
    if learner.device.type == "cuda":  # only now has the error that held on to the step's tensors gone
        torch.cuda.empty_cache()
    return fits


def _tried(learner: Learner) -> bool:
    try:
        state = learner.begin()
        items, size = state.data.train, learner.batch_size
        learner.train_mode(state.model)
        state.batch = next(iter(Batches(items, batch=size, device=state.device, order=_heaviest(items))))
        learner.step(state, Hooks([]))
        assert state.loss is not None
        state.loss.item()  # waits for the device
    except torch.OutOfMemoryError:
        return False
    return True


def _heaviest(items: Items) -> torch.Tensor:
    """The longest texts first; everything else is of one size."""
    if isinstance(items.inputs, Ragged):
        return items.inputs.counts.argsort(descending=True, stable=True)
    return torch.arange(len(items))
