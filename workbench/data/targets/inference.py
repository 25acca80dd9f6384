"""What is predicted, told from the values themselves; one field overrides it, and a value that cannot be is refused.

    answers = read_answers(frame["price"])
    answers.target, answers.why   # Regression(), "decimal numbers, e.g. 12.5"
    answers.y, answers.classes    # float32 (n, 1), ("price",)
    read_answers(frame["stars"], Rating()).y

The rule of "auto", by the kind of the values: texts, booleans and a few different whole numbers are classes
(``SingleLabel``), lists and several columns of 0 and 1 are labels (``MultiLabel``), other numbers are quantities
(``Regression``). Texts are taken apart only by a separator that was told (``MultiLabel(separator=";")``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from workbench.data.targets.base import Target
from workbench.data.targets.columns import (
    Array,
    all_binary,
    all_whole,
    columns_of,
    is_missing,
    joined_by,
    kind_of,
    refuse_missing,
    shown,
)
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.rating import Rating
from workbench.data.targets.regression import Regression
from workbench.data.targets.single_label import SingleLabel
from workbench.errors import DataError, FieldError

_COARSE = 0.01
"""How much of a quantity's deviation may be lost by keeping it in float32."""

FEW = 20
"""Whole numbers count as classes up to so many different ones, and two items each in the mean."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The targets of n items.

    Attributes:
        target: what they are; its statistics are not filled in yet: ``target.fitted(y[train])``.
        why: what that was told from, in words.
        y: as the target takes it: int64 (n,) of classes, else float32 (n, labels or values).
        classes: the names of the classes in alphabetical (numbers: rising) order, of the labels, or of the values.
    """

    target: Target
    why: str
    y: torch.Tensor
    classes: tuple[str, ...]


def infer(values: Any, target: Target | Literal["auto"] = "auto", *, where: str = "") -> tuple[Target, str]:
    """The target that values are of, and why; see :func:`read_answers`, which gives the targets too."""
    columns = columns_of(values)
    return _told(columns, target, where) if isinstance(target, Target) else _guessed(columns, where)


def read_answers(values: Any, target: Target | Literal["auto"] = "auto", *, where: str = "") -> Answers:
    """What values are, and the same as tensors.

    Args:
        values: n items: a list, a NumPy array of shape (n,) or (n, columns), a pandas Series or DataFrame.
        target: "auto" tells it from the values, see this module; anything else is taken, or refused where the
            values are no such thing.
        where: file or column, for errors.

    Raises:
        FieldError: the values are no such target; it names the nearest that they are.
        DataError: missing or infinite values, dates, or the same value for every item.
    """
    columns = columns_of(values)
    found, why = infer(values, target, where=where)
    if isinstance(found, SingleLabel):
        y, classes = _classes(next(iter(columns.values())), where)
    elif isinstance(found, MultiLabel):
        y, classes = _labels(columns, found, where)
    else:
        y, classes = _numbers(columns, where), tuple(columns)
    return Answers(found, why, y, classes)


# ---- the rule of "auto" ---------------------------------------------------------------------------------------------


def _guessed(columns: Mapping[str, Array], where: str) -> tuple[Target, str]:
    if len(columns) > 1:
        return _guessed_together(columns, where)
    name, column = next(iter(columns.items()))
    kind = kind_of(column)
    if kind == "list":
        return MultiLabel(), "lists of labels"
    refuse_missing(column, name, where)
    if kind == "bool":
        return SingleLabel(), "true or false"
    if kind == "text":
        return SingleLabel(), _about_texts(column, name, where)
    if kind == "number":
        fraction = next((each for each in column.tolist() if not float(each).is_integer()), None)
        if fraction is not None:
            return Regression(), f"decimal numbers, e.g. {fraction:.6g}"
        return Regression(), "decimal numbers (all of them whole: if they are classes, set target=SingleLabel())"
    if kind == "whole":
        different = len(np.unique(column.astype(np.int64)))
        if different <= FEW and 2 * different <= len(column):
            return SingleLabel(), f"{different} different whole numbers (for quantities set target=Regression())"
        return Regression(), f"{different:,} different whole numbers (for classes set target=SingleLabel())"
    raise DataError(
        f"'{name}' holds {shown(column)}, which cannot be predicted",
        where=where,
        hint="Use texts, whole numbers, decimal numbers or lists, one kind in a column.",
    )


