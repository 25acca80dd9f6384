"""Batches from the device's own memory, and the one way from stored bytes to what a network gets."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from workbench.data.augment import Augment
from workbench.data.items import Items
from workbench.errors import FieldError


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """b items on the device.

    Attributes:
        x: uint8 of shape (b, c, h, w), as stored.
        y: int64 of shape (b,).
        index: int64 of shape (b,), positions in the items.
    """

    x: torch.Tensor
    y: torch.Tensor
    index: torch.Tensor

    def __len__(self) -> int:
        return int(self.y.shape[0])

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
        # one copy a pass: slicing it on the device leaves the steps free of synchronisation
        self._order = whole.to(self.items.inputs.device)
        self.total = -(-len(whole) // batch)

    def __len__(self) -> int:
        """How many batches are left from ``start`` on; ``total`` counts the whole pass."""
        return max(0, self.total - self.start)

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.start, self.total):
            index = self._order[step * self.batch : (step + 1) * self.batch]
            yield Batch(self.items.inputs[index], self.items.targets[index], index)


def prepare(
    batch: Batch,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    size: int | None = None,
    channels: int | None = None,
    augment: Augment | None = None,
    seed: int = 0,
    epoch: int = 0,
) -> torch.Tensor:
    """What the network gets: to float, augment or centre crop, adapt the channels, normalise, in this order.

    Args:
        batch: pictures as stored; augmentation is keyed by their positions in the training items.
        mean, std: one number a channel of the result, or one for all, in units of x / 255.
        size: side of the result in pixels; None keeps the stored one.
        channels: what the network takes; grey pictures are repeated to 3. None keeps what is stored.
        augment: for training only; None takes the centre.
        seed: ``seeds.augment``.
        epoch: every epoch is augmented anew.

    Returns:
        float32 of shape (b, channels, size, size).

    Raises:
        FieldError: colour pictures for a network that takes grey ones, or more statistics than channels.
    """
    if augment is None:
        images = _unit(centre(batch.x, size))
    else:
        images = augment.apply(_unit(batch.x), batch.index, seed=seed, epoch=epoch, size=size)
    images = _with_channels(images, channels)
    if {len(mean), len(std)} - {1, images.shape[1]}:
        raise FieldError(f"{len(mean)} means and {len(std)} deviations for {images.shape[1]} channels")
    return (images - _planes(tuple(mean), images.device)).div_(_planes(tuple(std), images.device))


def _unit(pictures: torch.Tensor) -> torch.Tensor:
    return pictures.to(torch.float32).div_(255)


def _with_channels(images: torch.Tensor, channels: int | None) -> torch.Tensor:
    if channels is None or images.shape[1] == channels:
        return images
    if images.shape[1] != 1:
        raise FieldError(
            f"the pictures have {images.shape[1]} channels and the network takes {channels}",
            hint="Set channels=1 in the data.",
        )
    return images.expand(-1, channels, -1, -1)


@functools.lru_cache(maxsize=64)
def _planes(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """The values on the device, float32 (c, 1, 1): kept, since a copy a step would wait for the device."""
    return torch.tensor(values, dtype=torch.float32, device=device)[:, None, None]


def centre(images: torch.Tensor, size: int | None) -> torch.Tensor:
    """The middle square of side ``size`` of pictures of shape (..., h, w); None keeps them whole."""
    if size is None or images.shape[-2:] == (size, size):
        return images
    top, left = (images.shape[-2] - size) // 2, (images.shape[-1] - size) // 2
    return images[..., top : top + size, left : left + size]
