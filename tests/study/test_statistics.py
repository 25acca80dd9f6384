import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import UsageError
from workbench.study import statistics as s

Pair = tuple[list[float], list[float]]

ERRORS = st.floats(0.001, 1.0)
PAIRS = st.integers(2, 8).flatmap(
    lambda n: st.tuples(st.lists(ERRORS, min_size=n, max_size=n), st.lists(ERRORS, min_size=n, max_size=n))
)
DIFFERENCES = st.lists(st.floats(-1, 1).map(lambda x: round(x, 6)), min_size=1, max_size=9)


@given(PAIRS)
def test_swapping_the_arms_negates_and_inverts(pair: Pair) -> None:
    arm, baseline = pair
    there, back = s.paired_difference(arm, baseline), s.paired_difference(baseline, arm)
    assert there.value == pytest.approx(-back.value) and there.low == pytest.approx(-back.high)
    up, down = s.ratio(arm, baseline), s.ratio(baseline, arm)
    assert up.value == pytest.approx(1 / down.value, rel=1e-6)
    assert math.log(up.high) == pytest.approx(-math.log(down.low), rel=1e-6, abs=1e-9) or math.isinf(up.high)


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_the_seeds_does_not_matter(pair: Pair, random: Random) -> None:
    both = list(zip(*pair, strict=True))
    random.shuffle(both)
    mixed = tuple(zip(*both, strict=True))
    one, other = s.ratio(*pair), s.ratio(mixed[0], mixed[1])
    assert (one.value, one.low) == pytest.approx((other.value, other.low))
    assert s.sign_flip(np.subtract(*pair)) == pytest.approx(s.sign_flip(np.subtract(mixed[0], mixed[1])))


@given(PAIRS)
def test_every_interval_holds_its_estimate(pair: Pair) -> None:
    for each in (
        s.paired_difference(*pair),
        s.ratio(*pair),
        s.welch(*pair)[0],
        s.prediction_interval(pair[0]),
    ):
        assert each.low <= each.value <= each.high
    chance = s.probability_of_improvement(*pair)
    assert 0 <= chance.low <= chance.value <= chance.high <= 1


@given(DIFFERENCES)
def test_a_sign_flip_p_is_never_below_the_smallest_attainable_one(differences: list[float]) -> None:
    n = len(differences)
    assert s.sign_flip(differences) >= 2.0 ** (1 - n) - 1e-12 or n == 1
    assert s.sign_flip(differences, "greater") >= s.smallest_p(n, "greater")
    assert s.sign_flip(differences, "greater") == s.sign_flip([-each for each in differences], "less")


@given(st.lists(st.floats(0.05, 1.0), min_size=1, max_size=12))
def test_differences_of_one_sign_reach_the_smallest_p(differences: list[float]) -> None:
    assert s.sign_flip(differences, "greater") == s.smallest_p(len(differences), "greater")
    assert s.sign_flip(differences) == s.smallest_p(len(differences))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_keeps_the_order_and_never_lowers_a_p(raw: list[float]) -> None:
    adjusted = s.holm(raw)
    assert np.all(adjusted >= np.asarray(raw) - 1e-15) and np.all(adjusted <= 1)
    order = np.argsort(raw, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= 0)


def test_holm_by_hand() -> None:
    assert s.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert s.holm([]).shape == (0,)


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("n", [3, 6, 10])
def test_sign_flip_agrees_with_scipy(alternative: s.Alternative, n: int) -> None:
    x = np.random.default_rng(n).normal(0.4, 1, n)
    theirs = stats.permutation_test(
        (x,), lambda d, axis: d.sum(axis=axis), permutation_type="samples", n_resamples=np.inf,
        vectorized=True, alternative=alternative,
    )  # fmt: skip
    assert s.sign_flip(x, alternative) == pytest.approx(theirs.pvalue)


def test_sign_flip_by_draws_is_near_the_t_test_and_repeats() -> None:
    x = np.random.default_rng(1).normal(0.3, 1, 25)
    assert s.sign_flip(x) == s.sign_flip(x)
    assert s.sign_flip(x) == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.02)
    assert s.sign_flip(np.ones(25)) == pytest.approx(1 / 20_001)


def test_sign_flip_of_no_difference_is_one() -> None:
    assert s.sign_flip([0.0, 0.0, 0.0]) == 1.0


def test_the_paired_interval_agrees_with_scipy() -> None:
    draw = np.random.default_rng(3)
    a, b = draw.normal(1, 1, 7), draw.normal(0, 2, 7)
    theirs = stats.ttest_rel(a, b).confidence_interval(0.95)
    ours = s.paired_difference(a, b)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_welch_agrees_with_scipy() -> None:
    draw = np.random.default_rng(4)
    a, b = draw.normal(1, 1, 5), draw.normal(0, 3, 9)
    theirs = stats.ttest_ind(a, b, equal_var=False)
    ours, p = s.welch(a, b)
    limits = theirs.confidence_interval(0.95)
    assert p == pytest.approx(theirs.pvalue)
    assert (ours.low, ours.high) == pytest.approx((limits.low, limits.high))


def test_tost_agrees_with_two_one_sided_t_tests() -> None:
    x = np.random.default_rng(5).normal(0.02, 0.05, 8)
    lower = stats.ttest_1samp(x, -0.1, alternative="greater").pvalue
    upper = stats.ttest_1samp(x, 0.1, alternative="less").pvalue
    assert s.tost(x, -0.1, 0.1) == pytest.approx(max(lower, upper))


