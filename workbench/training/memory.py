"""How many items fit into a GPU's memory at once: the micro batch, which leaves the batch and so the result alone."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

import torch

from workbench.data.loading import Batches
from workbench.data.values import Ragged
from workbench.errors import DeviceError
from workbench.training.callbacks import Hooks
from workbench.training.trials import Trial, tried

if TYPE_CHECKING:
    from workbench.data.items import Items
    from workbench.training.learner import Learner
    from workbench.training.state import State


def fitting_micro(batch: int, fits: Callable[[int], Callable[[], bool]]) -> Generator[Trial, None, int | None]:
    """The first of ``batch``, half of it, a quarter ... items that fit at once; None when the whole batch does.

    Args:
        fits: gives what tries a training step in pieces of so many items.

    Raises:
        DeviceError: not even one item does.
    """
    micro = batch
    while not (yield from tried(fits(micro))):
        if micro == 1:
            raise DeviceError(
                "a training step on one item does not fit into the GPU's memory",
                hint="Take smaller inputs or a smaller model, or type --device cpu",
            )
        micro = (micro + 1) // 2
    return None if micro == batch else micro


def step_fits(learner: Learner) -> bool:
    """Whether the learner's heaviest step, update included, fits into the GPU's memory; done on a model of its own."""
    fits = True
    state: State | None = None
    try:
        state = learner.begin()
        items, size = state.data.train, learner.batch_size
        learner.train_mode(state.model)
        state.batch = next(iter(Batches(items, batch=size, device=state.device, order=_heaviest(items))))
        learner.step(state, Hooks([]))
        assert state.loss is not None
        state.loss.item()  # waits for the device
    except torch.OutOfMemoryError:
        fits = False
    learner.state = state = None
    if learner.device.type == "cuda":  # only now has the error that held on to the step's tensors gone
        torch.cuda.empty_cache()
    return fits


def _heaviest(items: Items) -> torch.Tensor:
    """The longest texts first; everything else is of one size."""
    if isinstance(items.inputs, Ragged):
        return items.inputs.counts.argsort(descending=True, stable=True)
    return torch.arange(len(items))
