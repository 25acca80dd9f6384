"""One of k classes an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch.nn import functional

from workbench.data.targets.base import Row, Target


class SingleLabel(Target):
    """One of k classes an item: softmax cross-entropy in nats, optionally with label smoothing.

    ``output`` has shape (b, k), ``y`` is int64 of shape (b,), or float32 of shape (b, k) where items were mixed.
    Smoothing s gives the true class 1 - s + s/k and every other one s/k (Szegedy et al. 2016, "Rethinking the
    Inception architecture").
    """

    names: ClassVar[tuple[str, ...]] = ("error", "loss")

    def width(self, classes: int) -> int:
        """One number a class."""
        return classes

    def loss(self, output: torch.Tensor, y: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean cross-entropy in nats; in float32 also when the output is bfloat16."""
        return functional.cross_entropy(output.float(), y, label_smoothing=smoothing)

    def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        """``error``: 1 where the largest output is not the target's; ``loss``: cross-entropy in nats."""
        loss = functional.cross_entropy(output.float(), y, reduction="none")
        return {"error": _wrong(output, y).float(), "loss": loss}

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest class (int64 of shape (b,)) and its softmax probability."""
        confidence, label = functional.softmax(output.float(), dim=1).max(dim=1)
        return label, confidence

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
        """The likeliest class by name and its softmax probability."""
        label, confidence = self.predict(output)
        return [(classes[each], sure) for each, sure in zip(label.tolist(), confidence.tolist(), strict=True)]

    def constant(self, train: torch.Tensor, test: torch.Tensor) -> dict[str, float]:
        """Always the commonest training class (the first of several equals); the training shares as probabilities."""
        counts = torch.bincount(train, minlength=int(test.max()) + 1 if len(test) else 0)
        shares = (counts.double() / counts.sum()).clamp(min=0.5 / max(1, len(train)))
        error = (test != counts.argmax()).double().mean()
        return {"error": float(error), "loss": float(-(shares / shares.sum()).log()[test].mean())}

    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """Rows for the table of settings."""
        return [
            ("target", "SingleLabel", f"{len(classes)} classes, one label an item"),
            ("head", f"{len(classes)} outputs", "one output a class, fresh weights from the init stream"),
            ("activation", "softmax", "the classes exclude each other"),
            ("loss", "cross-entropy", "the loss of SingleLabel"),
            ("metric", "error", "the first metric of SingleLabel"),
        ]

    def merged(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The logarithm of the mean softmax probability, up to a constant."""
        return torch.stack([each.float().log_softmax(1) for each in outputs]).logsumexp(0)

    def soft(self, y: Any, classes: int) -> torch.Tensor:
        """One-hot rows."""
        return functional.one_hot(y, classes).float()


def _wrong(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    # argmax of an output that is not a number is some class, which may be the right one by accident
    return (output.argmax(dim=1) != y) | output.isnan().any(dim=1)