def _guessed_together(columns: Mapping[str, Array], where: str) -> tuple[Target, str]:
    for name, column in columns.items():
        refuse_missing(column, name, where)
    if all_binary(columns):
        return MultiLabel(), f"{len(columns)} columns of 0 and 1"
    if all(kind_of(each) in ("whole", "number") for each in columns.values()):
        return Regression(), f"{len(columns)} columns of numbers"
    name = next(name for name, each in columns.items() if kind_of(each) not in ("whole", "number"))
    raise DataError(
        f"'{name}' holds {shown(columns[name])}; several columns are predicted together only if all hold numbers",
        where=where,
        hint="Predict one column.",
    )


def _about_texts(column: Array, name: str, where: str) -> str:
    different = len(set(column.tolist()))
    if different == len(column) and different > 2:
        raise DataError(
            f"every item has a '{name}' of its own, so it is no class", where=where, hint="Name another column."
        )
    joined = joined_by(column, share=0.5)
    if joined is None:
        return f"{different:,} different texts"
    return (
        f"{different:,} different texts (most have a '{joined}': for several labels an item set "
        f"target=MultiLabel(separator='{joined}'))"
    )


# ---- what was told --------------------------------------------------------------------------------------------------


def _told(columns: Mapping[str, Array], target: Target, where: str) -> tuple[Target, str]:
    """The target that was asked for.

    Raises:
        FieldError: the values are none; the hint names what they are.
    """
    if isinstance(target, MultiLabel):
        wrong = _no_labels(columns, target)
    elif not isinstance(target, SingleLabel | Regression | Rating):
        raise FieldError(f"{type(target).__name__} is not a target of a column of values", where=where)
    else:
        for name, column in columns.items():
            if kind_of(column) != "list":
                refuse_missing(column, name, where)
        wrong = _no_class(columns) if isinstance(target, SingleLabel) else _no_numbers(columns, target)
    if wrong:
        what, nearest = wrong
        raise FieldError(f"{type(target).__name__} takes {what}", where=where, hint=f"Did you mean {nearest}?")
    return target, "as asked for"


def _no_class(columns: Mapping[str, Array]) -> tuple[str, str] | None:
    name, column = next(iter(columns.items()))
    if len(columns) > 1:
        nearest = "MultiLabel()" if all_binary(columns) else "Regression()"
        return f"one class an item, and there are {len(columns)} columns", nearest
    kind = kind_of(column)
    if kind == "list":
        return f"one class an item, and '{name}' holds lists", "MultiLabel()"
    if kind == "number" and not all_whole(column):
        return f"classes, and '{name}' holds decimal numbers", "Regression()"
    return (f"classes, and '{name}' holds {shown(column)}", "another column") if kind == "mixed" else None


def _no_numbers(columns: Mapping[str, Array], target: Target) -> tuple[str, str] | None:
    if isinstance(target, Rating) and len(columns) > 1:
        return f"one number an item, and there are {len(columns)} columns", "Regression()"
    for name, column in columns.items():
        kind = kind_of(column)
        if kind == "list":
            return f"numbers, and '{name}' holds lists", "MultiLabel()"
        if kind not in ("whole", "number"):
            what = {"bool": "true and false", "text": "texts"}.get(kind, shown(column))
            return f"numbers, and '{name}' holds {what}", "another column" if kind == "mixed" else "SingleLabel()"
    return None


