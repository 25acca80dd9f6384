"""What has to be tried on a model before "auto" is known.

Trials are asked for by a generator and done by whoever loops over it: of those who asked there is no frame between a
user's mistake in a stage and the line that runs the learner.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

Found = TypeVar("Found")


@dataclass
class Trial:
    """Something to do, and what came of it."""

    do: Callable[[], Any]
    answer: Any = None


def tried(do: Callable[[], Found]) -> Generator[Trial, None, Found]:
    """Asks for ``do`` to be done; what it gave."""
    trial = Trial(do)
    yield trial
    answer: Found = trial.answer
    return answer


def finish(trials: Generator[Trial, None, Found]) -> Found:
    """Does all trials; what they come to."""
    while True:
        try:
            trial = next(trials)
        except StopIteration as end:
            found: Found = end.value
            return found
        trial.answer = trial.do()
