"""What a run gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import nn

from workbench.training.state import Point

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Predictions:
    """Per-example answers on one split, in the split's order.

    Attributes:
        index: int64 (n,), the item's position in its split.
        target: int64 (n,) for single labels, else as the target says, e.g. float32 (n, values) or int64 (n, tokens).
        prediction: of the same shape.
        confidence: float32 (n,), the probability given to the prediction; not a number where a target has none.
    """

    index: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of one run: final numbers, their history, per-example predictions, the trained model.

    ``constant`` holds, by the same names as ``metrics``, what the best predictor scores that never looks at its input.
    Printed, every number stands against it.
    """

    metrics: dict[str, float]
    history: list[Point]
    predictions: Predictions
    model: nn.Module
    classes: tuple[str, ...]
    seconds: float
    constant: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.4g}{self._beside(name)}" for name, value in self.metrics.items())

    def __repr__(self) -> str:
        """As printed: a notebook that ends a cell with ``run()`` would show every point and prediction."""
        return str(self)

    def _beside(self, name: str) -> str:
        return f" (constant {self.constant[name]:.4g})" if name in self.constant else ""
