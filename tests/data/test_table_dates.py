"""A date's parts, held against the calendar."""

import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.data.table_dates import CATEGORIES, FLAGS, date_parts


def test_the_parts_of_a_known_day() -> None:
    parts = date_parts(pd.Series(pd.to_datetime(["2024-02-29 17:05", None], utc=True)))
    there = {name: values[0] for name, values in parts.items()}
    assert (there["year"], there["month"], there["day"], there["weekday"]) == (2024, 2, 29, 3)
    assert (there["day of year"], there["hour"], there["minute"]) == (60, 17, 5)
    assert there["elapsed"] == datetime.datetime(2024, 2, 29, 17, 5, tzinfo=datetime.UTC).timestamp()
    assert [flag for flag in FLAGS if there[flag]] == ["month end"]
    assert all(values.isna().tolist() == [False, True] for values in parts.values())
    assert set(CATEGORIES) | set(FLAGS) < set(parts)


@pytest.mark.parametrize(
    ("day", "flags"),
    [
        ("2023-01-01", {"month start", "quarter start", "year start"}),
        ("2023-12-31", {"month end", "quarter end", "year end"}),
        ("2023-04-01", {"month start", "quarter start"}),
        ("2023-08-31", {"month end"}),
        ("2023-08-30", set()),
    ],
)
def test_the_flags_say_where_a_period_begins_and_ends(day: str, flags: set[str]) -> None:
    parts = date_parts(pd.Series(pd.to_datetime([day], utc=True)))
    assert {flag for flag in FLAGS if parts[flag][0]} == flags


@settings(max_examples=25)
@given(st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)))
def test_the_parts_agree_with_the_calendar(moment: datetime.datetime) -> None:
    parts = date_parts(pd.Series([moment]).astype("datetime64[us]").dt.tz_localize("UTC"))
    calendar = moment.timetuple()
    names = ("year", "month", "day", "hour", "minute", "weekday", "day of year")
    assert [parts[name][0] for name in names] == [*calendar[:5], calendar.tm_wday, calendar.tm_yday]
