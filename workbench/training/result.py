"""What a run gives back."""

from __future__ import annotations

from dataclasses import dataclass
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
        target: int64 (n,).
        prediction: int64 (n,).
        confidence: float32 (n,), the probability given to the prediction.
    """

    index: np.ndarray
    target: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Result:
    """The outcome of one run: final numbers, their history, per-example predictions, the trained model."""

    metrics: dict[str, float]
    history: list[Point]
    predictions: Predictions
    model: nn.Module
    classes: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        return "  ".join(f"{name} {value:.4g}" for name, value in self.metrics.items())
