"""What a column of items holds: one tensor, sequences of different lengths, or the rows of a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol, Self, cast

import torch

PAD, UNKNOWN, BEGIN, END = range(4)
"""The token ids that every vocabulary begins with."""


class Values(Protocol):
    """Values of n items in one place; ``torch.Tensor`` is one of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any:
        """The items at the positions ``index`` (int64 of shape (b,)), as a batch holds them."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Padded:
    """b sequences as one rectangle.

    Attributes:
        ids: int64 of shape (b, t); behind a sequence's end stands :data:`PAD`.
        lengths: int64 of shape (b,), on the same device.
        counts: the same lengths on the host, so that nobody has to wait for the device.
    """

    ids: torch.Tensor
    lengths: torch.Tensor
    counts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, cut: slice) -> Padded:
        return Padded(self.ids[cut], self.lengths[cut], self.counts[cut])

    @property
    def device(self) -> torch.device:
        """Where the ids are."""
        return self.ids.device

    @property
    def mask(self) -> torch.Tensor:
        """Bool of shape (b, t): True where there is a token."""
        return torch.arange(self.ids.shape[1], device=self.ids.device)[None, :] < self.lengths[:, None]

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> Padded:
        """Sequences of token ids as one rectangle, at least one token wide."""
        counts = tuple(len(each) for each in sequences)
        width = max(1, *counts) if counts else 1
        rows = [[*each, *[PAD] * (width - len(each))] for each in sequences]
        ids = torch.tensor(rows, dtype=torch.int64).reshape(len(rows), width)
        return cls(ids.to(device), torch.tensor(counts, dtype=torch.int64).to(device), counts)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """n sequences of token ids end to end; indexing gives :class:`Padded`.

    Attributes:
        flat: int64 of shape (total,).
        counts: int64 of shape (n,), each sequence's length, on the host.
    """

    flat: torch.Tensor
    counts: torch.Tensor

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def device(self) -> torch.device:
        """Where the ids are."""
        return self.flat.device

    @property
    def starts(self) -> torch.Tensor:
        """Int64 of shape (n,), on the host: where each sequence begins in ``flat``."""
        return self.counts.cumsum(0) - self.counts

    def __getitem__(self, index: torch.Tensor) -> Padded:
        here = index.cpu()
        counts = self.counts[here]
        width = max(1, int(counts.max())) if len(here) else 1
        place = self.starts[here][:, None] + torch.arange(width)
        inside = torch.arange(width)[None, :] < counts[:, None]
        place = torch.where(inside, place, 0).to(self.device, non_blocking=True)
        inside = inside.to(self.device, non_blocking=True)
        ids = self.flat[place] if len(self.flat) else torch.zeros_like(place)
        return Padded(torch.where(inside, ids, PAD), counts.to(self.device, non_blocking=True), tuple(counts.tolist()))

    def subset(self, index: torch.Tensor) -> Ragged:
        """The sequences at the positions ``index``, in that order."""
        pieces = [self.flat[start : start + count] for start, count in self._bounds(index)]
        return Ragged(torch.cat([self.flat[:0], *pieces]), self.counts[index.cpu()])

    def _bounds(self, index: torch.Tensor) -> list[tuple[int, int]]:
        here = index.cpu()
        return list(zip(self.starts[here].tolist(), self.counts[here].tolist(), strict=True))

    def to(self, device: torch.device | str) -> Ragged:
        """The same with its ids on ``device``."""
        return Ragged(self.flat.to(device), self.counts)

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> Ragged:
        """Sequences of token ids, end to end."""
        flat = torch.tensor([token for each in sequences for token in each], dtype=torch.int64)
        return cls(flat, torch.tensor([len(each) for each in sequences], dtype=torch.int64))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a table, stored or as a batch.

    Attributes:
        categories: int64 of shape (n, c); 0 stands for a missing value and for one that training did not have.
        numbers: float32 of shape (n, m), scaled.
    """

    categories: torch.Tensor
    numbers: torch.Tensor

    def __len__(self) -> int:
        return int(self.categories.shape[0])

    def __getitem__(self, index: Any) -> Self:
        return type(self)(self.categories[index], self.numbers[index])

    @property
    def device(self) -> torch.device:
        """Where the values are."""
        return self.categories.device

    def to(self, device: torch.device | str) -> Self:
        """The same on ``device``."""
        return type(self)(self.categories.to(device), self.numbers.to(device))


def subset(values: Any, index: torch.Tensor) -> Any:
    """The values at the positions ``index`` (int64 of shape (m,)), stored as they are now."""
    if isinstance(values, Ragged):
        return values.subset(index)
    return values[index.to(values.device)]


def device_of(values: Any) -> torch.device:
    """Where stored values, or a batch of them, are."""
    return cast(torch.device, values.device)
