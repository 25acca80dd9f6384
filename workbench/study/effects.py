"""Effects: how far two arms of a cell are apart, with the interval that decides.

Two intervals are made where predictions are recorded: paired t over seeds, and a bootstrap over test examples. They
answer different doubts (other seeds, another test set); the wider one decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.study import bootstrap, statistics
from workbench.study.bootstrap import Errors
from workbench.study.statistics import LEVEL, Estimate, Floats
from workbench.study.units import ArmValues, CellValues


@dataclass(frozen=True, eq=False)
class Effect:
    """An estimate with its deciding interval; ``units`` are the seeds' own values on the scale that is tested.

    ``by`` says what the deciding interval covers: "seeds" or "examples".
    """

    estimate: Estimate
    units: Floats
    by: str


def difference(cell: CellValues, arm: str, baseline: str, level: float = LEVEL) -> Effect:
    """Mean paired difference in units of the measure; units (n,) are the seeds' differences."""
    a, b = cell.together([arm, baseline])
    units = statistics.seed_units(a.values, log=False) - statistics.seed_units(b.values, log=False)
    drawn = _drawn(bootstrap.difference_interval, a, b, level=level)
    return _effect(statistics.mean_interval(units, level), drawn, units)


def ratio(cell: CellValues, arm: str, baseline: str, level: float = LEVEL) -> Effect:
    """Geometric-mean ratio; units (n,) are the seeds' log ratios. Raises UsageError for values below zero."""
    a, b = cell.together([arm, baseline])
    top = statistics.seed_units(a.values, log=True, n_test=cell.n_test)
    bottom = statistics.seed_units(b.values, log=True, n_test=cell.n_test)
    n_test = cell.n_test or 1

    def interval(one: Errors, other: Errors, level: float) -> Estimate:
        return bootstrap.ratio_interval(one, other, n_test, level)

    drawn = _drawn(interval, a, b, level=level) if cell.n_test else None
    return _effect(statistics.ratio(top, bottom, level=level), drawn, np.log(top) - np.log(bottom), log=True)


def share(cell: CellValues, fixed: str, bad: str, reference: str, threshold: float, level: float = LEVEL) -> Effect:
    """Share of the excess of ``bad`` over ``reference`` that ``fixed`` removes.

    Units (n,) are removed - threshold x excess a seed, above 0 where more than the threshold is removed: a
    comparison that needs no division.
    """
    arms = cell.together([bad, fixed, reference])
    b, f, r = (statistics.seed_units(each.values, log=False) for each in arms)
    drawn = _drawn(bootstrap.share_interval, *arms, level=level)
    return _effect(statistics.share(b - f, b - r, level), drawn, (b - f) - threshold * (b - r))


def unpaired(cell: CellValues, arm: str, baseline: str, level: float = LEVEL) -> tuple[Estimate, Estimate, float]:
    """(difference, ratio, two-sided p) of arms that share no seeds, by Welch; the ratio on the log scale."""
    a, b = cell.arms[arm], cell.arms[baseline]
    plain, p = statistics.welch(_units(a, cell, log=False), _units(b, cell, log=False), level)
    logs, _ = statistics.welch(np.log(_units(a, cell, log=True)), np.log(_units(b, cell, log=True)), level)
    with np.errstate(over="ignore"):
        value, low, high = (float(each) for each in np.exp([logs.value, logs.low, logs.high]))
    return plain, Estimate(value, low, high, logs.n), p


def _units(arm: ArmValues, cell: CellValues, *, log: bool) -> Floats:
    return statistics.seed_units(arm.values, log=log, n_test=cell.n_test if log else None)


def _drawn(interval: Callable[..., Estimate], *arms: ArmValues, level: float) -> Estimate | None:
    """The bootstrap interval over examples, where all arms have resampled errors of one shape."""
    drawn = [arm.resampled.reshape(len(arm.resampled), -1) for arm in arms if arm.resampled is not None]
    if len(drawn) < len(arms) or len({each.shape for each in drawn}) > 1:
        return None
    return interval(*drawn, level=level)


def _effect(over_seeds: Estimate, over_examples: Estimate | None, units: Floats, *, log: bool = False) -> Effect:
    decided = statistics.wider(over_seeds, over_examples, log=log)
    return Effect(decided, units, "seeds" if decided is over_seeds else "examples")
