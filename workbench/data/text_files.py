"""Texts as they lie on disk: a table, a folder or zip archive with one folder a class, or one file of plain text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from workbench.data.containers import folders_of, opened, refuse_other_classes
from workbench.data.reading import decoded, missing
from workbench.data.split import Split, following, says_parts
from workbench.data.table_files import table
from workbench.errors import DataError, FieldError, nearest

if TYPE_CHECKING:
    import pandas as pd

_TEXT, _LINES = ".txt", (".jsonl", ".ndjson")
_TEXT_NAMES = ("text", "review", "sentence", "message", "document", "content")
_LABEL_NAMES = ("label", "class", "target", "category", "sentiment")
_WORDS = 3
"""A column whose values have more words than this in the mean holds texts, not names."""


@dataclass(frozen=True, eq=False)
class Written:
    """n texts as they were found.

    Attributes:
        texts: whole.
        labels: what could be predicted, a frame of n rows; None where there is nothing.
        parts: the values of the column that a split reads, or the folders train, valid and test; None for neither.
        found: which columns were taken, as (setting, value, why).
        column: the column that a split reads.
    """

    texts: tuple[str, ...]
    labels: pd.DataFrame | None
    parts: tuple[Any, ...] | None
    found: tuple[tuple[str, Any, str], ...] = ()
    column: str | None = None


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are meant; "auto" finds the only one that makes sense, None wants none.

    ``split`` names the column that it reads, or follows one, see :func:`workbench.data.split.following`.
    """

    text: str | tuple[str, ...] = "auto"
    label: str | tuple[str, ...] | None = "auto"
    split: Split = field(default_factory=Split)


def read_texts(root: Path, name: str, columns: Columns) -> Written:
    """The texts of ``name``: a file or folder below ``root``, or a held frame.

    A table is CSV, TSV or Parquet, or JSON lines (.jsonl). A folder or .zip holds train/<class>/*.txt and
    test/<class>/*.txt (or valid/<class>/*.txt, or all three), or <class>/*.txt, or *.txt. In one .txt file, blank lines
    stand between texts; without any, a line is a text.

    Raises:
        DataError: missing, damaged, empty, or it is not clear which columns are meant.
        FieldError: a column that the table does not have.
    """
    path = root / name
    folder = path.is_dir() or path.suffix.lower() == ".zip"
    if folder or path.suffix.lower() == _TEXT:
        if columns.split.column is not None:
            raise FieldError(
                f"split is {columns.split!r}, but there are no columns to go by",
                where=name,
                hint="Use Split('random') or Split('stratified').",
            )
        return _classes(path, name, columns.split.by in ("auto", "given")) if folder else _plain(path, name)
    frame = _json_lines(path, name) if path.suffix.lower() in _LINES else table(root, name)
    return _columns(frame, name, columns)


# ---- tables ---------------------------------------------------------------------------------------------------------


def _json_lines(path: Path, where: str) -> pd.DataFrame:
    import pandas as pd

    try:
        lines = decoded(path.read_bytes(), where).splitlines()
    except OSError:
        raise missing(path, where) from None
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append(dict(json.loads(line)))
            except (ValueError, TypeError):
                raise DataError(f"line {number:,} is no JSON object", where=where) from None
    frame = pd.DataFrame(rows)
    if not len(frame):
        raise DataError("the table has no rows", where=where)
    return frame


def _columns(frame: pd.DataFrame, where: str, columns: Columns) -> Written:
    columns = replace(columns, split=following(columns.split, frame))
    split = columns.split.column
    for name in (*_as_tuple(columns.text), *_as_tuple(columns.label), *_as_tuple(split)):
        if name != "auto" and name not in frame.columns:
            raise FieldError(f"'{name}' is not a column{nearest(name, list(frame.columns))}", where=where)
    text, why_text = _text_columns(frame, where, columns)
    label, why_label = _label_columns(frame, where, columns, text)
    there = frame[list(text)].notna().all(axis=1)
    found: list[tuple[str, Any, str]] = [("data.text", ", ".join(text), why_text)]
    if not there.all():
        found.append(("data.missing", int((~there).sum()), "rows without a text, left out"))
    frame = frame[there]
    if not len(frame):
        raise DataError("no row has a text", where=where)
    texts = frame[text[0]].astype(str)
    for name in text[1:]:
        texts = texts + "\n" + frame[name].astype(str)
    parts = None if split is None else tuple(frame[split].tolist())
    if label:
        found.append(("data.label", ", ".join(label), why_label))
    return Written(tuple(texts), frame[list(label)] if label else None, parts, tuple(found), split)


