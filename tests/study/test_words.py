import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.study import words


@pytest.mark.parametrize(
    ("mean", "digits", "text"), [(0.312, 1, "31.2"), (0.0123, 1, "1.2"), (0.00123, 2, "0.12"), (0.0001, 3, "0.010")]
)
def test_small_errors_get_more_digits(mean: float, digits: int, text: str) -> None:
    cell = {"measure": "test/error", "arms": [{"mean": mean}, {"mean": 0.9}, {"mean": None}]}
    assert words.decimals(cell) == digits
    assert words.value(mean, "test/error", digits) == text


def test_a_loss_is_no_percentage() -> None:
    arm = {"mean": 1.234, "interval": [1.134, 1.334]}
    assert words.level(arm, "test/loss", 2) == "1.23 ± 0.10"
    assert words.gap(-0.5, None, "test/loss", 2) == "-0.50"


@pytest.mark.parametrize(
    ("half", "text"), [(0.0012, "0.9371 ± 0.0012"), (0.03, "0.937 ± 0.030"), (0.0004, "0.9371 ± 0.0004")]
)
def test_what_hardly_varies_gets_the_digits_of_its_interval(half: float, text: str) -> None:
    arm = {"mean": 0.9371, "interval": [0.9371 - half, 0.9371 + half]}
    known = {"mean": 1.125, "interval": [1.125, 1.125]}  # of a seed that changes nothing
    cell = {"measure": "test/rmse", "arms": [arm, known]}
    assert words.level(arm, "test/rmse", words.decimals(cell)) == text
    assert words.decimals({**cell, "measure": "test/error"}) == 1


def test_differences_and_ratios_carry_their_intervals() -> None:
    assert words.gap(0.498, [0.46, 0.536], "test/error", 1) == "+49.8 [46.0, 53.6]"
    assert words.gap(-0.00001, [-0.01, 0.01], "test/error", 1) == "0.0 [-1.0, 1.0]"
    assert words.times(11.7, [8.6, 15.9]) == "11.7 [8.60, 15.9]"
    assert words.times(2.0, None) == "2.00"
    assert words.times(2.0, [0.1, None]) == "2.00 [0.10, unbounded]"
    assert words.portion(0.998, [None, None]) == "99.8 % [unbounded]"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0.00"),
        (1, "1.00"),
        (12.34, "12.3"),
        (977, "977"),
        (0.0543, "0.054"),
        (0.001, "0.0010"),
        (0.00001, "1.00e-05"),
    ],
)
def test_three_digits_that_count(number: float, text: str) -> None:
    assert words.three(number) == text


def test_p_values() -> None:
    assert [words.p_value(p) for p in (None, 0.0004, 0.0312)] == ["-", "<0.001", "0.031"]


def test_a_claim_shows_its_arms_values_beside_the_ratio() -> None:
    claim = {
        "unit": "ratio", "measure": "test/error", "arms": ["A", "B"], "means": {"A": 0.637, "B": 0.0542},
        "estimate": 11.7, "interval": [8.6, 15.9],
    }  # fmt: skip
    assert words.claim_values(claim) == "63.7 / 5.4 %"
    assert words.claim_means(claim) == "A 63.7 %, B 5.4 %"
    assert words.claim_estimate(claim) == "11.7 [8.60, 15.9]"
    assert words.claim_estimate({**claim, "unit": "difference", "estimate": 0.1, "interval": None}) == "+10.0 points"
    assert words.claim_values({**claim, "means": {}}) == "-"


def test_a_claim_about_another_measure_shows_what_its_interval_can_tell() -> None:
    claim = {
        "unit": "difference", "measure": "test/rmse", "arms": ["A", "B"], "means": {"A": 0.9482, "B": 0.9371},
        "estimate": 0.0111, "interval": [0.0093, 0.0129],
    }  # fmt: skip
    assert words.claim_estimate(claim) == "+0.0111 [0.0093, 0.0129]"
    assert words.claim_values(claim) == "0.9482 / 0.9371"
    assert words.claim_estimate({**claim, "interval": None}) == "+0.011"


def test_a_heading_says_measure_chance_and_seeds() -> None:
    arms = [{"n": 8, "missing": 2}, {"n": 8, "missing": 2}]
    cell = {"measure": "test/error", "chance": 0.9, "n_test": 10000, "exploratory": True, "arms": arms}
    assert words.heading(cell) == (
        "test error in %, chance level 90.0 %, 10,000 test examples, 8 of 10 seeds, exploratory"
    )


def test_names_fold_inside_camel_case() -> None:
    assert words.fold("FrozenStaleStats", 12) == "FrozenStale\nStats"
    assert words.fold("has at least FrozenStaleStats", 12) == "has at least\nFrozenStale\nStats"


@given(st.text(alphabet="ABcd_é 1", max_size=60), st.integers(1, 20))
def test_folding_loses_nothing_and_keeps_the_width(text: str, width: int) -> None:
    folded = words.fold(text, width)
    assert folded.replace("\n", "").replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= width for line in folded.split("\n"))


def test_one_is_not_many() -> None:
    assert [words.counted(n, "cell") for n in (0, 1, 2)] == ["0 cells", "1 cell", "2 cells"]
