"""A date as the numbers and categories that a network can use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = ("month", "weekday", "hour")
"""The parts that come round again and have few values; they get embeddings."""

FLAGS = ("month start", "month end", "quarter start", "quarter end", "year start", "year end")


def date_parts(stamps: pd.Series) -> dict[str, pd.Series]:
    """What a column of times (datetime64, NaT where missing) says.

    Returns:
        By the part's name: year, month, day, weekday (Monday is 0), day of year, hour, minute, elapsed (seconds since
        1970), and :data:`FLAGS` as 0 and 1; float64, NaN where missing.
    """
    of = stamps.dt
    there = stamps.notna()
    elapsed = stamps.dt.as_unit("us").astype("int64") / 1e6
    parts = {
        "year": of.year,
        "month": of.month,
        "day": of.day,
        "weekday": of.day_of_week,
        "day of year": of.day_of_year,
        "hour": of.hour,
        "minute": of.minute,
        "elapsed": elapsed,
    }
    for flag in FLAGS:
        parts[flag] = getattr(of, f"is_{flag.replace(' ', '_')}")
    return {name: values.astype("float64").where(there) for name, values in parts.items()}
