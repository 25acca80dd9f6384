"""Named random streams: every random number is a function of (root seed, purpose, epoch, index).

Nothing depends on what was drawn before, so neither the worker count, the batch size, a range test in between nor an
interruption changes a result. Host streams are Philox (Salmon et al. 2011, "Parallel random numbers: as easy as
1, 2, 3"); per-item streams on the device are SplitMix64 finalisers (Steele et al. 2014) of the item's index, in
integer arithmetic, hence bit-equal on every device.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from workbench.parts import Part

if TYPE_CHECKING:
    import numpy as np
    import torch

_GOLDEN = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


class Seeds(Part):
    """The seed tuple of a run: arms share it, so their differences are paired (Bouthillier et al. 2021).

    ``subset``: which training items are drawn. ``init``: the random weights. ``order``: the order of the items, and
    dropout. ``augment``: augmentation and mixing. ``source`` numbers the pre-trained network that the run starts from,
    where the experiment has several.
    """

    subset: int = 0
    init: int = 0
    order: int = 0
    augment: int = 0
    source: int = 0

    @classmethod
    def of(cls, seed: int, source: int = 0) -> Self:
        """The tuple whose four seeds all equal ``seed``; their streams are independent all the same."""
        return cls(subset=seed, init=seed, order=seed, augment=seed, source=source)

    def __str__(self) -> str:
        own = {self.subset, self.init, self.order, self.augment}
        text = str(self.subset) if len(own) == 1 else f"{self.subset}.{self.init}.{self.order}.{self.augment}"
        return f"{text}/{self.source}" if self.source else text


def key(root: int, *purpose: str | int) -> int:
    """The 63-bit key of a stream, e.g. ``key(seed, "order", epoch)``."""
    text = "/".join(str(each) for each in (root, *purpose))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(root: int, *purpose: str | int) -> torch.Generator:
    """A fresh CPU torch generator for a stream, e.g. for initial weights."""
    import torch

    return torch.Generator().manual_seed(key(root, *purpose))


def numpy_generator(root: int, *purpose: str | int) -> np.random.Generator:
    """A fresh NumPy Philox generator for a stream."""
    import numpy as np

    return np.random.Generator(np.random.Philox(key=key(root, *purpose)))


def permutation(root: int, *purpose: str | int, n: int) -> torch.Tensor:
    """A random order of ``0..n-1`` as int64 of shape (n,), e.g. ``permutation(seed, "order", epoch, n=n)``."""
    import torch

    return torch.from_numpy(numpy_generator(root, *purpose).permutation(n))


def uniform(root: int, *purpose: str | int, index: torch.Tensor, draws: int) -> torch.Tensor:
    """Uniform numbers in [0, 1) that belong to items, not to batches.

    Args:
        index: int64 of shape (b,), the items' positions in the data set.
        draws: how many numbers each item gets.

    Returns:
        float32 of shape (b, draws) on the device of ``index``; row i depends on ``index[i]`` and the stream alone.
    """
    import torch

    counter = torch.arange(draws, device=index.device, dtype=torch.int64)
    state = _mix(index.to(torch.int64)[:, None] + _signed(key(root, *purpose)))
    mixed = _mix(state + counter * _signed(_GOLDEN))
    return _shift(mixed, 40).to(torch.float32) * 2.0**-24


def _mix(state: torch.Tensor) -> torch.Tensor:
    state = state + _signed(_GOLDEN)
    state = (state ^ _shift(state, 30)) * _signed(_MIX_1)
    state = (state ^ _shift(state, 27)) * _signed(_MIX_2)
    return state ^ _shift(state, 31)


def _shift(state: torch.Tensor, bits: int) -> torch.Tensor:
    """Logical right shift of int64: torch's own shift copies the sign bit."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
