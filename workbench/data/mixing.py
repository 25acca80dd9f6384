"""Mixed pictures: each training item is blended with another one of its batch, and so are their targets."""

from __future__ import annotations

import functools

import torch

from workbench.errors import FieldError
from workbench.parts import Part
from workbench.streams import uniform

_KNOTS = 4096
"""The quantiles of the share's distribution are kept at so many steps and read off linearly."""


class Mix(Part):
    """MixUp and CutMix: ``Mix(mixup=0.2)``, ``Mix(cutmix=1.0)``, or both, each for half of the items.

    ``mixup``: alpha of Zhang et al. 2018 ("mixup: Beyond empirical risk minimization", equation 2): an item keeps the
    share w, drawn from Beta(alpha, alpha), and gets 1 - w of its partner. ``cutmix``: alpha of Yun et al. 2019
    ("CutMix", equations 1 and 2): a box of area 1 - w is replaced by the partner's pixels; w counts what is left of
    the item. 0 turns one off. Targets are mixed with the same shares, so they have to be classes or labels.

    Every item draws its own share and box from the stream (seeds.augment, "mix", epoch), and partners come from the
    whole batch: neither micro batches nor a resumed run change what is seen.

    Raises:
        FieldError: a negative alpha, or a mix of nothing.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def check(self) -> None:
        """Refuse negative alphas, and a mix of nothing."""
        for name in ("mixup", "cutmix"):
            if not 0 <= getattr(self, name) <= 100:
                raise FieldError(f"Mix.{name} is {getattr(self, name)!r}; it takes a number from 0 to 100")
        if not self.mixup and not self.cutmix:
            raise FieldError("Mix mixes nothing", hint="Set mixup=0.2 or cutmix=1.0, or leave Mix out.")

    def blend(
        self, x: torch.Tensor, others: torch.Tensor, index: torch.Tensor, *, seed: int, epoch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mixed pictures, and each item's share of its own picture.

        Args:
            x: float32 of shape (b, c, h, w).
            others: the partners' pictures, the same shape.
            index: int64 of shape (b,), the items' positions in the training set.
            seed: ``seeds.augment``.
            epoch: every epoch draws anew.

        Returns:
            float32 of shape (b, c, h, w) and (b,); row i depends on row i of the arguments alone.
        """
        draws = uniform(seed, "mix", epoch, index=index, draws=5)
        high, wide = x.shape[-2:]
        inside = torch.zeros(len(x), 1, high, wide, dtype=torch.bool, device=x.device)
        share = torch.ones_like(draws[:, 0])
        if self.cutmix:
            inside = _box(1 - _beta(self.cutmix, draws[:, 1]), draws[:, 3], draws[:, 4], high, wide)
            share = 1 - inside.float().mean((1, 2, 3))
        own = (~inside).float()
        if self.mixup:
            mixed = _beta(self.mixup, draws[:, 1])
            chosen = torch.ones_like(mixed, dtype=torch.bool) if not self.cutmix else draws[:, 2] < 0.5
            share = torch.where(chosen, mixed, share)
            own = torch.where(chosen[:, None, None, None], mixed[:, None, None, None], own)
        return x * own + others * (1 - own), share


def partners(index: torch.Tensor, *, seed: int, epoch: int) -> torch.Tensor:
    """For each item of a batch the place of its partner, int64 (b,): one ring through all of them, so nobody's own.

    The ring's order is drawn for every item from the stream (seed, "mix", epoch).
    """
    order = uniform(seed, "mix", epoch, index=index, draws=1)[:, 0].argsort(stable=True)
    found = torch.empty_like(order)
    found[order] = order.roll(-1)
    return found


def _box(area: torch.Tensor, y: torch.Tensor, x: torch.Tensor, high: int, wide: int) -> torch.Tensor:
    """Bool (b, 1, h, w): boxes of the pictures' proportions around uniform centres, cut at the edges."""
    edges = []
    for centre, side in ((y, high), (x, wide)):
        middle, half = (centre * side).floor(), (area.sqrt() * side).floor() / 2
        place = torch.arange(side, device=area.device)[None, :]
        edges.append((place >= (middle - half)[:, None]) & (place < (middle + half)[:, None]))
    return (edges[0][:, :, None] & edges[1][:, None, :])[:, None]


def _beta(alpha: float, u: torch.Tensor) -> torch.Tensor:
    """Values of Beta(alpha, alpha) for uniform numbers, by its quantile function: no rejection, so no waiting."""
    table = _quantiles(alpha, u.device)
    place = u * _KNOTS
    low = place.floor()
    at = low.to(torch.int64)
    return torch.lerp(table[at], table[at + 1], place - low)


@functools.lru_cache(maxsize=16)
def _quantiles(alpha: float, device: torch.device) -> torch.Tensor:
    """The quantiles of Beta(alpha, alpha) at 0, 1/4096, ..., 1, float32 on the device."""
    import numpy as np
    from scipy.special import betaincinv

    values = betaincinv(alpha, alpha, np.linspace(0, 1, _KNOTS + 1))
    return torch.from_numpy(values.astype(np.float32)).to(device)
