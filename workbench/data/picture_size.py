"""The size of what the network gets, where nothing was said: one stated rule."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Literal

TRAINED_AT = 224
"""Side in pixels of what torchvision's ImageNet weights were trained with."""

_STRIDE = 32
"""How often those networks halve a picture: 2 ** 5."""


def natural_size(sides: Sequence[int]) -> tuple[int, str]:
    """The side in pixels for pictures whose shorter sides are ``sides``, and why.

    The median shorter side, as enlarging adds nothing that could be learnt; no more than ImageNet weights were
    trained with, as features change with the scale (Touvron et al. 2019, "Fixing the train-test resolution
    discrepancy"); from 64 pixels on a multiple of 32, so that no halving cuts a row off.
    """
    median = int(statistics.median(sides))
    size = max(8, min(median, TRAINED_AT))
    if size >= 2 * _STRIDE:
        size -= size % _STRIDE
    limit = f"; ImageNet weights were trained with {TRAINED_AT}" if median > TRAINED_AT else ""
    return size, f"{median} is the median of the pictures' shorter sides{limit}"


def photo_size(
    size: int | Literal["auto"] | None, sides: Callable[[], Sequence[int]]
) -> tuple[int, tuple[tuple[str, Any, str], ...]]:
    """The size that was asked for, else the natural one with its row for the table of settings."""
    if isinstance(size, int):
        return size, ()
    found, why = natural_size(sides())
    return found, (("data.size", found, why),)
