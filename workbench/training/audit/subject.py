"""What the checks look at: a copy of a learner, its data sets, and items as its stages prepare them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from workbench import streams
from workbench.data.items import Datasets, Items
from workbench.data.loading import Batch, Batches
from workbench.data.values import Padded
from workbench.training.device import seed_step

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State

Row = tuple[torch.Tensor, ...]
"""All that the network gets for one item."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A learner under audit.

    Attributes:
        learner: a copy that may be used up.
        data: as a run has them.
        choosing: with validation items held out; None where that cannot be.
        state: as before the first step; None where the network was left out, and then there are no inputs either.
    """

    learner: Learner
    data: Datasets
    choosing: Datasets | None
    state: State | None

    def some(self, items: Items, count: int) -> torch.Tensor:
        """At most ``count`` positions among the items, a fixed choice."""
        order = streams.permutation(self.learner.seeds.order, "audit", n=len(items))
        return order[:count].sort().values

    def batch(self, items: Items, index: torch.Tensor) -> Batch:
        """A fresh batch: a stage may change what it is given."""
        return next(iter(Batches(items, batch=len(index), device=self.learner.device, order=index)))

    def inputs(self, batch: Batch, *, training: bool, epoch: int = 0, step: int = 0) -> Any:
        """What :meth:`Learner.inputs` makes of a batch in this step, in the middle of a run."""
        seed_step(self.learner.device, streams.key(self.learner.seeds.order, "step", step))
        self.learner.progress = 0.5
        return self.learner.inputs(batch, training=training, epoch=epoch)

    def rows(self, batch: Batch, *, training: bool, epoch: int = 0, step: int = 0) -> list[Row]:
        """The same item by item, on the host."""
        return rows(self.inputs(batch, training=training, epoch=epoch, step=step))


def rows(x: Any) -> list[Row]:
    """Prepared inputs item by item; what does not belong to an item (a number for the batch) is left out."""
    if isinstance(x, torch.Tensor):
        return [(row,) for row in x.detach().cpu()] if x.ndim else []
    if isinstance(x, Padded):
        ids = x.ids.detach().cpu()
        return [(ids[position, :count],) for position, count in enumerate(x.counts)]
    if dataclasses.is_dataclass(x):
        parts: Sequence[Any] = [getattr(x, each.name) for each in dataclasses.fields(x)]
    elif isinstance(x, Mapping):
        parts = list(x.values())
    else:
        parts = x if isinstance(x, list | tuple) else []
    columns = [each for each in map(rows, parts) if each]
    return [tuple(tensor for piece in pieces for tensor in piece) for pieces in zip(*columns, strict=True)]


def differing(one: Sequence[Row], other: Sequence[Row], *, tolerance: float = 0.0) -> int:
    """How many items get something else."""
    return sum(not _same(first, second, tolerance) for first, second in zip(one, other, strict=True))


def _same(one: Row, other: Row, tolerance: float) -> bool:
    if len(one) != len(other):
        return False
    for first, second in zip(one, other, strict=True):
        if first.shape != second.shape or first.dtype != second.dtype:
            return False
        if not first.is_floating_point() or not tolerance:
            if not torch.equal(first, second):
                return False
        elif not torch.allclose(first, second, rtol=tolerance, atol=tolerance, equal_nan=True):
            return False
    return True
