"""A number between two limits: a rating, a share, a grade."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Self

import torch

from workbench.data.targets.base import Row, Target, mean_odds, refuse_smoothing
from workbench.data.targets.regression import fit_scores
from workbench.errors import FieldError

_BEYOND = 0.1
"""How far the sigmoid reaches over the limits, in units of their distance: at the limits themselves it is flat."""


class Rating(Target):
    """A number between two limits: a sigmoid scaled to them, and the squared error.

    ``output`` has shape (b, 1) and is what goes into the sigmoid: the network does not bound it. ``y`` is float32 of
    shape (b, 1), in the data's own units. ``limits``: lowest and highest; None takes those of the training targets
    (:meth:`fitted`). The sigmoid reaches a tenth of the limits' distance beyond each, since it is flat where it
    ends; an answer is cut to the limits.

    The field's measure is ``rmse``, the root of a mean; the first metric here is ``mse``, its square, which is a mean
    over items, so that two networks can be compared item by item and rank the same.

    Raises:
        FieldError: limits that do not rise.
    """

    names: ClassVar[tuple[str, ...]] = ("mse", "mae", "loss")

    limits: tuple[float, float] | None = None

    def check(self) -> None:
        """Refuse limits that do not rise."""
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise FieldError(f"Rating.limits is {self.limits!r}; it takes the lowest and the highest, e.g. (1, 5)")

    def width(self, classes: int) -> int:
        """One number.

        Raises:
            FieldError: there are several values.
        """
        if classes != 1:
            raise FieldError(f"Rating takes one value an item, and there are {classes}", hint="Use Regression().")
        return 1

    def fitted(self, train: torch.Tensor) -> Self:
        """With the lowest and highest training target as limits, unless they were given.

        Raises:
            FieldError: the training targets do not vary, or leave the limits that were given.
        """
        low, high = float(train.min()), float(train.max())
        if self.limits is None:
            if low == high:
                raise FieldError(f"every training target is {low:g}, so there is nothing to learn")
            return self.but(limits=(low, high))
        if low < self.limits[0] or high > self.limits[1]:
            raise FieldError(
                f"Rating.limits is {self.limits!r}, and training targets reach from {low:g} to {high:g}",
                hint="Widen the limits, or leave them out.",
            )
        return self

    def loss(self, output: torch.Tensor, y: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean squared error in units of the limits' distance, so that one learning rate suits every scale."""
        refuse_smoothing(self, smoothing)
        return self._squared(output, y).mean()

    def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        """``mse``, ``mae``: in the data's own units, after cutting to the limits; ``loss``: as trained."""
        off = self.values(output) - y.reshape(output.shape)
        return {
            "mse": off.square().mean(1),
            "mae": off.abs().mean(1),
            "loss": self._squared(output, y).mean(1),
        }

    def values(self, output: torch.Tensor) -> torch.Tensor:
        """The answers in the data's own units, float32 (b, 1), within the limits."""
        return self._scaled(output).clamp(*self._bounds())

    def outputs(self, values: torch.Tensor) -> torch.Tensor:
        """What goes into the sigmoid for these answers: :meth:`values` gives them back, where they are within the
        limits. For a network whose answers are known, e.g. means. Float32, of the shape of ``values``."""
        low, high = self._bounds()
        beyond = _BEYOND * (high - low)
        return ((values.double() - (low - beyond)) / (high - low + 2 * beyond)).logit().float()

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The answers, float32 (b, 1), and NaN (b,): a number alone does not say how sure it is."""
        return self.values(output), torch.full((len(output),), torch.nan, device=output.device)

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[float, float]]:
        """The answers in the data's own units; no confidence (NaN)."""
        return [(row[0], math.nan) for row in self.values(output).tolist()]

    def keep(self, output: torch.Tensor) -> torch.Tensor:
        """The answers."""
        return self.values(output)

    def summary(self, kept: torch.Tensor | None, y: torch.Tensor, scores: dict[str, float]) -> dict[str, float]:
        """``rmse`` in the data's own units, and ``r2``; see :func:`fit_scores`."""
        return {} if kept is None else fit_scores(kept, y)

    def constant(self, train: torch.Tensor, test: torch.Tensor) -> dict[str, float]:
        """The training mean; for ``mae`` the median."""
        bound = self.fitted(train)
        low, high = bound._bounds()
        mean, middle = float(train.double().mean()), float(train.double().quantile(0.5))
        off = test.double() - mean
        found = {
            "mse": float(off.square().mean()),
            "mae": float((test.double() - middle).abs().mean()),
            "loss": float((off / (high - low)).square().mean()),
        }
        return found | fit_scores(torch.full((len(test), 1), mean), test)

    def merged(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The output whose answer is the mean of theirs, before they are cut to the limits."""
        return mean_odds(outputs)

    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """Rows for the table of settings."""
        span = "its limits" if self.limits is None else f"{self.limits[0]:g} to {self.limits[1]:g}"
        return [
            ("target", "Rating", f"one number an item, within {span}"),
            ("head", "1 output", "one value"),
            ("activation", "scaled sigmoid", f"answers stay within {span}"),
            ("loss", "mean squared error", "in units of the limits' distance"),
            ("metric", "mse", "the first metric of Rating, the square of rmse"),
        ]

    def _squared(self, output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        low, high = self._bounds()
        return ((self._scaled(output) - y.reshape(output.shape)) / (high - low)).square()

    def _scaled(self, output: torch.Tensor) -> torch.Tensor:
        low, high = self._bounds()
        beyond = _BEYOND * (high - low)
        return output.float().sigmoid() * (high - low + 2 * beyond) + (low - beyond)

    def _bounds(self) -> tuple[float, float]:
        if self.limits is None:
            raise FieldError("Rating has no limits yet", hint="Call fitted(training targets), or give them.")
        return self.limits
