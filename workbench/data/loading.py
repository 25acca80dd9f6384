"""Batches from the device's own memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from workbench.data.items import Items
from workbench.data.values import Ragged, device_of
from workbench.errors import FieldError


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """b items on the device.

    Attributes:
        x: the inputs: pictures are uint8 of shape (b, c, h, w) as stored; texts are ``Padded``, tables ``Rows``.
        y: the targets: int64 of shape (b,) for single labels, else what the target says.
        index: int64 of shape (b,), positions in the items.
    """

    x: Any
    y: Any
    index: torch.Tensor

    def __len__(self) -> int:
        return int(self.index.shape[0])

    def split(self, size: int) -> list[Batch]:
        """The batch in pieces of at most ``size`` items; their lengths add up to its own."""
        cuts = [slice(start, start + size) for start in range(0, len(self), size)]
        return [Batch(self.x[cut], self.y[cut], self.index[cut]) for cut in cuts]


class Batches:
    """One pass over the items; iterating twice gives the same batches.

    Args:
        items: copied to ``device`` once, when they are not there.
        batch: items a batch; the last one may be smaller and is kept.
        device: where the batches are.
        order: int64 of shape (n,), e.g. ``streams.permutation(seed, "order", epoch, n=n)``; None is as
            stored.
        start: the batch to begin at, for a run that is resumed inside an epoch.

    Raises:
        FieldError: ``batch`` is below 1.
    """

    def __init__(
        self,
        items: Items,
        *,
        batch: int,
        device: torch.device | str = "cpu",
        order: torch.Tensor | None = None,
        start: int = 0,
    ) -> None:
        if batch < 1:
            raise FieldError(f"batch is {batch}; it takes a whole number from 1 on")
        self.items = items.to(device)
        self.batch = batch
        self.start = start
        whole = torch.arange(len(items)) if order is None else order
        # sequences are cut to their lengths on the host, which would wait for an order on the device
        self._host = whole.cpu() if _ragged(self.items) else None
        # one copy a pass: slicing it on the device leaves the steps free of synchronisation
        self._order = whole.to(device_of(self.items.inputs))
        self.total = -(-len(whole) // batch)

    def __len__(self) -> int:
        """How many batches are left from ``start`` on; ``total`` counts the whole pass."""
        return max(0, self.total - self.start)

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.start, self.total):
            cut = slice(step * self.batch, (step + 1) * self.batch)
            index = self._order[cut]
            if self._host is None:
                yield Batch(self.items.inputs[index], self.items.targets[index], index)
            else:
                here = self._host[cut]
                x, y = (_at(each, index, here) for each in (self.items.inputs, self.items.targets))
                yield Batch(x, y, index)


def _ragged(items: Items) -> bool:
    return isinstance(items.inputs, Ragged) or isinstance(items.targets, Ragged)


def _at(values: Any, index: torch.Tensor, here: torch.Tensor) -> Any:
    return values[here] if isinstance(values, Ragged) else values[index]
