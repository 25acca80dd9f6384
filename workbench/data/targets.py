"""What is predicted: a target owns the head's width, the loss, the metrics, decoding and the chance level."""

from __future__ import annotations

import abc
from typing import ClassVar

import torch
from torch.nn import functional

from workbench.parts import Part


class Target(Part, abc.ABC):
    """Base of targets. Everything here stays on the device: nothing waits for it."""

    names: ClassVar[tuple[str, ...]] = ()
    """The names that :meth:`metrics` gives; the first one is the measure, smaller is better."""

    @abc.abstractmethod
    def width(self, classes: int) -> int:
        """How many numbers the head puts out for ``classes`` classes."""

    @abc.abstractmethod
    def loss_sum(self, output: torch.Tensor, target: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """The loss summed over the items, a float32 scalar: divide by the true count when accumulating."""

    @abc.abstractmethod
    def metrics(self, output: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
        """Values by name, each float32 of shape (b,) on the device; a data set's score is the mean."""

    @abc.abstractmethod
    def errors(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """How many items are wrong, an int64 scalar on the device."""

    @abc.abstractmethod
    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predicted target (int64 of shape (b,)) and confidence in [0, 1] (float32 of shape (b,))."""

    @abc.abstractmethod
    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
        """Label and confidence of every item, for people; reads the device."""

    @abc.abstractmethod
    def constant_error(self, train: torch.Tensor, test: torch.Tensor) -> float:
        """Test error in [0, 1] of the best predictor that never looks at its input."""

    def loss(self, output: torch.Tensor, target: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """The mean loss of the items, a float32 scalar."""
        return self.loss_sum(output, target, smoothing=smoothing) / target.shape[0]


class SingleLabel(Target):
    """One of k classes an item: softmax cross-entropy in nats, optionally with label smoothing.

    ``output`` has shape (b, k), ``target`` is int64 of shape (b,). Smoothing s gives the true class 1 - s +
    s/k and every other one s/k (Szegedy et al. 2016, "Rethinking the Inception architecture").
    """

    names: ClassVar[tuple[str, ...]] = ("error", "loss")

    def width(self, classes: int) -> int:
        """One number a class."""
        return classes

    def loss_sum(self, output: torch.Tensor, target: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Cross-entropy in nats, summed over the items; in float32 also when the output is bfloat16."""
        return functional.cross_entropy(output.float(), target, label_smoothing=smoothing, reduction="sum")

    def loss(self, output: torch.Tensor, target: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean cross-entropy in nats, in one kernel: a sum and a division are two, forward and backward."""
        return functional.cross_entropy(output.float(), target, label_smoothing=smoothing)

    def metrics(self, output: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
        """``error``: 1 where the largest output is not the target's; ``loss``: cross-entropy in nats."""
        loss = functional.cross_entropy(output.float(), target, reduction="none")
        return {"error": self._wrong(output, target).float(), "loss": loss}

    def errors(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """How many items' largest output is not the target's."""
        return self._wrong(output, target).sum()

    def _wrong(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        # argmax of an output that is not a number is some class, which may be the right one by accident
        return (output.argmax(dim=1) != target) | output.isnan().any(dim=1)

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest class and its softmax probability."""
        confidence, label = functional.softmax(output.float(), dim=1).max(dim=1)
        return label, confidence

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
        """The likeliest class by name and its softmax probability."""
        label, confidence = self.predict(output)
        return [(classes[each], sure) for each, sure in zip(label.tolist(), confidence.tolist(), strict=True)]

    def constant_error(self, train: torch.Tensor, test: torch.Tensor) -> float:
        """Test error of always answering the commonest training class (the first of several equals)."""
        majority = torch.bincount(train).argmax()
        return float((test != majority).double().mean())
