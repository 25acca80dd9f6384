"""What every kind of target has to say."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch.nn import functional

from workbench.errors import FieldError
from workbench.parts import Part

Row = tuple[str, Any, str]
"""Setting, value, and why."""


class Target(Part, abc.ABC):
    """Base of targets. ``loss``, ``metrics`` and ``predict`` stay on the device: nothing waits for it.

    ``output`` is what the network gives for b items, ``y`` their targets as a batch holds them.
    """

    _examples: ClassVar[str] = "SingleLabel(), MultiLabel() or Regression()"

    names: ClassVar[tuple[str, ...]] = ()
    """The names that :meth:`metrics` gives; the first one is the measure, smaller is better."""

    @abc.abstractmethod
    def width(self, classes: int) -> int:
        """How many numbers the head puts out where there are ``classes`` classes, labels, values or tokens."""

    @abc.abstractmethod
    def loss(self, output: torch.Tensor, y: Any, *, smoothing: float = 0.0) -> torch.Tensor:
        """The mean loss over what :meth:`count` counts, a float32 scalar.

        Raises:
            FieldError: ``smoothing`` is not 0 and the target knows none.
        """

    @abc.abstractmethod
    def metrics(self, output: torch.Tensor, y: Any) -> dict[str, torch.Tensor]:
        """Values by name, each float32 of shape (b,) on the device; a data set's score is the mean."""

    @abc.abstractmethod
    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The predicted targets, of the shape of ``y``, and how sure they are (float32 of shape (b,))."""

    @abc.abstractmethod
    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[Any, float]]:
        """Every item's answer in its own words or units, and how sure it is, for people; reads the device.

        ``classes``: the names of the outputs.
        """

    @abc.abstractmethod
    def constant(self, train: Any, test: Any) -> dict[str, float]:
        """Test scores, by the names of :meth:`metrics`, of the best predictor that never looks at its input.

        ``train`` and ``test`` are all targets of the two parts. It knows those of the training; each score is that of
        the constant which is best for it, where one is known.
        """

    @abc.abstractmethod
    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """What follows from the target with these ``classes``: rows for target, head, activation, loss and metric."""

    def fitted(self, train: Any) -> Self:
        """With what comes from the targets ``train`` (statistics, limits) filled in; the same where nothing does."""
        return self

    def count(self, y: Any) -> int:
        """How many things :meth:`loss` is the mean over, known on the host: pieces of a batch are weighed by it."""
        return len(y)

    def keep(self, output: torch.Tensor) -> torch.Tensor | None:
        """What :meth:`summary` needs of a batch's output, on the device; None when it needs nothing."""
        return None

    def summary(self, kept: torch.Tensor | None, y: Any, scores: dict[str, float]) -> dict[str, float]:
        """Numbers of a whole split that are no mean over items, or follow from means.

        Args:
            kept: what :meth:`keep` gave, joined over the batches.
            y: the split's targets in the same order.
            scores: the means of :meth:`metrics`.
        """
        return {}

    def merged(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """One output for the ``outputs`` of several views of the same items: their mean (of probabilities, if any)."""
        return torch.stack([each.float() for each in outputs]).mean(0)

    def soft(self, y: Any, classes: int) -> torch.Tensor:
        """The targets as float32 of shape (b, classes), so that two items can be mixed; :meth:`loss` takes them.

        Raises:
            FieldError: this kind cannot be mixed.
        """
        raise FieldError(f"{type(self).__name__} targets cannot be mixed", hint="Leave fit.mix out.")


def mean_odds(outputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """The log-odds of the mean of the outputs' sigmoids, also where these are 0 or 1 in float32."""
    stacked = torch.stack([each.float() for each in outputs])
    return functional.logsigmoid(stacked).logsumexp(0) - functional.logsigmoid(-stacked).logsumexp(0)


def refuse_smoothing(target: Target, smoothing: float) -> None:
    """Raises :class:`FieldError` for label smoothing where there are no labels."""
    if smoothing:
        raise FieldError(
            f"fit.smoothing is {smoothing}, but {type(target).__name__} has no labels to smooth",
            hint="Leave smoothing at 0.",
        )
