"""Schedules: pure functions of progress in [0, 1] that return a factor of the peak learning rate.

Being functions of progress and not of state, they survive interruption and accumulation without being saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

Schedule = Callable[[float], float]
ScheduleName = Literal["one_cycle", "constant", "cosine", "restarts", "step_decay"]


def one_cycle(progress: float, *, warmup: float = 0.25, start: float = 0.04, end: float = 1e-5) -> float:
    """Half-cosine up from ``start`` to 1 and down to ``end`` (Smith & Topin 2017, "Super-convergence").

    Args:
        progress: share of the run's steps already taken, in [0, 1].
        warmup: share of the run spent rising.
    """
    if progress < warmup:
        return _between(start, 1.0, progress / warmup)
    return _between(1.0, end, (progress - warmup) / (1.0 - warmup))


def cosine(progress: float, *, end: float = 0.0) -> float:
    """Half-cosine from 1 to ``end`` (Loshchilov & Hutter 2017, "SGDR", one period)."""
    return _between(1.0, end, progress)


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def restarts(progress: float, *, cycles: int = 3, growth: float = 2.0, end: float = 0.0) -> float:
    """Half-cosines from 1 to ``end``, each begun anew: warm restarts (Loshchilov & Hutter 2017, "SGDR", equation 5).

    Args:
        progress: share of the run's steps already taken, in [0, 1].
        cycles: how many there are in the run.
        growth: how many times as long as the one before each cycle is (the paper's T_mult).
    """
    lengths = [growth**number for number in range(cycles)]
    left = min(max(progress, 0.0), 1.0) * sum(lengths)
    for length in lengths[:-1]:
        # a cycle's end is seldom a whole step; one that is must not be missed by a rounding
        if left < length - 1e-9 * sum(lengths):
            return _between(1.0, end, left / length)
        left -= length
    return _between(1.0, end, left / lengths[-1])


def step_decay(progress: float, *, at: Sequence[float] = (0.5, 0.75), factor: float = 0.1) -> float:
    """1, and ``factor`` times as much from each share of the run in ``at`` on (He et al. 2016, section 4.2)."""
    return factor ** sum(progress >= each for each in at)


SCHEDULES: dict[ScheduleName, Schedule] = {
    "one_cycle": one_cycle,
    "constant": constant,
    "cosine": cosine,
    "restarts": restarts,
    "step_decay": step_decay,
}


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1.0 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2.0
