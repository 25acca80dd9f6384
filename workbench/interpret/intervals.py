"""Intervals for shares and means, and Holm's correction: what keeps noise from being shown as a finding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def wilson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """An interval for a share (Wilson 1927, "Probable inference"), sound also near 0, near 1 and for small n.

    Without any observation it is the whole of [0, 1].
    """
    if not n:
        return 0.0, 1.0
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """An interval for a mean: Wilson's where all values are 0 or 1, else Student's t."""
    if is_share(values):
        return wilson(int(values.sum()), len(values), level)
    from scipy.stats import t

    middle, spread = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    reach = float(t.ppf((1 + level) / 2, len(values) - 1)) * spread
    return middle - reach, middle + reach


def is_share(values: np.ndarray) -> bool:
    """Whether values are hits and misses."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def worse(values: np.ndarray, others: np.ndarray) -> float:
    """The one-sided p value that ``values`` are larger than ``others`` by chance: Fisher's exact test for hits and
    misses, else Welch's t."""
    from scipy import stats

    if is_share(values) and is_share(others):
        everything, hits = len(values) + len(others), int(values.sum() + others.sum())
        return float(stats.hypergeom.sf(int(values.sum()) - 1, everything, hits, len(values)))
    spreads = [float(each.std(ddof=1)) for each in (values, others)]
    middles = [float(each.mean()) for each in (values, others)]
    if max(spreads) <= 1e-12 * max(map(abs, middles)):  # all alike on each side: nothing to test, only to compare
        return float(middles[0] <= middles[1])
    sides = (middles[0], spreads[0], len(values), middles[1], spreads[1], len(others))
    return float(stats.ttest_ind_from_stats(*sides, equal_var=False, alternative="greater").pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """p values that allow for how many there are (Holm 1979, "A simple sequentially rejective procedure")."""
    order = sorted(range(len(p)), key=lambda each: p[each])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, each in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[each]))
        adjusted[each] = highest
    return adjusted
