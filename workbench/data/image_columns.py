"""Which columns of a table name the pictures, say what is to be predicted, and say which part an item is of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from workbench.data.photos import is_picture
from workbench.data.split import Split
from workbench.data.targets.columns import all_binary, columns_of, is_missing, refuse_missing
from workbench.errors import DataError, FieldError, nearest

if TYPE_CHECKING:
    import pandas as pd

_IMAGES = ("image", "picture", "photo", "file", "filename", "path")
_LABELS = ("label", "labels", "tags", "target", "class", "category")
_SPLITS = ("split", "part", "subset")
_PARTS = frozenset(("train", "training", "valid", "validation", "val", "dev", "test", "testing"))


@dataclass(frozen=True)
class ImageColumns:
    """The columns that were found, the split with its column, and the rows for the table of settings."""

    image: str
    label: tuple[str, ...]
    split: Split
    why: tuple[tuple[str, Any, str], ...]


def find_columns(
    frame: pd.DataFrame, where: str, *, image: str, label: str | tuple[str, ...], split: Split
) -> ImageColumns:
    """The columns meant; "auto" finds the one that makes sense.

    Raises:
        FieldError: a column that the table does not have.
        DataError: it is not clear which columns are meant.
    """
    names = [str(name) for name in frame.columns]
    told = [] if label == "auto" else [label] if isinstance(label, str) else list(label)
    for name in [*([image] if image != "auto" else []), *told, *([split.column] if split.column else [])]:
        if name not in names:
            raise FieldError(f"'{name}' is not a column{nearest(name, names)}", where=where)
    parts = [name for name in names if _says_part(name, frame[name])]
    if split.column is None and split.by in ("auto", "given") and parts:
        split = split.but(column=parts[0])
    image, why_image = _image(frame, where, image, told)
    others = [name for name in names if name not in (image, split.column, *parts)]
    labels, why_label = (tuple(told), "as asked for") if told else _label(frame, where, others)
    refuse_missing(frame[image].to_numpy(), image, where)
    rows = (("data.image", image, why_image), ("data.label", ", ".join(labels), why_label))
    return ImageColumns(image, labels, split, rows)


def _image(frame: pd.DataFrame, where: str, image: str, told: Sequence[str]) -> tuple[str, str]:
    if image != "auto":
        return image, "as asked for"
    others = [str(name) for name in frame.columns if name not in told]
    named = [name for name in others if all(_like_picture(each) for each in frame[name].head(1_000))]
    if len(named) == 1:
        return named[0], "the only column of pictures"
    called = _called(named or others, _IMAGES)
    if called is not None:
        return called, "called so"
    raise DataError(
        f"it is not clear which column names the pictures: there is {_listed(named or others)}",
        where=where,
        hint=f"Set image to one of them, e.g. image={(named or others or [''])[0]!r}.",
    )


def _label(frame: pd.DataFrame, where: str, others: list[str]) -> tuple[tuple[str, ...], str]:
    called = _called(others, _LABELS, whole=True)
    if called is not None:
        return (called,), "called so"
    if len(others) == 1:
        return (others[0],), "the only other column"
    if others and all_binary(columns_of(frame[others])):
        return tuple(others), "the other columns, all of 0 and 1"
    raise DataError(
        f"it is not clear what is to be predicted: there is {_listed(others) or 'no column'}",
        where=where,
        hint=f"Set label to one of them, e.g. label={others[0]!r}, or to several." if others else "Add a column.",
    )


def _says_part(name: str, column: pd.Series) -> bool:
    return name.strip().lower() in _SPLITS and all(str(each).strip().lower() in _PARTS for each in column)


def _called(names: Sequence[str], wanted: Sequence[str], *, whole: bool = False) -> str | None:
    """The column that is called so; unless ``whole``, a word of its name is enough (image_name, FilePath)."""
    for word in wanted:
        for name in names:
            words = [name.strip().lower()] if whole else re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)
            if word in [each.lower() for each in words] or word == name.strip().lower():
                return name
    return None


def _like_picture(value: Any) -> bool:
    return is_picture(value) if isinstance(value, str) else content(value) is not None


def content(value: Any) -> bytes | None:
    """The bytes of a picture inside a table: a cell of bytes, or of {"bytes": ...} as Hugging Face writes them."""
    found = value.get("bytes") if isinstance(value, dict) else value
    return found if isinstance(found, bytes) else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:8]) + (", ..." if len(names) > 8 else "")


def resolved(values: Sequence[Any], names: Sequence[str], where: str, *, folder: str = "") -> tuple[str, ...]:
    """The pictures that a column's values name.

    Args:
        values: paths; below ``folder``, or any unambiguous end of a path, with or without its suffix.
        names: the pictures that there are, with forward slashes.
        folder: where the table lies among them.

    Raises:
        DataError: a picture is not there or stands in two rows, or a value fits several pictures.
    """
    find = _finder(names)
    texts = ["" if is_missing(each) else str(each).strip().replace("\\", "/").removeprefix("./") for each in values]
    found = [find(f"{folder}/{text}" if folder else text) or find(text) for text in texts]
    missing = [row for row, each in enumerate(found) if not each]
    if missing:
        row = missing[0]
        raise DataError(
            f"{len(missing):,} of {len(texts):,} pictures are not there, e.g. '{texts[row]}' "
            f"(row {row}){nearest(texts[row], names)}",
            where=where,
        )
    rows: dict[str, int] = {}
    for row, each in enumerate(found):
        if len(each) > 1:
            raise DataError(f"'{texts[row]}' (row {row}) fits '{each[0]}' and '{each[1]}'", where=where)
        if each[0] in rows:
            raise DataError(
                f"'{each[0]}' stands in rows {rows[each[0]]} and {row}",
                where=where,
                hint="Give a picture one row; several labels of one picture can stand in one cell, as 'a;b'.",
            )
        rows[each[0]] = row
    return tuple(each[0] for each in found)


def _finder(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """What gives the pictures that a path fits: itself, else those that it is the end of."""
    ends: dict[str, list[str]] = {}
    for name in names:
        for whole in (PurePosixPath(name), PurePosixPath(name).with_suffix("")):
            for start in range(len(whole.parts)):
                ends.setdefault("/".join(whole.parts[start:]), []).append(name)
    there = frozenset(names)
    return lambda text: (text,) if text in there else tuple(dict.fromkeys(ends.get(text, ())))
