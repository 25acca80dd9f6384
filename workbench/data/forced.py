"""What a decoder is trained on: the true target, and for every place of it the draw that says whether it is fed."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Protocol

import torch

from workbench.data.loading import Batch
from workbench.data.preparation import Preparation
from workbench.data.targets.base import Row
from workbench.data.values import BEGIN, Padded
from workbench.streams import uniform

Unit = Literal["token", "step", "sequence"]
"""What a coin is thrown for: each token; each place of all sequences of a step; each sequence."""


class Forcing(Protocol):
    """How often a decoder is fed the true previous token, see :class:`workbench.models.forcing.TeacherForcing`."""

    @property
    def unit(self) -> Unit:
        """What a coin is thrown for."""
        ...

    def share(self, progress: float) -> float:
        """The probability at this share of the run."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Forced:
    """b sentences with their true targets.

    Attributes:
        source: (b, s) token ids.
        target: (b, t) token ids that end with END.
        keep: float32 of shape (b, t) in [0, 1): place t gets the true token before it where this is below ``share``.
        share: the probability of that.
    """

    source: Padded
    target: Padded
    keep: torch.Tensor
    share: float

    def __len__(self) -> int:
        return len(self.source)

    @property
    def before(self) -> torch.Tensor:
        """Int64 of shape (b, t): the true token before each place, BEGIN before the first."""
        return torch.nn.functional.pad(self.target.ids[:, :-1], (1, 0), value=BEGIN)


class FeedTargets(Preparation):
    """Training gives source and target; evaluation the source alone, so that the network goes on from its own tokens.

    Args:
        forcing: how often the true token is fed; None always.
    """

    def __init__(self, forcing: Forcing | None = None) -> None:
        self.forcing = forcing

    def __call__(self, batch: Batch, *, training: bool, seed: int, epoch: int, progress: float) -> Padded | Forced:
        """:class:`Padded` sources for evaluation, :class:`Forced` for training."""
        if not training:
            source: Padded = batch.x
            return source
        share = 1.0 if self.forcing is None else self.forcing.share(progress)
        return Forced(batch.x, batch.y, self._draws(batch, seed, epoch, progress), share)

    def _draws(self, batch: Batch, seed: int, epoch: int, progress: float) -> torch.Tensor:
        """Draws that depend on the item and its place, never on what else is in the batch.

        For the unit "step" the items of one optimizer step share them: ``progress`` is the same for all pieces of
        a step and for no other step, so it stands for the step's number.
        """
        rows, width = batch.y.ids.shape
        unit = "token" if self.forcing is None else self.forcing.unit
        if unit == "step":
            first = torch.zeros(1, dtype=torch.int64, device=batch.index.device)
            draws = uniform(seed, "forcing", epoch, float(progress).hex(), index=first, draws=width)
        else:
            draws = uniform(seed, "forcing", epoch, index=batch.index, draws=1 if unit == "sequence" else width)
        return draws.expand(rows, width)

    def describe(self) -> dict[str, Any]:
        """Nothing: new sentences come without targets."""
        return {}

    def rows(self) -> list[Row]:
        """How the decoder is fed, in training and in evaluation."""
        if self.forcing is None:
            return [("forcing", 1.0, "the decoder is always fed the true token")]
        first, last = self.forcing.share(0.0), self.forcing.share(1.0)
        how = f"{first:g}" if first == last else f"{first:g} to {last:g}"
        return [
            ("forcing", how, f"share of true tokens that the decoder is fed, a coin for each {self.forcing.unit}"),
            ("decoding", "greedy, free running", "evaluation never sees the target"),
        ]
