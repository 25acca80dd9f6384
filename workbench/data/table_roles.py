"""What every column of a table is: a category, a number, a date, or nothing that a network can use."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from workbench.data.dates import dates

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["category", "number", "date"]

_ID = re.compile(r"(^|[_\W])(id|uuid|guid|index|key)$|[a-z](ID|Id)$|^unnamed", re.IGNORECASE)
_ID_EXACT = re.compile(r"[a-z](ID|Id)$")
_WORDS = 5
"""Texts of so many words on average are prose."""


@dataclass(frozen=True)
class Roles:
    """The columns of each kind in the table's order.

    Attributes:
        left: the columns that are left out, with the reason.
    """

    categories: tuple[str, ...]
    numbers: tuple[str, ...]
    dates: tuple[str, ...]
    left: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are used."""
        return (*self.categories, *self.numbers, *self.dates)


def roles(frame: pd.DataFrame, told: Mapping[str, Role], without: Collection[str]) -> Roles:
    """The role of every column that is not ``without``, by what the whole file holds.

    Dates are dates, numbers are numbers; texts, true and false are categories. Left out are columns with one value or
    none, lists, whole numbers that differ in every row and count on or are called id, and texts of which more than half
    differ: names, ids and prose. A role that was ``told`` is taken.
    """
    found: dict[str, str] = {}
    left: dict[str, str] = {}
    for name in frame.columns:
        if name in without:
            continue
        role, why = (told[name], "") if name in told else _role(frame[name], name)
        if role is None:
            left[name] = why
        else:
            found[name] = role
    named = {role: tuple(n for n, each in found.items() if each == role) for role in ("category", "number", "date")}
    return Roles(named["category"], named["number"], named["date"], left)


def _role(column: pd.Series, name: str) -> tuple[Role | None, str]:
    import pandas as pd

    rows = int(column.notna().sum())
    there = column.dropna()
    if pd.api.types.is_object_dtype(there):
        if there.map(lambda each: isinstance(each, list | tuple | dict | set | np.ndarray)).any():
            return None, "lists, which are no input"
        if not there.map(lambda each: isinstance(each, str | date)).all():
            there = there.map(str)
    there = there.drop_duplicates()
    different = len(there)
    if different < 2:
        return None, "one value" if different else "no values"
    if pd.api.types.is_bool_dtype(there):
        return "category", ""
    if pd.api.types.is_numeric_dtype(there):
        whole = different == rows and bool((there % 1 == 0).all())
        counts_on = whole and different > 20 and there.max() - there.min() == different - 1
        if counts_on or (whole and (_ID.search(name) or _ID_EXACT.search(name))):
            return None, "an id: a different whole number in every row"
        return "number", ""
    if dates(there) is not None:
        return "date", ""
    if different * 2 > rows:
        what = f"{different:,} different texts in {rows:,} rows"
        return None, f"{what}: prose, for Texts" if _is_prose(there) else what
    return "category", ""


def _is_prose(texts: pd.Series) -> bool:
    return float(texts.head(1000).map(lambda text: len(str(text).split())).mean()) >= _WORDS
