"""From the rows of a table to categories and numbers, and back to something that people read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.dates import dates, day_first
from workbench.data.encoding import Encoder
from workbench.data.table_dates import CATEGORIES, date_parts
from workbench.data.table_files import MISSING
from workbench.data.table_roles import Roles
from workbench.data.values import Rows
from workbench.errors import DataError, nearest

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = float(np.finfo(np.float32).max)
"""The largest numbers stand for "no data" in many files, and the square of one would make a whole column infinite."""

BEND = 3.0
"""Numbers beyond so many deviations are pressed together, see :class:`Scale`."""


@dataclass(frozen=True)
class Scale:
    """How a column of numbers becomes one of mean about 0 and deviation about 1.

    z = (x - mean) / std is bent to z / sqrt(1 + (z / 3)^2), which leaves small numbers nearly alone and keeps single
    huge ones from ruling (the smooth clipping of Holzmueller et al. 2024, "Better by default").

    Attributes:
        median: what stands in for a missing value.
        flag: whether training values were missing, so that a column of 0 and 1 says where.
    """

    median: float
    mean: float
    std: float
    flag: bool

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> Self:
        """Fitted on training values (NaN where missing)."""
        missing = np.isnan(values)
        median = float(np.median(values[~missing])) if not missing.all() else 0.0
        filled = np.where(missing, median, values)
        return cls(median, float(filled.mean()), float(filled.std()) or 1.0, bool(missing.any()))

    def apply(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scaled and bent; the median stands in for NaN."""
        z = (np.where(np.isnan(values), self.median, values) - self.mean) / self.std
        bent: npt.NDArray[np.float64] = z / np.sqrt(1 + (z / BEND) ** 2)
        return bent

    def undo(self, bent: float) -> float:
        """The number that was scaled, to a thousandth of a deviation; huge ones only roughly, as float32 holds them."""
        inside = max(1 - (bent / BEND) ** 2, 1e-7)
        digits = 3 - math.floor(math.log10(self.std))
        return float(round(bent / inside**0.5 * self.std + self.mean, digits)) + 0.0  # no -0


