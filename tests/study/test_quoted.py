"""Numbers in a text: which there are, whether they are the published ones, and how they are renewed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.study import quoted
from workbench.study.quantities import Quantity

RATIO = Quantity("plain", (28.577665626683885, 26.34255079428002, 31.25494814158391), digits=None, limits=True)
LEVEL = Quantity("rate", (0.6602118003025719, 0.04718272830360956), digits=1)
GAP = Quantity("rate", (-0.0009833, -0.0014, None), digits=1, limits=True)
SMALL = Quantity("p", (0.00004,), digits=3)
LARGE = Quantity("p", (0.0068359375,), digits=3)
COUNT = Quantity("count", (10000.0,))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("28.6 [26.3, 31.3]", [28.6, 26.3, 31.3]),
        ("**66.0 ± 4.7** %", [66.0, 4.7]),
        ("+42.6 points", [42.6]),
        ("[-0.1, 0.0]", [-0.1, 0.0]),
        ("\N{MINUS SIGN}0.2", [-0.2]),
        ("10,000 and 1,234,567.5", [10000, 1234567.5]),
        ("26.3-31.3, 5\N{EN DASH}6", [26.3, 31.3, 5, 6]),
        ("2.1e-05", [2.1e-5]),
        ("C1, resnet8, 3rd and v1.2.3", []),
        ("28.6x the error.", [28.6]),
        (r"\ensuremath{-0.1}", [-0.1]),
    ],
)
def test_numbers_in_a_text(text: str, values: list[float]) -> None:
    assert [each.value for each in quoted.numbers_in(text)] == values


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("28.6 [26.3, 31.3]", RATIO), ("29 times [26, 31]", RATIO), ("28.578 (26.343 to 31.255)", RATIO),
        ("66.0 ± 4.7", LEVEL), ("66 % ± 5", LEVEL), ("0.660 ± 0.047", LEVEL), ("66.02 ± 4.72 points", LEVEL),
        ("-0.1 [-0.1, unbounded]", GAP), ("\N{MINUS SIGN}0.10 [-0.14, unbounded]", GAP),
        ("<0.001", SMALL), ("< 0.001", SMALL), ("p &lt; 0.05", SMALL), ("0.007", LARGE), (r"\ensuremath{<}0.01", LARGE),
        ("10,000 digits", COUNT), ("10000", COUNT), ("1.0e4", COUNT),
        ("**reproduced**", Quantity("text", text="reproduced")), ("arm\nworse", Quantity("text", text="arm worse")),
        ("`b56544e`", Quantity("hash", text="b56544e15698")),
    ],
)  # fmt: skip
def test_what_is_right(text: str, quantity: Quantity) -> None:
    assert quoted.complaint(text, quantity) == "" and quoted.renewed(text, quantity) == text


@pytest.mark.parametrize(
    ("text", "quantity", "new"),
    [
        ("28.7 [26.3, 31.3]", RATIO, "28.6 [26.3, 31.3]"),
        ("28.6 [26.2, 31.30]", RATIO, "28.6 [26.3, 31.25]"),
        ("**64 %** ± 4.7", LEVEL, "**66 %** ± 4.7"),
        ("0.64 ± 0.05", LEVEL, "0.66 ± 0.05"),
        ("0.1 [-0.1, 0.3]", GAP, "-0.1 [-0.1, unbounded]"),
        ("+0.1 [\N{MINUS SIGN}0.2, unbounded]", GAP, "-0.1 [\N{MINUS SIGN}0.1, unbounded]"),
        ("0.004", SMALL, "<0.001"),
        ("< 0.001", LARGE, "0.007"),
        ("9,990 digits", COUNT, "10,000 digits"),
        ("*not shown*", Quantity("text", text="shown"), "*shown*"),
        ("", Quantity("text", text="shown"), "shown"),
        ("`e8193bf`", Quantity("hash", text="b56544e15698"), "`b56544e`"),
        ("`b5`", Quantity("hash", text="b56544e15698"), "`b56544e15698`"),
    ],
)
def test_what_is_wrong_is_renewed_at_the_same_digits(text: str, quantity: Quantity, new: str) -> None:
    assert quoted.complaint(text, quantity) == "differs"
    assert quoted.renewed(text, quantity) == new and quoted.complaint(new, quantity) == ""


@pytest.mark.parametrize(("text", "said"), [("28.6", "shows 1 number, and 3 are"), ("1 2 3 4", "shows 4 numbers, and")])
def test_too_few_or_too_many_numbers_are_not_guessed_at(text: str, said: str) -> None:
    assert said in quoted.complaint(text, RATIO) and quoted.renewed(text, RATIO) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_a_rounded_number_fits_and_its_neighbours_do_not(number: float, digits: int) -> None:
    quantity, unit = Quantity("plain", (number,)), 10.0**-digits
    text = f"{number:.{digits}f}"
    assert quoted.complaint(text, quantity) == ""
    for wrong in (float(text) + 2 * unit, float(text) - 2 * unit):
        shown = f"{wrong:.{digits}f}"
        if not math.isclose(float(shown), float(text)):
            assert quoted.complaint(shown, quantity) == "differs"
            assert quoted.complaint(quoted.renewed(shown, quantity), quantity) == ""


@given(st.floats(1e-4, 1.0), st.integers(1, 3))
def test_every_rate_in_percent_as_our_tables_show_it(rate: float, digits: int) -> None:
    quantity = Quantity("rate", (rate,), digits=digits)
    assert quoted.complaint(quoted.plain(quantity), quantity) == ""
    assert quoted.complaint(f"{quoted.plain(quantity)} %", quantity) == ""


TABLE = Quantity("table", text="| arm | error % |\n|:--|:--|\n| Base | 10.8 |\n| Arm | 31.2 |")


def test_a_table_is_compared_as_a_whole_and_written_as_a_whole() -> None:
    good = f"\n{TABLE.text}\n"
    assert quoted.complaint(good, TABLE) == "" and quoted.renewed(good, TABLE) == good
    assert quoted.complaint(good.replace("31.2", "31.3"), TABLE) == "differs"
    assert quoted.first_change(good.replace("31.2", "31.3"), TABLE) == ("| Arm | 31.3 |", "| Arm | 31.2 |")
    assert quoted.first_change(f"{good}| Other | 1.0 |\n", TABLE) == ("| Other | 1.0 |", "(nothing)")
    assert quoted.renewed("", TABLE) == quoted.renewed("\nanything", TABLE) == good
