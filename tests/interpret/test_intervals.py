"""Intervals cover what they promise; corrections allow for how many there are."""

import numpy as np
import pytest
from scipy import stats

from workbench.interpret.intervals import holm, is_share, mean_interval, wilson, worse


def test_wilson_against_its_formula() -> None:
    z, p, n = stats.norm.ppf(0.975), 0.3, 50
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    assert wilson(15, 50) == pytest.approx((middle - reach, middle + reach))
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == pytest.approx(1)


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    draw = np.random.default_rng(0)
    shares = [wilson(int(draw.binomial(40, 0.1)), 40) for _ in range(1000)]
    assert 0.92 < np.mean([low <= 0.1 <= high for low, high in shares]) < 0.98
    means = [mean_interval(draw.normal(2, 3, 25)) for _ in range(1000)]
    assert 0.93 < np.mean([low <= 2 <= high for low, high in means]) < 0.97


def test_hits_and_misses_are_told_from_numbers() -> None:
    assert is_share(np.array([0.0, 1.0, 1.0])) and not is_share(np.array([0.0, 0.5]))


def test_worse_is_one_sided() -> None:
    bad, good = np.repeat([1.0, 0.0], [30, 10]), np.repeat([1.0, 0.0], [10, 190])
    table = [[30, 10], [10, 190]]
    assert worse(bad, good) == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)
    assert worse(good, bad) > 0.99
    draw = np.random.default_rng(0)
    high, low = draw.normal(2, 1, 50), draw.normal(0, 1, 500)
    assert worse(high, low) == pytest.approx(stats.ttest_ind(high, low, equal_var=False, alternative="greater").pvalue)
    assert worse(low, high) > 0.99
    assert worse(np.full(3, 0.5), np.full(4, 0.5)) == 1.0 and worse(np.full(3, 0.7), np.full(4, 0.5)) == 0.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]
