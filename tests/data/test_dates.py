"""Dates are found where they are, and nothing else is taken for one."""

import datetime

import numpy as np
import pytest

from workbench.data.dates import dates, moments


@pytest.mark.parametrize(
    ("texts", "first"),
    [
        (["2024-01-31", None], (2024, 1, 31)),
        (["2024/1/31 17:05", "2024/2/1"], (2024, 1, 31)),
        (["20240131T1705"], (2024, 1, 31)),
        (["31-Jan-2024", "1 February 2024"], (2024, 1, 31)),
        (["January 31, 2024", "Feb. 1, 2024"], (2024, 1, 31)),
        (["31.1.2024", "1.2.2024"], (2024, 1, 31)),
        (["31.1.24", "1.2.24"], (2024, 1, 31)),
        (["1/2/2024", "1/31/2024"], (2024, 1, 2)),
        (["1/2/2024", "31/1/2024"], (2024, 2, 1)),
        ([datetime.date(2024, 1, 31), None], (2024, 1, 31)),
        (np.array(["2024-01-31"], dtype="datetime64[D]"), (2024, 1, 31)),
    ],
)
def test_dates_are_read(texts: list[str], first: tuple[int, int, int]) -> None:
    found = dates(texts)
    assert found is not None and (found[0].year, found[0].month, found[0].day) == first
    assert found.isna().tolist() == [each is None for each in texts]


@pytest.mark.parametrize(
    "values", [["may", "june"], ["2024-01-31", "later"], [2024, 2025], [None, None], ["7", "8"], ["1.2.3", "1.10.12"]]
)
def test_what_is_no_date(values: list[object]) -> None:
    assert dates(values) is None


def test_a_month_that_there_is_not_is_no_date() -> None:
    assert dates(["2024-13-45"]) is None


def test_moments_rise_with_time() -> None:
    found = moments(["2024-01-31", "2024-02-01", None])
    assert found is not None and found[1] - found[0] == 86_400e6 and np.isnan(found[2])
    assert moments([3, 1.5]).tolist() == [3, 1.5]  # type: ignore[union-attr]
    assert moments([True, False]) is None and moments(["a"]) is None
