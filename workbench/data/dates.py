"""Points in time: columns that hold dates, whether a file says so or they stand there as text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

_DATE = re.compile(r"\s*(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(\D|$)")
_COMPACT = re.compile(r"\d{8}T\d{2}")
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_NAMED = re.compile(rf"\s*(\d{{1,2}}[- .]+{_MONTH}[- .,]+\d{{4}}|{_MONTH}[. ]+\d{{1,2}},? +\d{{4}})", re.IGNORECASE)


def dates(values: Any, *, first: bool | None = None) -> pd.Series | None:
    """The values as UTC times (datetime64[us, UTC], NaT where missing); None when they are not dates.

    Dates are what a file stores as dates, and texts that all begin like 2024-01-31, 31.1.2024, 1/31/2024, 31-Jan-2024
    or January 31, 2024. Of two numbers before the year the first is the day when any of them is above 12 or dots stand
    between, else the month; ``first`` says it for values that are too few to tell. Numbers are no dates.
    """
    import pandas as pd

    column = pd.Series(values).reset_index(drop=True)
    if pd.api.types.is_datetime64_any_dtype(column):
        return _parsed(column, first=False)
    there = column.dropna().tolist()
    texts = [each for each in there if isinstance(each, str)]
    if not there or not all(hasattr(each, "year") for each in there if not isinstance(each, str)):
        return None
    if not all(_looks_like_a_date(each) for each in texts):
        return None
    return _parsed(column, first=_day_first(texts) if first is None else first)


def day_first(values: Any) -> bool:
    """Whether texts such as 1/2/2024 are read with the day first, see :func:`dates`."""
    return _day_first(each for each in values if isinstance(each, str))


def moments(values: Any) -> npt.NDArray[np.float64] | None:
    """Dates as microseconds since 1970 and numbers as they are, NaN where missing; None for anything else."""
    import pandas as pd

    column = pd.Series(values)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers: npt.NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers
    found = dates(column)
    if found is None:
        return None
    stamps = found.astype("int64").to_numpy().astype(np.float64)
    return np.where(found.isna().to_numpy(), np.nan, stamps)


def _looks_like_a_date(text: str) -> bool:
    found = _DATE.match(text)
    if found is not None:
        # a year has four or two digits: 1.2.3 is a version
        return len(found[1]) == 4 or len(found[4]) in (2, 4)
    return any(form.match(text) for form in (_COMPACT, _NAMED))


def _day_first(texts: Iterable[str]) -> bool:
    found = [match for each in texts if (match := _DATE.match(each)) and len(match[1]) <= 2]
    return any(int(match[1]) > 12 or match[2] == "." for match in found)


def _parsed(column: pd.Series, *, first: bool) -> pd.Series | None:
    import pandas as pd

    with warnings.catch_warnings():
        # pandas says that it guesses a format; what it may guess was checked above
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = pd.to_datetime(column, utc=True, dayfirst=first, format="mixed")
        except (ValueError, OverflowError):
            return None
    return found.dt.as_unit("us")
