"""Teacher forcing as a schedule: how often a decoder in training is fed the true token instead of its own."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from workbench.data.forced import Unit
from workbench.errors import FieldError
from workbench.parts import Part

_STEEP = 10.0


class TeacherForcing(Part):
    """The probability that the decoder is fed the true previous token, as a function of the run's progress.

    Scheduled sampling (Bengio et al. 2015, "Scheduled sampling for sequence prediction with recurrent neural
    networks", section 2.4): else it is fed the token that it finds likeliest itself, as in evaluation; no gradient
    flows through that choice. ``TeacherForcing()`` always feeds the true token, ``TeacherForcing(start=0, end=0)``
    never.

    ``start``, ``end``: the probability at the first and after the last step. ``by``: how it gets from one to the
    other: "linear"; "exponential", their k**i; "inverse_sigmoid", their k / (k + exp(i / k)) with k = e**5 for a run
    of 2 k ln k steps, stretched to the run and so that both ends are met. ``unit``: what a coin is thrown for: each
    "token" (theirs), each "step" of decoding for the whole batch (fast.ai's translation lesson of 2018), or each
    "sequence".

    Raises:
        FieldError: what is no probability, or a power of something that reaches 0.
    """

    one_choice: ClassVar[bool] = True

    start: float = 1.0
    end: float = 1.0
    by: Literal["linear", "exponential", "inverse_sigmoid"] = "linear"
    unit: Unit = "token"

    def check(self) -> None:
        """Refuse what is no probability, and a power of something that reaches 0."""
        for name in ("start", "end"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise FieldError(f"TeacherForcing.{name} is {value!r}; it takes a probability from 0 to 1")
        if self.by == "exponential" and self.start != self.end and 0 in (self.start, self.end):
            raise FieldError(
                "TeacherForcing.by is 'exponential', which never reaches 0",
                hint="Take a small number such as 0.01, or by='linear'.",
            )

    def share(self, progress: float) -> float:
        """The probability when the share ``progress``, in [0, 1], of the run's steps is done."""
        if self.start == self.end:
            return float(self.start)
        if self.by == "exponential":
            return float(self.start * (self.end / self.start) ** progress)
        done = progress if self.by == "linear" else _sigmoid_share(progress)
        return float(self.start + (self.end - self.start) * done)


def _sigmoid_share(progress: float) -> float:
    """0 to 1 along a logistic curve whose middle is at half the run."""
    first, here, last = (1 / (1 + math.exp(_STEEP * (0.5 - at))) for at in (0.0, progress, 1.0))
    return (here - first) / (last - first)
