"""Sentence pairs as they lie on disk: two columns of a table, or two files whose lines belong together."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.data.reading import decoded, missing, no_table
from workbench.data.split import Split, by_part, following
from workbench.data.table_files import FRAME, table
from workbench.errors import DataError, FieldError, nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Pairs:
    """n pairs, each once.

    Attributes:
        sources, targets: the texts, without space at their ends.
        names: what the two are called.
        part: the values of the column that a split reads; None for none.
        column: that column.
        found: what was left out, as (setting, value, why).
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    names: tuple[str, str]
    part: tuple[Any, ...] | None
    found: tuple[tuple[str, Any, str], ...]
    column: str | None = None


def read_pairs(root: Path, paths: tuple[str, ...], columns: tuple[str, str] | None, split: Split) -> Pairs:
    """The pairs of a CSV, TSV or Parquet file (or a held frame), or of two text files with one text a line.

    Args:
        root: the folder that the paths are relative to.
        paths: one table, or the file of the sources and that of the targets.
        columns: of the source and the target; None takes the first two.
        split: names a column to read besides, or follows one, see :func:`workbench.data.split.following`.

    Raises:
        DataError: a file is missing, damaged or empty, or the two files differ in length.
        FieldError: a column that the table does not have.
    """
    where = " and ".join(paths)
    frame = _lines(root, paths) if len(paths) == 2 else _table(root, paths[0])
    part = following(split, frame, columns or ()).column
    if columns is None:
        others = [name for name in frame.columns if name != part]
        if len(others) < 2:
            raise DataError("there are no two columns to pair", where=where)
        columns = (others[0], others[1])
    for name in (*columns, *(() if part is None else (part,))):
        if name not in frame.columns:
            raise FieldError(f"'{name}' is not a column{nearest(name, list(frame.columns))}", where=where)
    source, target = (frame[name].fillna("").astype(str).str.strip() for name in columns)
    there = (source != "") & (target != "")
    pairs = source.str.cat(target, sep="\t")
    # of several copies the one in the test part stays
    order = range(len(pairs)) if part is None else by_part(frame[part].tolist())
    again = pairs.iloc[list(order)].duplicated().sort_index() & there
    found = [
        ("data.missing", int((~there).sum()), "pairs with an empty side, left out"),
        ("data.repeated", int(again.sum()), "pairs that stand several times, kept once"),
    ]
    kept = there & ~again
    if not kept.any():
        raise DataError("there is no pair", where=where)
    parts = None if part is None else tuple(frame[part][kept].tolist())
    told = tuple(row for row in found if row[1])
    return Pairs(tuple(source[kept]), tuple(target[kept]), columns, parts, told, part)


def _table(root: Path, name: str) -> pd.DataFrame:
    if name.startswith(FRAME):
        return table(root, name)
    path = root / name
    if not path.exists():
        raise missing(path, name)
    return _read(path, name, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _read(path: Path, where: str, changed: int) -> pd.DataFrame:
    """Every cell as it is written: among words, "null", "none" and "nan" are words."""
    import pandas as pd
    import pyarrow as pa

    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        text = decoded(path.read_bytes(), where)
        between = max("\t,;|", key=text.partition("\n")[0].count)
        return pd.read_csv(io.StringIO(text), sep=between, dtype=str, keep_default_na=False)
    except (OSError, ValueError, pa.ArrowException) as error:  # pandas' parser errors are ValueErrors
        raise no_table(error, where) from None


def _lines(root: Path, paths: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    sides = [_text(root / name, name) for name in paths]
    if len(sides[0]) != len(sides[1]):
        raise DataError(
            f"{paths[0]} has {len(sides[0]):,} lines and {paths[1]} {len(sides[1]):,}",
            hint="Line n of one belongs to line n of the other: leave empty lines in.",
        )
    return pd.DataFrame(dict(zip(_two_names(paths), sides, strict=True)))


def _two_names(paths: tuple[str, ...]) -> tuple[str, str]:
    """What tells the files apart: their endings (train.en, train.fr), or else their names."""
    first, second = (Path(name).suffix.lstrip(".") for name in paths)
    if first != second:
        return first, second
    return f"{Path(paths[0]).stem} (source)", f"{Path(paths[1]).stem} (target)"


def _text(path: Path, where: str) -> list[str]:
    try:
        text = decoded(path.read_bytes(), where).replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise missing(path, where) from None
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
