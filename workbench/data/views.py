"""Several looks at the same pictures, so that what a network says of them can be averaged."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch

from workbench.data.loading import Batch
from workbench.data.pictures import resized

_SHIFT = 1 / 16
"""How far the shifted views are moved, as a share of the side."""

_ZOOM = 7 / 8
"""Which share of the side the enlarged view shows."""


def views(batch: Batch, *, flip: bool) -> Iterator[Batch]:
    """The batch as it is, moved a sixteenth of its side in four diagonal directions, and enlarged by 8/7.

    Args:
        batch: pictures as stored, uint8 of shape (b, c, h, w).
        flip: each of them mirrored as well, 12 views in all; only where mirroring does not change what is predicted.

    Yields:
        The same items with other pictures; what a shift uncovers is the reflection of what is inside. A margin that
        is stored around what the network gets is used first.
    """
    for pictures in _looks(batch.x):
        yield dataclasses.replace(batch, x=pictures)
        if flip:
            yield dataclasses.replace(batch, x=pictures.flip(-1))


def _looks(pictures: torch.Tensor) -> Iterator[torch.Tensor]:
    yield pictures
    side = int(pictures.shape[-1])
    step = max(1, round(side * _SHIFT))
    for down in (-step, step):
        for right in (-step, step):
            yield pictures[..., _moved(side, down, pictures.device), :][..., _moved(side, right, pictures.device)]
    inner = round(side * _ZOOM)
    edge = (side - inner) // 2
    yield resized(pictures[..., edge : edge + inner, edge : edge + inner], side)


def _moved(side: int, step: int, device: torch.device) -> torch.Tensor:
    """For each row of a picture moved by ``step`` the row that it shows, int64; reflected at the edges."""
    place = (torch.arange(side, device=device) - step).abs()
    return torch.minimum(place, 2 * (side - 1) - place)
