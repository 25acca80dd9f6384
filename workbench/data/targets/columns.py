"""Columns of values as users have them, and what kind of values they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from workbench.errors import DataError

Array = npt.NDArray[Any]
Kind = Literal["bool", "whole", "number", "text", "list", "mixed"]

_LISTS: Any = list | tuple | set | frozenset | np.ndarray


def columns_of(values: Any) -> Mapping[str, Array]:
    """Every column as an array of shape (n,), by name.

    Args:
        values: a list of n values, an array of shape (n,) or (n, columns), a tensor, a pandas Series or DataFrame.
    """
    if hasattr(values, "columns"):
        return {str(name): values[name].to_numpy() for name in values.columns}
    name = str(getattr(values, "name", None) or "value")
    if isinstance(values, Sequence):
        plain = np.empty(len(values), dtype=object)
        for position, each in enumerate(values):
            plain[position] = each
        return {name: plain}
    if isinstance(values, torch.Tensor):
        values = values.cpu().numpy()
    array: Array = values.to_numpy() if hasattr(values, "to_numpy") else values
    if array.ndim == 2:
        return {f"{name}{number}": array[:, number] for number in range(array.shape[1])}
    return {name: array}


def kind_of(column: Array) -> Kind:
    """What the values that are there are, one kind for all of them."""
    if column.dtype.kind in "biufU":
        kinds: dict[str, Kind] = {"b": "bool", "i": "whole", "u": "whole", "f": "number", "U": "text"}
        return kinds[column.dtype.kind]
    present = [each for each in column.tolist() if not is_missing(each)]
    checks: tuple[tuple[Kind, Any], ...] = (
        ("bool", bool | np.bool_),
        ("whole", int | np.integer),
        ("number", int | float | np.integer | np.floating),
        ("text", str),
        ("list", _LISTS),
    )
    for kind, types in checks:
        if present and all(isinstance(each, types) for each in present):
            return kind
    return "mixed"


def is_missing(value: Any) -> bool:
    """None, NaN, or what pandas writes for them."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def refuse_missing(column: Array, name: str, where: str) -> None:
    """Raises :class:`DataError` when an item has no value, with the first one's number."""
    missing = [row for row, each in enumerate(column.tolist()) if is_missing(each)]
    if missing:
        sign = joined_by(column, share=0.1)
        several = f"; items with several labels or none: target=MultiLabel(separator='{sign}')" if sign else ""
        raise DataError(
            f"{len(missing):,} of {len(column):,} items have no '{name}' (the first is item {missing[0]})",
            where=where,
            hint=f"Take them out, or fill it in{several}.",
        )


def joined_by(column: Array, *, share: float) -> str | None:
    """The sign between labels in more than this ``share`` of the texts that are there; None for none."""
    texts = [each for each in column.tolist() if isinstance(each, str)]
    return next((sign for sign in ";|," if sum(sign in each for each in texts) > share * len(texts)), None)


def all_whole(column: Array) -> bool:
    """Whether no number has a fraction."""
    return all(float(each).is_integer() for each in column.tolist())


def all_binary(columns: Mapping[str, Array]) -> bool:
    """Whether every column holds nothing but 0 and 1 (or False and True)."""
    numbers = ("bool", "whole", "number")
    return all(kind_of(each) in numbers and set(each.tolist()) <= {0, 1} for each in columns.values())


def shown(column: Array) -> str:
    """The types of the values in words."""
    if column.dtype.kind in "mM":
        return "dates"
    kinds = sorted({type(each).__name__ for each in column.tolist() if not is_missing(each)})
    return " and ".join(kinds) if kinds else "nothing"