def test_tost_on_ratios_treats_both_directions_alike() -> None:
    a, b = [0.10, 0.12, 0.11], [0.10, 0.11, 0.12]
    assert s.tost_ratio(a, b, 0.5) == pytest.approx(s.tost_ratio(b, a, 0.5))
    assert s.tost_ratio([0.2] * 3, [0.1] * 3, 0.1) == 1.0
    assert s.tost_ratio([0.1] * 3, [0.1] * 3, 0.1) == 0.0
    assert s.tost_ratio([0.1], [0.1], 0.1) == 1.0


def test_the_paired_t_interval_covers_what_it_promises() -> None:
    draw = np.random.default_rng(20)
    intervals = [s.mean_interval(each) for each in draw.normal(size=(1500, 5))]
    hits = [each.low <= 0 <= each.high for each in intervals]
    assert 0.93 <= np.mean(hits) <= 0.97


def test_the_fieller_interval_covers_what_it_promises() -> None:
    draw = np.random.default_rng(21)
    whole = draw.normal(0.6, 0.1, size=(1000, 8))
    part = 0.9 * whole + draw.normal(0, 0.02, size=whole.shape)
    intervals = [s.share(one, other) for one, other in zip(part, whole, strict=True)]
    assert 0.93 <= np.mean([each.low <= 0.9 <= each.high for each in intervals]) <= 0.97


def test_a_share_of_an_excess_that_is_not_shown_is_unbounded() -> None:
    assert s.share([0.1, -0.1, 0.1], [0.1, -0.2, 0.2]).high == math.inf
    assert math.isnan(s.share([0.1, 0.2], [0.0, 0.0]).value)
    assert s.share([0.5], [1.0]) == s.Estimate(0.5, -math.inf, math.inf, 1)


def test_a_zero_error_counts_half_an_error() -> None:
    assert s.ratio([0.0, 0.0], [0.01, 0.01], n_test=100).value == pytest.approx(0.5)
    with pytest.raises(UsageError, match="n_test"):
        s.ratio([0.0, 0.1], [0.1, 0.1])


def test_one_seed_allows_no_inference() -> None:
    alone = s.ratio([0.6], [0.1])
    assert (alone.value, alone.low, alone.high) == pytest.approx((6, 0.0, math.inf))
    assert s.paired_difference([0.6], [0.1]).high == math.inf
    assert s.sign_flip([0.5]) == 1.0
    assert s.welch([0.5], [0.1, 0.2])[1] == 1.0


def test_sources_are_averaged_inside_the_seed() -> None:
    values = np.array([[0.1, 0.4], [0.2, 0.2]])
    assert s.seed_units(values, log=True) == pytest.approx([0.2, 0.2])
    assert s.seed_units(values, log=False) == pytest.approx([0.25, 0.2])
    assert s.source_ratios(values * 3, values) == pytest.approx([3, 3])


def test_the_wider_interval_decides() -> None:
    narrow, wide = s.Estimate(2.0, 1.9, 2.1, 5), s.Estimate(2.05, 1.5, 3.0, 5)
    assert s.wider(narrow, wide) == s.Estimate(2.0, 1.5, 3.0, 5)
    assert s.wider(wide, narrow) is wide and s.wider(wide, None) is wide
    assert s.wider(s.Estimate(1.0, 0.5, 2.0, 5), s.Estimate(4.0, 3.0, 6.0, 5), log=True).high == 2.0


@pytest.mark.parametrize(("family", "needed"), [(1, 6), (3, 7), (6, 8), (12, 9), (25, 10), (51, 11)])
def test_seeds_needed_after_holm(family: int, needed: int) -> None:
    assert s.seeds_needed(family) == needed


def test_the_prediction_interval_narrows_to_the_t_interval() -> None:
    x = [0.1, 0.2, 0.15, 0.12]
    assert s.prediction_interval(x, 10**9).high == pytest.approx(s.mean_interval(x).high)
    assert s.prediction_interval(x, 1).high > s.prediction_interval(x, 5).high


def test_wilson_by_hand() -> None:
    found = s.wilson(8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert s.wilson(0, 5).low == 0.0


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=6), st.floats(0.5, 2))
def test_a_share_of_a_fixed_part_is_that_share(whole: list[float], part: float) -> None:
    assume(np.std(whole) / np.mean(whole) < 0.5)
    found = s.share(np.asarray(whole) * part, whole)
    assert found.value == pytest.approx(part) and found.low <= found.value <= found.high


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: s.ratio([0.1, 0.2], [0.1]), "not pairs"),
        (lambda: s.ratio([0.1, math.nan], [0.1, 0.1]), "not a finite number"),
        (lambda: s.mean_interval([]), "shape"),
        (lambda: s.mean_interval([[1.0]]), "shape"),
        (lambda: s.ratio([-0.1, 0.2], [0.1, 0.1], 10), "at least 0"),
        (lambda: s.holm([0.1, 1.2]), "in \\[0, 1\\]"),
        (lambda: s.tost([0.1, 0.2], 1, 0), "is empty"),
        (lambda: s.tost_ratio([0.1], [0.1], 0), "allows nothing"),
        (lambda: s.wilson(3, 2), "no proportion"),
        (lambda: s.smallest_p(0), "cannot be tested"),
        (lambda: s.seeds_needed(10**6), "too many"),
        (lambda: s.mean_interval([1.0, 2.0], level=95), "confidence level"),
        (lambda: s.source_ratios([[1.0]], [[1.0, 2.0]]), "same seeds"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_outside_is_twice_the_smaller_one_sided_p() -> None:
    x = np.array([0.003] * 3 + [0.02] * 7)
    assert s.outside(x, -0.005, 0.005) == s.outside(-x, -0.005, 0.005) == 16 / 1024
    assert s.outside(x, 0.0, 0.0) == s.sign_flip(x) == 2 / 1024
    assert s.outside(x, -0.1, 0.1) == 1.0
    with pytest.raises(UsageError, match="margin"):
        s.outside(x, 0.1, 0.0)
