"""Bootstrap over test examples: what another test set of the same size would have said about the same models.

Seeds are not resampled (with few of them that under-covers); all models see the same resampled examples,
because they share the test set. A resample is a vector of multinomial weights, so one matrix product serves
every model.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError
from workbench.study.statistics import LEVEL, Estimate

Errors = NDArray[np.float32]

RESAMPLES = 10_000
_STREAM = 0xB0075EED
_CELLS_A_CHUNK = 2_000_000


def resampled_errors(wrong: NDArray[np.bool_], resamples: int = RESAMPLES) -> Errors:
    """Error rates of models on resampled test sets.

    Args: wrong: bool of shape (n_models, n_test), True where an answer is wrong; column j is one example for
        all. resamples: how many test sets are drawn.

    Returns:
        float32 of shape (resamples, n_models); the same weights for every model, and at every call.
    """
    if wrong.ndim != 2 or wrong.dtype != np.bool_ or wrong.size == 0:
        raise UsageError(f"{wrong.dtype} {wrong.shape} is not bool (n_models, n_test)", where="wrong")
    n_test = wrong.shape[1]
    columns = np.ascontiguousarray(wrong.T, dtype=np.float32)
    draw = np.random.Generator(np.random.Philox(key=_STREAM))
    chunk = max(1, min(resamples, _CELLS_A_CHUNK // n_test))
    rows = []
    for start in range(0, resamples, chunk):
        count = min(chunk, resamples - start)
        picks = draw.integers(0, n_test, size=(count, n_test))
        picks += np.arange(count)[:, None] * n_test
        weights = np.bincount(picks.ravel(), minlength=count * n_test).reshape(count, n_test)
        rows.append(weights.astype(np.float32) @ columns)
    errors: Errors = (np.concatenate(rows) / n_test).astype(np.float32)
    return errors


def difference_interval(arm: Errors, baseline: Errors, level: float = LEVEL) -> Estimate:
    """Percentile interval of the mean paired difference; both (resamples, n_pairs), value = the median."""
    _same(arm, baseline)
    return percentile((arm - baseline).mean(axis=1, dtype=np.float64), arm.shape[1], level)


def ratio_interval(arm: Errors, baseline: Errors, n_test: int, level: float = LEVEL) -> Estimate:
    """Percentile interval of the geometric-mean error ratio; zero errors count as 0.5 / n_test."""
    _same(arm, baseline)
    floor = 0.5 / n_test
    logs = np.log(np.maximum(arm, floor)).mean(axis=1, dtype=np.float64)
    logs -= np.log(np.maximum(baseline, floor)).mean(axis=1, dtype=np.float64)
    return percentile(np.exp(logs), arm.shape[1], level)


def share_interval(bad: Errors, fixed: Errors, reference: Errors, level: float = LEVEL) -> Estimate:
    """Percentile interval of (bad - fixed) / (bad - reference); unbounded where the excess is unclear."""
    _same(bad, fixed)
    _same(bad, reference)
    excess = (bad - reference).mean(axis=1, dtype=np.float64)
    removed = (bad - fixed).mean(axis=1, dtype=np.float64)
    if bool((excess <= 0).mean() > (1 - level) / 2):
        return Estimate(float("nan"), -np.inf, np.inf, bad.shape[1])
    clear = excess > 0
    return percentile(removed[clear] / excess[clear], bad.shape[1], level)


def percentile(draws: NDArray[np.float64], n: int, level: float = LEVEL) -> Estimate:
    """Median and percentile limits of bootstrap draws of shape (resamples,)."""
    low, middle, high = np.quantile(draws, [0.5 - level / 2, 0.5, 0.5 + level / 2])
    return Estimate(float(middle), float(low), float(high), n)


def _same(one: Errors, other: Errors) -> None:
    if one.ndim != 2 or one.shape != other.shape:
        raise UsageError(f"shapes {one.shape} and {other.shape} are not pairs", where="bootstrap")