def _no_labels(columns: Mapping[str, Array], target: MultiLabel) -> tuple[str, str] | None:
    if len(columns) > 1:
        numbers = all(kind_of(each) in ("whole", "number") for each in columns.values())
        what = f"several columns of 0 and 1, and among these {len(columns)} are others"
        return None if all_binary(columns) else (what, "Regression()" if numbers else "one column and SingleLabel()")
    name, column = next(iter(columns.items()))
    kind = kind_of(column)
    if kind == "list" or (kind == "text" and target.separator is not None):
        return None
    what = f"several labels an item, and '{name}' holds one value each"
    if kind == "text":
        return what, "SingleLabel(), or MultiLabel(separator=';')"
    return what, "Regression()" if kind == "number" and not all_whole(column) else "SingleLabel()"


# ---- the values as tensors ------------------------------------------------------------------------------------------


def _classes(column: Array, where: str) -> tuple[torch.Tensor, tuple[str, ...]]:
    if kind_of(column) == "number":
        column = column.astype(np.int64)
    names, y = np.unique(column.astype(str) if kind_of(column) == "text" else column, return_inverse=True)
    if len(names) < 2:
        raise DataError(
            f"every item is of class '{names[0]}'" if len(names) else "there are no items",
            where=where,
            hint="There is nothing to tell apart: name another column.",
        )
    return torch.from_numpy(y.astype(np.int64)), tuple(str(name) for name in names)


def _labels(columns: Mapping[str, Array], target: MultiLabel, where: str) -> tuple[torch.Tensor, tuple[str, ...]]:
    if len(columns) > 1:
        y = np.stack([each.astype(np.float32) for each in columns.values()], axis=1)
        return torch.from_numpy(y), tuple(columns)
    rows = [_row(each, target.separator) for each in next(iter(columns.values())).tolist()]
    names = sorted({name for row in rows for name in row})
    if not names:
        raise DataError("no item has a label", where=where, hint="Name another column.")
    numbers = {name: number for number, name in enumerate(names)}
    found = torch.zeros(len(rows), len(names))
    for position, row in enumerate(rows):
        found[position, [numbers[name] for name in row]] = 1
    return found, tuple(names)


def _row(value: Any, separator: str | None) -> list[str]:
    """An item's labels; what is missing or empty has none."""
    if is_missing(value):
        return []
    parts = value.split(separator) if isinstance(value, str) else list(value)
    return [text for text in (str(part).strip() for part in parts) if text]


def _numbers(columns: Mapping[str, Array], where: str) -> torch.Tensor:
    values = np.stack([each.astype(np.float64) for each in columns.values()], axis=1)
    with np.errstate(over="ignore"):
        y = values.astype(np.float32)
    if not np.isfinite(y).all():
        row, number = (int(each) for each in np.argwhere(~np.isfinite(y))[0])
        what = f"an infinite '{list(columns)[number]}'"
        if np.isfinite(values[row, number]):
            what += f" ({values[row, number]:g} is above what float32 holds)"
        raise DataError(f"item {row} has {what}", where=where, hint="Take it out, or use another unit.")
    if len(y) > 1:
        _refuse_still(values, y, list(columns), where)
    return torch.from_numpy(y)


def _refuse_still(values: Array, y: Array, names: list[str], where: str) -> None:
    """Raises :class:`DataError` where all ``values`` (n, columns) are the same, or are nearly so as float32 ``y``."""
    vary = (values != values[:1]).any(0)
    if not vary.any():
        value = ", ".join(f"{each:g}" for each in y[0])
        raise DataError(f"every item has the same {' and '.join(names)} ({value})", where=where, hint="Name another.")
    spread = values.std(0)
    for number in (vary & (np.abs(values - y).max(0) > _COARSE * spread)).nonzero()[0]:
        middle = float(values[:, number].mean())
        raise DataError(
            f"'{names[number]}' is {middle:g} +- {spread[number]:.2g}, and float32 does not hold a hundredth of that",
            where=where,
            hint="Subtract a number near the mean.",
        )
