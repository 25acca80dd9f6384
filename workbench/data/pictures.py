"""Pictures: from stored bytes to what a network gets, the one way for every split and for new pictures."""

from __future__ import annotations

import abc
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench.data.augment import Augment
from workbench.data.encoding import Encoder
from workbench.data.items import Data, Datasets, check_count
from workbench.data.loading import Batch
from workbench.data.photos import decode, in_colour
from workbench.data.preparation import Preparation
from workbench.data.targets.base import Row
from workbench.errors import DataError, FieldError


class ImageData(Data, abc.ABC):
    """Base of pictures.

    ``size``: side in pixels of what the network gets (None: as stored; "auto": see
    :func:`workbench.data.picture_size.natural_size`). ``augment``: what is done to training pictures on the device
    (None: nothing).

    Raises:
        FieldError: a side below 8 pixels.
    """

    size: int | Literal["auto"] | None = None
    augment: Augment | None = None

    def check(self) -> None:
        """Refuse pictures of a few pixels as well."""
        super().check()
        if self.size != "auto":
            check_count(self, "size", 8)

    def preparation(self, data: Datasets, model: nn.Module) -> Preparation:
        """The weights' own statistics where they have some, else those of the training items."""
        mean, std = getattr(model, "mean", None), getattr(model, "std", None)
        source = "the weights' own"
        if mean is None or std is None:
            mean, std = data.train.channel_statistics()
            source = f"measured on {len(data.train):,} training items"
        channels = int(getattr(model, "channels", data.signature.channels))
        return ImagePreparation(data.signature.size, channels, tuple(mean), tuple(std), source, self.augment)


@dataclass(frozen=True)
class ImagePreparation(Preparation):
    """To float, augmented in training, normalised by one mean and deviation a channel in units of x / 255."""

    size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str
    augment: Augment | None = None

    def __call__(self, batch: Batch, *, training: bool, seed: int, epoch: int, progress: float) -> torch.Tensor:
        """float32 of shape (b, channels, size, size), channels last in memory."""
        x = prepare(
            batch,
            mean=self.mean,
            std=self.std,
            size=self.size,
            channels=self.channels,
            augment=self.augment if training else None,
            seed=seed,
            epoch=epoch,
        )
        return x.contiguous(memory_format=torch.channels_last)

    def describe(self) -> dict[str, Any]:
        """Mean, deviation and channels."""
        return {"mean": list(self.mean), "std": list(self.std), "channels": self.channels}

    def rows(self) -> list[Row]:
        """Normalisation, and where it comes from."""
        rounded = [[round(value, 4) for value in values] for values in (self.mean, self.std)]
        return [("normalise.mean", rounded[0], self.source), ("normalise.std", rounded[1], self.source)]


class PictureEncoder(Encoder):
    """Paths, bytes, PIL pictures and arrays to stored pictures: the shorter side scaled, the middle square kept.

    Args:
        side: pixels of the stored square.
        channels: 1 turns colour to grey (ITU-R BT.601 luma), 3 repeats grey.
        arrays: whether the training pictures were square arrays: such ones are scaled as these were, see
            :func:`shaped`, since Pillow rounds otherwise.
    """

    def __init__(self, side: int, channels: int, *, arrays: bool = False) -> None:
        self.side, self.channels, self.arrays = side, channels, arrays

    def encode(self, items: Sequence[Any]) -> torch.Tensor:
        """uint8 of shape (n, channels, side, side).

        Args:
            items: each a path, the bytes of a file, a PIL picture, or a uint8 array of shape (h, w) or (h, w, 3).
        """
        pictures = [self._one(item, position) for position, item in enumerate(items)]
        return torch.from_numpy(np.stack(pictures)) if pictures else torch.empty(0, self.channels, self.side, self.side)

    def _one(self, item: Any, position: int) -> np.ndarray:
        where = str(item) if isinstance(item, str | Path) else f"item {position}"
        if isinstance(item, str | Path):
            try:
                item = Path(item).read_bytes()
            except OSError as error:
                raise DataError(f"the picture cannot be read ({error.strerror})", where=where) from None
        if isinstance(item, torch.Tensor):
            item = item.numpy()
        if isinstance(item, np.ndarray):
            return self._array(item, where)
        if not isinstance(item, bytes):
            import io

            buffer = io.BytesIO()
            try:
                in_colour(item, where).save(buffer, "png")
            except AttributeError:
                what = f"a picture is needed, not {type(item).__name__}"
                raise DataError(what, where=where, hint="Give a path, bytes, a PIL picture or an array.") from None
            item = buffer.getvalue()
        return self._fit(decode(item, where, side=self.side))

    def _array(self, array: np.ndarray, where: str) -> np.ndarray:
        flat = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))
        if array.dtype != np.uint8 or not flat or not array.size:
            raise DataError(
                f"{array.dtype} of shape {array.shape} is no picture",
                where=where,
                hint="Give uint8 of shape (h, w) or (h, w, 3).",
            )
        same, square = array.shape[:2] == (self.side, self.side), array.shape[0] == array.shape[1]
        if same or (self.arrays and square):
            return self._fit(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))
        from PIL import Image

        return self._one(Image.fromarray(array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array), 0)

    def _fit(self, planes: np.ndarray) -> np.ndarray:
        # a copy, as torch takes no array that nobody may write to
        return shaped(torch.from_numpy(np.array(planes, order="C"))[None], self.side, self.channels)[0].numpy()

    def show(self, inputs: Any, position: int) -> np.ndarray:
        """The stored picture, uint8 of shape (side, side, 3)."""
        picture = inputs[position].cpu().numpy()
        return np.ascontiguousarray(np.broadcast_to(picture, (3, *picture.shape[1:])).transpose(1, 2, 0))

    def describe(self) -> dict[str, Any]:
        """Side, channels, and how arrays are scaled."""
        return {"side": self.side, "channels": self.channels, "arrays": self.arrays}

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """See :meth:`Encoder.restored`."""
        return cls(int(values["side"]), int(values["channels"]), arrays=bool(values.get("arrays", False)))


def shaped(images: torch.Tensor, side: int, channels: int) -> torch.Tensor:
    """uint8 squares (n, c, h, h) with so many channels (1 or 3), scaled to the side in pixels by :func:`resized`."""
    if channels == 3 and images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1).contiguous()
    if channels == 1 and images.shape[1] == 3:
        images = grey(images)
    return images if side == images.shape[-1] else resized(images, side)


def grey(images: torch.Tensor) -> torch.Tensor:
    """Colour pictures (n, 3, h, w) as one channel of luma (ITU-R BT.601), uint8."""
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    return (images * weights).sum(1, keepdim=True).round().to(torch.uint8)


def resized(images: torch.Tensor, side: int) -> torch.Tensor:
    """uint8 pictures (n, c, h, w) scaled to squares, bilinear with antialiasing."""
    scaled = functional.interpolate(
        images.float(), size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return scaled.round().clamp(0, 255).to(torch.uint8)


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