class TableEncoder(Encoder):
    """Rows of a table as category ids and scaled numbers, fitted on the training rows alone.

    Attributes:
        categories: by column, the values of the ids 1, 2, ...: commonest first; 0 is missing, rare or unseen.
        scales: by column of numbers.
        parts: by column of dates, the parts that vary in training; their columns are called "DATE: PART".
        day_first: by column of dates, how texts such as 1/2/2024 are read.
    """

    def __init__(
        self,
        categories: Mapping[str, Sequence[str]],
        scales: Mapping[str, Scale],
        parts: Mapping[str, Sequence[str]],
        day_first: Mapping[str, bool],
    ) -> None:
        self.categories = {name: tuple(values) for name, values in categories.items()}
        self.scales, self.day_first = dict(scales), dict(day_first)
        self.parts = {name: tuple(values) for name, values in parts.items()}
        self._ids = {name: {v: n + 1 for n, v in enumerate(values)} for name, values in self.categories.items()}

    @classmethod
    def fit(cls, frame: pd.DataFrame, roles: Roles, *, min_count: int = 2) -> Self:
        """Fitted on training rows.

        Args:
            min_count: a category that training has less often is rare and gets id 0, with what is unseen: so that
                the network learns what to do with those.
        """
        first = {name: day_first(frame[name]) for name in roles.dates}
        coded = {name: Coded.of(frame[name]) for name in roles.categories}
        numbers = {name: _numbers(frame[name], name) for name in roles.numbers}
        scales = {name: Scale.of(values) for name, values in numbers.items()}
        parts: dict[str, list[str]] = {}
        for name in roles.dates:
            found = _parts(frame[name], name, first[name])
            varying = {part: each for part, each in found.items() if len(np.unique(each[~np.isnan(each)])) > 1}
            parts[name] = list(varying)
            coded |= {f"{name}: {part}": Coded.of(varying[part]) for part in varying if part in CATEGORIES}
            of_date = {f"{name}: {part}": Scale.of(varying[part]) for part in varying if part not in CATEGORIES}
            # a date is missing in all its parts at once, so one flag says it
            scales |= {
                part: replace(each, flag=each.flag and part == next(iter(of_date))) for part, each in of_date.items()
            }
        return cls({name: each.vocabulary(min_count) for name, each in coded.items()}, scales, parts, first)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a row needs."""
        derived = {f"{name}: {part}" for name, parts in self.parts.items() for part in parts}
        return (*(name for name in (*self.categories, *self.scales) if name not in derived), *self.parts)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """How many ids each category has, 0 included."""
        return tuple(len(values) + 1 for values in self.categories.values())

    @property
    def number_names(self) -> tuple[str, ...]:
        """The names of the columns of :attr:`Rows.numbers`."""
        return (*self.scales, *(f"{name}: missing" for name, scale in self.scales.items() if scale.flag))

    def encode(self, items: Sequence[Any] | pd.DataFrame | Mapping[str, Any]) -> Rows:
        """Categories int64 (n, c) and numbers float32 (n, m).

        Args:
            items: rows as dictionaries or pandas Series, or a frame, or one dictionary. Columns that are not needed
                are ignored; None and NaN are missing values, so are infinite numbers and those from
                float32's largest on.

        Raises:
            DataError: a column is missing, or a value is no number or no date where one is needed.
        """
        frame = self._frame(items)
        columns = self.columns
        coded = {name: Coded.of(frame[name]) for name in self.categories if name in columns}
        numbers = {name: _numbers(frame[name], name) for name in self.scales if name in columns}
        for name, wanted in self.parts.items():
            for part, values in _parts(frame[name], name, self.day_first[name]).items():
                if part in wanted and part in CATEGORIES:
                    coded[f"{name}: {part}"] = Coded.of(values)
                elif part in wanted:
                    numbers[f"{name}: {part}"] = values
        ids = [coded[name].ids(known) for name, known in self._ids.items()]
        scaled = [scale.apply(numbers[name]) for name, scale in self.scales.items()]
        flags = [np.isnan(numbers[name]) for name, scale in self.scales.items() if scale.flag]
        return Rows(_matrix(ids, len(frame), np.int64), _matrix([*scaled, *flags], len(frame), np.float32))

    def show(self, inputs: Rows, position: int) -> str:
        """``age 39, job clerk``: a row for people; a category that was missing, rare or unseen is ?."""
        ids, values = inputs.categories[position].tolist(), inputs.numbers[position].tolist()
        at = dict(zip(self.number_names, values, strict=True))
        shown = [
            f"{name} {self.categories[name][number - 1] if number else '?'}"
            for name, number in zip(self.categories, ids, strict=True)
        ]
        for name, scale in self.scales.items():
            gone = scale.flag and at[f"{name}: missing"] > 0.5
            shown.append(f"{name} ?" if gone else f"{name} {scale.undo(at[name]):.6g}")
        return ", ".join(shown)

    def describe(self) -> dict[str, Any]:
        """See :meth:`Encoder.describe`."""
        return {
            "categories": {name: list(values) for name, values in self.categories.items()},
            "scales": {name: asdict(scale) for name, scale in self.scales.items()},
            "parts": {name: list(parts) for name, parts in self.parts.items()},
            "day_first": dict(self.day_first),
        }

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """See :meth:`Encoder.restored`."""
        scales = {name: Scale(**scale) for name, scale in values["scales"].items()}
        return cls(values["categories"], scales, values["parts"], values["day_first"])

    def _frame(self, items: Any) -> pd.DataFrame:
        import pandas as pd

        if isinstance(items, Mapping):
            items = [items]
        if isinstance(items, pd.DataFrame):
            frame = items.reset_index(drop=True).rename(columns=str)
        else:
            for position, item in enumerate(items):
                if not isinstance(item, Mapping | pd.Series):
                    raise DataError(
                        f"a row is needed, not {type(item).__name__}",
                        where=f"item {position}",
                        hint="Give a dictionary by column, or a frame.",
                    )
            frame = pd.DataFrame([dict(item) for item in items])
        for name in self.columns:
            if name not in frame and len(frame):
                raise DataError(
                    f"the column '{name}' is missing{nearest(name, map(str, frame.columns))}",
                    hint="Give it the value None where it is not known.",
                )
        return frame.reindex(columns=list(self.columns)) if not len(frame) else frame


@dataclass(frozen=True)
class Coded:
    """A column of categories: ``names[codes]``, the same texts for 3, 3.0 and "3"; the code of a missing one is -1."""

    codes: npt.NDArray[np.int64]
    names: list[str]

    @classmethod
    def of(cls, column: pd.Series | npt.NDArray[np.float64]) -> Self:
        import pandas as pd

        codes, values = pd.factorize(column)
        return cls(codes.astype(np.int64), [_text(each) for each in values])

    def vocabulary(self, min_count: int) -> list[str]:
        """The names that are there often enough, commonest first, then by name."""
        counts: Counter[str] = Counter()
        for name, count in zip(self.names, np.bincount(self.codes[self.codes >= 0]).tolist(), strict=True):
            counts[name] += count
        return sorted((name for name in counts if counts[name] >= min_count), key=lambda name: (-counts[name], name))

    def ids(self, known: Mapping[str, int]) -> npt.NDArray[np.int64]:
        """The ids of the values, 0 for those that are missing or not ``known``."""
        return np.array([*(known.get(name, 0) for name in self.names), 0], dtype=np.int64)[self.codes]


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _numbers(column: pd.Series, name: str) -> npt.NDArray[np.float64]:
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column):
        given = column.where(~column.isin(MISSING))
        column = pd.to_numeric(given, errors="coerce")
        wrong = (column.isna() & given.notna()).to_numpy().nonzero()[0]
        if len(wrong):
            raise DataError(
                f"{given.iloc[wrong[0]]!r} is no number",
                where=f"row {wrong[0]}, column '{name}'",
                hint="Correct it, or make the column a category: categories=(...).",
            )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.abs(values) < _LARGEST, values, np.nan)


def endless(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, int]:
    """By column of numbers, how many are infinite or stand for it, where there are any: they count as missing."""
    import pandas as pd

    found = {}
    for name in names:
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        found[name] = int((np.abs(values) >= _LARGEST).sum())
    return {name: count for name, count in found.items() if count}


def _parts(column: pd.Series, name: str, first: bool) -> dict[str, npt.NDArray[np.float64]]:
    import pandas as pd

    if not pd.api.types.is_datetime64_any_dtype(column):
        column = column.where(~column.isin(MISSING))
    if column.isna().all():
        found: pd.Series | None = pd.Series(pd.NaT, index=range(len(column)), dtype="datetime64[us, UTC]")
    else:
        found = dates(column, first=first)
    if found is None:
        wrong = next(each for each in column.dropna() if dates([each], first=first) is None)
        raise DataError(f"{wrong!r} is no date", where=f"column '{name}'", hint="Use e.g. 2024-01-31.")
    return {part: values.to_numpy(np.float64) for part, values in date_parts(found).items()}


def _matrix(columns: Sequence[npt.NDArray[Any]], rows: int, dtype: type) -> torch.Tensor:
    typed: list[npt.NDArray[Any]] = [each.astype(dtype) for each in columns]
    joined: npt.NDArray[Any] = np.stack(typed, axis=1) if typed else np.zeros((rows, 0), dtype)
    return torch.from_numpy(np.ascontiguousarray(joined))
