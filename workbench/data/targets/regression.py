"""One or more numbers an item."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import torch
from torch.nn import functional

from workbench.data.targets.base import Row, Target, refuse_smoothing
from workbench.errors import FieldError

_LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "mse": functional.mse_loss,
    "huber": functional.huber_loss,
    "l1": functional.l1_loss,
}
_LONG = {"mse": "mean squared error", "huber": "Huber loss", "l1": "mean absolute error"}


class Regression(Target):
    """One or more numbers an item, learnt in standardised units and shown in the data's own.

    ``output`` has shape (b, v) and is in standard deviations from the mean, so that one learning rate suits every
    unit; ``y`` is float32 of shape (b, v), in the data's own units. ``criterion``: the loss, "mse", "huber" (linear
    from one standard deviation on; Huber 1964) or "l1". ``mean``, ``std``: one number a value, in the data's own
    units; None takes those of the training targets (:meth:`fitted`).

    The measure is the mean absolute error: in the data's own units and a mean over items, so that two networks can
    be compared item by item; the root of a mean is not. Where several values have different units, it mixes them:
    look at ``loss`` or ``r2`` then, which have none.

    Raises:
        FieldError: half of the statistics, or a deviation that is not above 0.
    """

    names: ClassVar[tuple[str, ...]] = ("mae", "loss")

    criterion: Literal["mse", "huber", "l1"] = "mse"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def check(self) -> None:
        """Refuse half of the statistics, and deviations that are not above 0."""
        if (self.mean is None) != (self.std is None):
            given, missing = ("mean", "std") if self.std is None else ("std", "mean")
            raise FieldError(f"Regression.{given} is given without {missing}", hint="Give both, or neither.")
        if self.mean is not None and self.std is not None:
            if len(self.mean) != len(self.std):
                raise FieldError(f"Regression has {len(self.mean)} means and {len(self.std)} deviations")
            if not all(each > 0 for each in self.std):
                raise FieldError(f"Regression.std is {self.std!r}; it takes numbers above 0")

    def width(self, classes: int) -> int:
        """One number a value."""
        return classes

    def fitted(self, train: torch.Tensor) -> Self:
        """With the mean and deviation of the training targets (float32 (n, v)), unless they were given.

        A value that never changes gets deviation 1.

        Raises:
            FieldError: statistics were given for another number of values.
        """
        if self.mean is not None:
            if len(self.mean) != train.shape[1]:
                raise FieldError(f"Regression.mean has {len(self.mean)} numbers, and there are {train.shape[1]} values")
            return self
        exact = train.double()
        std = exact.std(0, correction=0).tolist()
        return self.but(mean=tuple(exact.mean(0).tolist()), std=tuple(each or 1.0 for each in std))

    def loss(self, output: torch.Tensor, y: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean over items and values, in standardised units."""
        refuse_smoothing(self, smoothing)
        return _LOSSES[self.criterion](output.float(), self._standardised(y))

    def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        """``mae``: absolute error in the data's units, mean of the values; ``loss``: in standardised units."""
        loss = _LOSSES[self.criterion](output.float(), self._standardised(y), reduction="none")
        return {"mae": (self.values(output) - y).abs().mean(1), "loss": loss.mean(1)}

    def values(self, output: torch.Tensor) -> torch.Tensor:
        """The output in the data's own units, float32 of shape (b, v)."""
        mean, std = self._statistics(output.device)
        return output.float() * std + mean

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The values in the data's own units, and NaN (b,): a number alone does not say how sure it is."""
        return self.values(output), torch.full((len(output),), torch.nan, device=output.device)

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[Any, float]]:
        """The value in its own units, or ``{name: value}`` of several; no confidence (NaN)."""
        rows = self.values(output).tolist()
        if len(classes) == 1:
            return [(row[0], math.nan) for row in rows]
        return [(dict(zip(classes, row, strict=True)), math.nan) for row in rows]

    def keep(self, output: torch.Tensor) -> torch.Tensor:
        """The values in the data's own units."""
        return self.values(output)

    def summary(self, kept: torch.Tensor | None, y: torch.Tensor, scores: dict[str, float]) -> dict[str, float]:
        """``rmse`` in the data's own units, and ``r2``; see :func:`fit_scores`."""
        return {} if kept is None else fit_scores(kept, y)

    def constant(self, train: torch.Tensor, test: torch.Tensor) -> dict[str, float]:
        """The training mean for ``rmse`` and ``r2``, the median for ``mae``; for ``loss`` the better one in training.

        The median halves the middle of an even number of items (numpy's), which is as good as any between them.
        """
        bound = self.fitted(train)
        middle = train.double().quantile(0.5, dim=0).float()
        mean = train.double().mean(0).float()
        outputs = [bound._standardised(each[None]) for each in (mean, middle)]
        best = min(outputs, key=lambda each: float(bound.loss(each.expand(len(train), -1), train)))
        found = {
            "mae": float((test - middle).abs().double().mean()),
            "loss": float(bound.loss(best.expand(len(test), -1), test)),
        }
        return found | fit_scores(mean.expand(len(test), -1), test)

    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """Rows for the table of settings."""
        shown = "one number an item" if len(classes) == 1 else f"{len(classes)} numbers an item"
        rows: list[Row] = [
            ("target", "Regression", shown),
            ("head", f"{len(classes)} output{'s' * (len(classes) > 1)}", "one output a value, fresh weights"),
            ("activation", "none", "numbers have no bounds; Rating has"),
            ("loss", _LONG[self.criterion], f"criterion '{self.criterion}', in standardised units"),
            ("metric", "mae", "the first metric of Regression, in the data's own units"),
        ]
        if self.mean is not None and self.std is not None:
            statistics = [f"{mean:.4g} +- {std:.4g}" for mean, std in zip(self.mean, self.std, strict=True)]
            rows.append(("standardise", ", ".join(statistics), "mean and deviation of the training targets"))
        return rows

    def _standardised(self, y: torch.Tensor) -> torch.Tensor:
        mean, std = self._statistics(y.device)
        return (y - mean) / std

    def _statistics(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if self.mean is None or self.std is None:
            raise FieldError("Regression has no mean and std yet", hint="Call fitted(training targets), or give both.")
        return _row(self.mean, device), _row(self.std, device)


@functools.lru_cache(maxsize=64)
def _row(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """The values on the device, float32 (v,): kept, since a copy a step would wait for the device."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def fit_scores(values: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """``rmse``, the root mean squared error over items and values, and ``r2``, the mean over values of R squared.

    R squared is 1 - (squared error) / (squared deviation from the split's own mean); a value that does not change
    in the split has none and is left out.

    Args:
        values, y: (n, v), in the same units.
    """
    if not len(y):
        return {}
    exact, truth = values.double().cpu(), y.double().cpu().reshape(values.shape)
    error = (exact - truth).square()
    found = {"rmse": float(error.mean().sqrt())}
    spread = (truth - truth.mean(0)).square().sum(0)
    if bool((spread > 0).any()):
        found["r2"] = float((1 - error.sum(0) / spread)[spread > 0].mean())
    return found
