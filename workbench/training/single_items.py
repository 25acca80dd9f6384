"""Steps on a single item, which batch normalisation cannot take where the picture has shrunk to one pixel."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch

from workbench.data.loading import Batches
from workbench.errors import FieldError

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State


def refuse_single_items(learner: Learner, state: State) -> None:
    """Raises :class:`FieldError` before training when a step on one item would fail at the end of the first epoch.

    Whether it does depends on the layers, the policy and the size of the pictures, so one item goes through a copy of
    the model in training mode; only when some step or piece of a step has one item.
    """
    items, batch = len(state.data.train), learner.batch_size
    if not _has_single(items, batch, learner.micro):
        return
    model = copy.deepcopy(state.model)
    learner.train_mode(model)
    one = next(iter(Batches(state.data.train, batch=1, device=state.device)))
    try:
        with torch.no_grad():
            learner.forward(model, learner.inputs(one, training=True))
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise FieldError(
            f"batches of {batch} from {items:,} items leave a step on one item, "
            "and batch normalisation cannot take one value a channel",
            where=type(learner).__name__,
            hint=_hint(items, batch),
        ) from None


def _has_single(items: int, batch: int, micro: int | None) -> bool:
    """Whether one of the pieces that an epoch's batches are cut into has one item."""
    piece = micro or batch
    return any(piece == 1 or size % piece == 1 for size in {min(batch, items), items % batch} if size)


def _hint(items: int, batch: int) -> str:
    """The nearest batch that leaves no single item, or what helps when ``fit.micro`` makes them."""
    fitting = (size for off in range(items) for size in (batch - off, batch + off) if size > 1 and items % size != 1)
    found = next(fitting, None)
    if found is None or found == batch:
        return "Leave fit.micro out, or use Norm(stats='running')"
    return f"Set fit.batch to {found}, or use Norm(stats='running')"
