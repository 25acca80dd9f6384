"""Schedules: pure functions of progress in [0, 1] that return a factor of the peak learning rate.

Being functions of progress and not of state, they survive interruption and accumulation without being saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

Schedule = Callable[[float], float]
ScheduleName = Literal["one_cycle", "constant", "cosine"]


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


SCHEDULES: dict[str, Schedule] = {"one_cycle": one_cycle, "constant": constant, "cosine": cosine}


def _between(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1.0 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2.0
