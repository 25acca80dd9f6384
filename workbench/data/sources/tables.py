"""Tables as text whose bytes depend on the rows alone: not on the carrier's format or on a library's version.

UTF-8, ``\\n`` behind each row, a first row of names, ``csv``'s quoting, nothing in the place of a missing value, and
numbers in the shortest decimal form that reads back as the same number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from workbench.data.archive import replacing

Cell = str | int | float | None


def write_table(path: Path, names: Sequence[str], rows: Iterable[Sequence[Cell]], *, delimiter: str = ",") -> None:
    """Write the table in place of ``path`` in one step.

    Args:
        path: the file.
        names: of the columns; its first row.
        rows: a cell per name each. NaN and None are missing; a text's line ends become ``\\n``.
        delimiter: between the cells.

    Raises:
        ValueError: for a row with another number of cells.
    """
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
        writer.writerow(names)
        for number, row in enumerate(rows, 1):
            if len(row) != len(names):
                raise ValueError(f"row {number} has {len(row)} cells, not {len(names)}")
            writer.writerow([_plain(cell) for cell in row])
        text.detach()


def read_text(contents: bytes, *, delimiter: str = ",", encoding: str = "utf-8") -> list[list[str]]:
    """The rows of a delimited text file, the row of names among them."""
    return list(csv.reader(io.StringIO(contents.decode(encoding), newline=""), delimiter=delimiter))


def read_parquet(contents: bytes, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The rows of a parquet file, with the columns ``names`` in this order."""
    import pyarrow.parquet  # heavy, and only some routes need it

    table = pyarrow.parquet.read_table(io.BytesIO(contents), columns=list(names))
    return list(zip(*(table.column(name).to_pylist() for name in names), strict=True))


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, float):
        return None if cell != cell else repr(cell)
    return cell.replace("\r\n", "\n").replace("\r", "\n") if isinstance(cell, str) else cell
