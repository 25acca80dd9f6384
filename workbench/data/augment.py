"""Augmentation on the device; each draw belongs to (seed, epoch, item), so no batch size changes a picture."""

from __future__ import annotations

import torch
from torch.nn import functional

from workbench.errors import FieldError
from workbench.parts import Part
from workbench.streams import uniform

_DRAWS = 8


class Augment(Part):
    """Random changes of training pictures; the defaults only take random crops where there is a margin.

    ``flip``: left and right are exchanged with probability 1/2.
    ``crop``: smallest area, as a fraction of the stored picture, of the window that is scaled to the
    network's size; 1 keeps the scale (a window of exactly the network's size at a random place of the stored
    picture). ``aspect``: largest ratio of the window's sides, e.g. 4/3 (both as in Szegedy et al. 2015,
    "Going deeper"). ``shift``: largest displacement in each direction, as a fraction of the side. ``rotate``:
    largest angle in degrees. ``brightness``, ``contrast``: largest relative change, e.g. 0.2.
    What lies outside of the picture is its reflection.

    Raises:
        FieldError: an amount outside of its range.
    """

    flip: bool = False
    crop: float = 1.0
    aspect: float = 1.0
    shift: float = 0.0
    rotate: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0

    def check(self) -> None:
        """Refuse amounts outside of their range."""
        self._require("crop", 0 < self.crop <= 1, "a fraction above 0 and up to 1")
        self._require("aspect", self.aspect >= 1, "a ratio from 1 on")
        self._require("rotate", 0 <= self.rotate <= 180, "degrees from 0 to 180")
        for name in ("shift", "brightness", "contrast"):
            self._require(name, 0 <= getattr(self, name) < 1, "a fraction from 0 to below 1")

    def _require(self, name: str, holds: bool, takes: str) -> None:
        if not holds:
            raise FieldError(f"Augment.{name} is {getattr(self, name)!r}; it takes {takes}")

    def apply(
        self, images: torch.Tensor, index: torch.Tensor, *, seed: int, epoch: int, size: int | None = None
    ) -> torch.Tensor:
        """Augmented pictures.

        Args:
            images: float32 of shape (b, c, h, w) in [0, 1].
            index: int64 of shape (b,), the items' positions in the training set.
            seed: ``seeds.augment`` of the run.
            epoch: every epoch draws anew.
            size: side of the result in pixels; None keeps the stored size.

        Returns:
            float32 of shape (b, c, size, size) in [0, 1]; row i depends on ``images[i]``, ``index[i]``,
            ``seed`` and ``epoch`` alone, so that it is the same, bit for bit, in every batch.
        """
        height, width = images.shape[-2:]
        high, wide = (height, width) if size is None else (size, size)
        draws = uniform(seed, "augment", epoch, index=index, draws=_DRAWS)
        if self._moves() or (high, wide) != (height, width):
            grid = self._grid(draws, (height, width), (high, wide))
            images = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        return self._light(images, draws)

    def _moves(self) -> bool:
        return self.flip or self.crop < 1 or self.aspect > 1 or self.shift > 0 or self.rotate > 0

    def _grid(self, draws: torch.Tensor, stored: tuple[int, int], out: tuple[int, int]) -> torch.Tensor:
        """Where every pixel of the result is read, float32 (b, out h, out w, 2), in grid_sample's units.

        Written out instead of affine_grid, whose matrix product may round differently in another batch size.
        """
        rows, columns = self._window(draws, stored, out)
        centre_y, centre_x = self._centre(draws, stored, rows, columns)
        y = _positions(out[0], draws.device)[None, :, None] * rows[:, None, None] / 2
        x = _positions(out[1], draws.device)[None, None, :] * columns[:, None, None] / 2
        if self.flip:
            x = torch.where(draws[:, 0, None, None] < 0.5, x, -x)
        if self.rotate:
            angle = (2 * draws[:, 1, None, None] - 1) * (self.rotate * torch.pi / 180)
            x, y = x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()
        shape = (len(draws), *out)
        x = (x + centre_x[:, None, None]) * (2 / stored[1]) - 1
        y = (y + centre_y[:, None, None]) * (2 / stored[0]) - 1
        return torch.stack((x.expand(shape), y.expand(shape)), dim=-1)

    def _window(
        self, draws: torch.Tensor, stored: tuple[int, int], out: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Height and width in stored pixels of the window that each item is read from, each of shape (b,)."""
        if self.crop == 1 and self.aspect == 1:
            return torch.full_like(draws[:, 0], out[0]), torch.full_like(draws[:, 0], out[1])
        area = self.crop + (1 - self.crop) * draws[:, 2]
        stretch = torch.exp((draws[:, 3] - 0.5) * torch.log(torch.full_like(area, self.aspect)))
        rows = (area.sqrt() / stretch).clamp(max=1) * stored[0]
        return rows, (area.sqrt() * stretch).clamp(max=1) * stored[1]

    def _centre(
        self, draws: torch.Tensor, stored: tuple[int, int], rows: torch.Tensor, columns: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The window's centre in stored pixels, each of shape (b,)."""
        room_y, room_x = (stored[0] - rows).clamp(min=0), (stored[1] - columns).clamp(min=0)
        reach_y, reach_x = self.shift * stored[0], self.shift * stored[1]
        top = (2 * draws[:, 4] - 1) * (room_y / 2 + reach_y) + (stored[0] - rows) / 2
        left = (2 * draws[:, 5] - 1) * (room_x / 2 + reach_x) + (stored[1] - columns) / 2
        if self.crop == 1 and self.aspect == 1:
            # whole pixels: a plain displacement should not blur
            top, left = top.round(), left.round()
        return top + rows / 2, left + columns / 2

    def _light(self, images: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
        if self.contrast:
            factor = 1 + self.contrast * (2 * draws[:, 6] - 1)
            images = 0.5 + (images - 0.5) * factor[:, None, None, None]
        if self.brightness:
            factor = 1 + self.brightness * (2 * draws[:, 7] - 1)
            images = images * factor[:, None, None, None]
        return images.clamp(0, 1) if self.contrast or self.brightness else images


def _positions(count: int, device: torch.device) -> torch.Tensor:
    """The centres of ``count`` pixels that span -1 to 1."""
    return (2 * torch.arange(count, device=device, dtype=torch.float32) + 1) / count - 1