def _text_columns(frame: pd.DataFrame, where: str, columns: Columns) -> tuple[tuple[str, ...], str]:
    if columns.text != "auto":
        return _as_tuple(columns.text), "as asked for"
    named = _named(frame, _TEXT_NAMES)
    if named is not None:
        return (named,), "called so"
    others = {columns.split.column, *(_as_tuple(columns.label) if columns.label != "auto" else ())}
    words = {name: _mean_words(frame[name]) for name in frame.columns if name not in others}
    texts = [name for name, mean in words.items() if mean > _WORDS]
    if len(texts) == 1:
        return (texts[0],), f"the only column of texts, {words[texts[0]]:.0f} words in the mean"
    if not texts and len(words) == 1:
        return (next(iter(words)),), "the only column"
    if not texts:
        raise DataError(f"no column holds texts: there is {_listed(frame.columns)}", where=where, hint="Set text.")
    longest = max(texts, key=lambda name: words[name])
    raise DataError(
        f"several columns hold texts: {_listed(texts)}",
        where=where,
        hint=f"Set text={longest!r}, or text={tuple(texts)!r} for all of them, one after the other.",
    )


def _label_columns(
    frame: pd.DataFrame, where: str, columns: Columns, text: tuple[str, ...]
) -> tuple[tuple[str, ...], str]:
    if columns.label is None:
        return (), ""
    if columns.label != "auto":
        return _as_tuple(columns.label), "as asked for"
    others = [name for name in frame.columns if name not in text and name != columns.split.column]
    named = _named(frame[others], _LABEL_NAMES)
    if named is not None:
        return (named,), "called so"
    if len(others) == 1:
        return (others[0],), "the only other column"
    if not others:
        return (), ""
    raise DataError(
        f"it is not clear what is to be predicted: there is {_listed(others)}",
        where=where,
        hint=f"Set label to one of them, e.g. label={others[0]!r}, or target=None for a language model.",
    )


def _named(frame: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    """The column with the first of these names, however it is spelt."""
    small = {name.strip().lower(): name for name in reversed([str(each) for each in frame.columns])}
    return next((small[name] for name in names if name in small), None)


def _mean_words(column: pd.Series) -> float:
    """Words a value; 0 for what is not text."""
    values = [each for each in column.head(1_000).tolist() if isinstance(each, str)]
    return sum(len(each.split()) for each in values) / len(values) if values else 0.0


def _as_tuple(names: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else names


def _listed(names: Any) -> str:
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown[:8]) + (", ..." if len(shown) > 8 else "")


# ---- files ----------------------------------------------------------------------------------------------------------


def _plain(path: Path, where: str) -> Written:
    try:
        text = decoded(path.read_bytes(), where)
    except OSError:
        raise missing(path, where) from None
    blocks = [each.strip() for each in re.split(r"\n[ \t]*\n", text) if each.strip()]
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    if not lines:
        raise DataError("the file is empty", where=where)
    texts, why = (blocks, "blank lines stand between texts") if len(blocks) > 1 else (lines, "a line is a text")
    return Written(tuple(texts), None, None, (("data.text", f"{len(texts):,} texts", why),))


def _classes(path: Path, where: str, given: bool) -> Written:
    """``given``: whether the folders' parts are followed, which need the same classes then."""
    with opened(path, where) as files:
        names = [name for name in files.names() if PurePosixPath(name).suffix.lower() == _TEXT]
        if not names:
            raise DataError("there are no .txt files in it", where=where)
        texts = tuple(decoded(files.read(name), f"{where}/{name}").strip() for name in names)
    folders = folders_of(names)
    split = all(folders) and says_parts({parts[0] for parts in folders})
    inner = [parts[1:] if split else parts for parts in folders]
    depths = {len(parts) for parts in inner}
    if len(depths) > 1 or max(depths) > 1:
        raise DataError(
            "texts lie neither in train/<class>/ and test/<class>/ (or valid/<class>/) nor in <class>/",
            where=where,
            hint="Move them so that each one's folder is its class.",
        )
    parts = tuple(each[0] for each in folders) if split else None
    if depths == {0}:
        return Written(texts, None, parts, (("data.text", f"{len(texts):,} texts", "a file is a text"),))
    if parts is not None and given:
        refuse_other_classes(folders, where)
    import pandas as pd

    labels = pd.DataFrame({"class": [each[0] for each in inner]})
    return Written(texts, labels, parts, (("data.label", "folder", "a folder is a class"),))
