"""Batch, epochs and learning rate for rows of a table and for ratings: rules that were measured.

A range test looks at the first sixty steps. Embeddings and heavy-tailed numbers have hardly moved by then, so it
suggests rates from 0.00007 to 0.08 for tables that all learn best from 0.003 to 0.01.
"""

from __future__ import annotations

import math

from workbench.data.items import Datasets
from workbench.data.signature import Kind
from workbench.data.targets import Regression

KINDS: tuple[Kind, ...] = ("table", "ratings")
"""The kinds that these rules are for."""

RATE = 5e-3
_MANY_ROWS = 5_000
_BATCHES: dict[Kind, tuple[tuple[float, int], ...]] = {
    "table": ((_MANY_ROWS, 32), (math.inf, 256)),
    "ratings": ((15_000, 128), (30_000, 256), (math.inf, 512)),
}
"""Below so many items, so many a step. More steps than about 800 learn ratings by heart: five passes over 40,000 have a
mean squared error on validation ratings of 0.948 at 128 a step, 0.898 at 512; over 20,000 1.004 and 0.994 at 256."""
_STEPS = {"few classes": (600, 100), "few numbers": (2_000, 50), "many": (2_000, 100)}
"""Steps, and the most passes. Of 4,000 rows, house values have a mean absolute error of 0.42 after 600 steps and 0.38
after 2,500, while a census's classes are learnt after 600; 350 patients were learnt by heart in 100 passes."""
_PASSES = 5


def batch(data: Datasets) -> tuple[int, str]:
    """Items a step, and why: a row costs so little that small steps are all overhead."""
    items, sizes = len(data.train), _BATCHES[data.signature.kind]
    place = next(number for number, (below, _) in enumerate(sizes) if items < below)
    limit = f"from {sizes[place - 1][0]:,}" if place else f"below {sizes[0][0]:,}"
    return sizes[place][1], f"{items:,} training items ({limit})"


def epochs(data: Datasets, steps: int) -> tuple[int, str]:
    """Passes over the items, and why.

    Args:
        steps: of an epoch.
    """
    if data.signature.kind == "ratings":
        return _PASSES, "each user and item is seen so often; more passes learn the ratings by heart"
    few = "few numbers" if isinstance(data.target, Regression) else "few classes"
    wanted, most = _STEPS[few if len(data.train) < _MANY_ROWS else "many"]
    found = min(most, max(3, round(wanted / steps)))
    return found, f"about {wanted:,} steps at {steps:,} an epoch, kept from 3 to {most}"


def rate() -> tuple[float, str]:
    """The learning rate, and why."""
    return RATE, "what suits tables and ratings of every size (0.003 to 0.01 do); a range test stops too early for them"
