"""Tables as files and frames: reading them once a process, and the content hash of every row."""

from __future__ import annotations

import functools
import gzip
import hashlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from workbench.data.dates import dates
from workbench.data.reading import decoded, missing, no_table
from workbench.errors import DataError, FieldError

if TYPE_CHECKING:
    import pandas as pd

WORDS = ("None", "none", "-")
"""What stands for a value that is not there among numbers and dates; among other words it is one of them (+ and -)."""

MISSING = ("", "?", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "<NA>", *WORDS)
"""What stands in a text file for a value that is not there."""

FRAME = "frame:"
"""What the name of a frame in memory begins with."""

_frames: dict[str, pd.DataFrame] = {}

_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def read_table(path: Path, where: str) -> pd.DataFrame:
    """The file's content, which nobody may change: it is kept for the process.

    CSV with comma, semicolon, tab or bar, plain or gzipped, and Parquet with any of its compressions; what a file is
    is read from its bytes. In a CSV :data:`MISSING` are missing values; where the first line holds numbers alone there
    is no header, and the columns are called 1, 2, ...

    Raises:
        DataError: the file is missing, empty or neither.
    """
    try:
        status = path.stat()
    except OSError:
        raise missing(path, where) from None
    return _read(path, where, status.st_mtime_ns, status.st_size)


def hold(frame: pd.DataFrame) -> str:
    """Keeps a copy of a frame for the process and gives its name, which equal content has again.

    Raises:
        FieldError: it is no data frame of pandas, or two of its columns have the same name.
    """
    _refuse_others(frame)
    keys = row_keys(frame)
    types = [f"{name}:{frame[name].dtype}" for name in frame.columns]
    text = "\n".join([*types, *keys])
    name = FRAME + hashlib.sha256(text.encode()).hexdigest()[:16]
    _frames.setdefault(name, frame.reset_index(drop=True).rename(columns=str).copy())
    return name


def _refuse_others(frame: Any) -> None:
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        write = "frame.to_pandas()" if hasattr(frame, "to_pandas") else "pandas.DataFrame({'COLUMN': [...], ...})"
        raise FieldError(
            f".of takes a data frame of pandas, and this is a {type(frame).__name__}", hint=f"Write {write}"
        )
    names = [str(name) for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise FieldError(
            f"the frame has two columns called '{twice}'",
            hint="Rename one: frame.columns = [...], or keep the first: frame.loc[:, ~frame.columns.duplicated()]",
        )


def table(root: Path, name: str) -> pd.DataFrame:
    """The table in the file ``name`` below ``root``, or the held frame of that name.

    Raises:
        DataError: there is no such file, or the frame is of another process.
    """
    if not name.startswith(FRAME):
        return read_table(root / name, name)
    if name not in _frames:
        raise DataError(
            "the frame was held by another process",
            where=name,
            hint="Make the part again with .of(frame), or write the frame to a file.",
        )
    return _frames[name]


def require_file(name: str) -> str:
    """``name`` when it is a file's; raises :class:`FieldError` for a frame in memory, which nothing pins."""
    if not name.startswith(FRAME):
        return name
    raise FieldError(
        "the table is a frame in memory, which nothing pins",
        where=name,
        hint="Write it with frame.to_parquet('data/NAME.parquet'), type `wb data pin data/NAME.parquet`, and use "
        "the file's path.",
    )


def stamp(root: Path, name: str) -> tuple[int, int]:
    """What changes with the file's content, for what is kept in memory; constant for a frame."""
    try:
        status = None if name.startswith(FRAME) else (root / name).stat()
    except OSError:
        return (0, 0)
    return (0, 0) if status is None else (status.st_mtime_ns, status.st_size)


def row_keys(frame: pd.DataFrame) -> tuple[str, ...]:
    """16 hexadecimal digits a row that depend on the names and values in it, not on the order of rows and columns.

    Equal rows have equal keys; but where more than half of the rows repeat others, equal rows are different things
    with the same description, and each after the first gets a key of its own: so that rows more change no other key.
    """
    import pandas as pd

    total = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        total += _mixed(_cells(frame[name]) ^ _word(str(name)))
    hashes = pd.Series(_mixed(total))
    if hashes.nunique() * 2 < len(hashes):
        again = hashes.groupby(hashes).cumcount().to_numpy().astype(np.uint64)
        hashes = hashes.where(again == 0, _mixed(hashes.to_numpy() + again))
    return tuple(f"{each:016x}" for each in hashes.tolist())


def parse_table(file: IO[bytes], where: str) -> pd.DataFrame:
    """The table in an open binary file that can be rewound; see :func:`read_table`.

    Raises:
        DataError: it is empty, or no table.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        start = file.read(4)
        file.seek(0)
        if start == b"PAR1":
            frame = pd.read_parquet(file)
        elif start[:2] == b"\x1f\x8b":
            with gzip.open(file, "rb") as text:
                frame = _csv(cast(IO[bytes], text), where)
        else:
            frame = _csv(file, where)
    except (OSError, EOFError, ValueError, pa.ArrowException) as error:  # pandas' parser errors are ValueErrors
        raise no_table(error, where) from None
    if not len(frame):
        raise DataError("the table has no rows", where=where)
    return frame.reset_index(drop=True).rename(columns=str)


@functools.lru_cache(maxsize=4)
def _read(path: Path, where: str, changed: int, size: int) -> pd.DataFrame:
    try:
        with path.open("rb") as file:
            return parse_table(file, where)
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror})", where=where) from None


def _csv(file: IO[bytes], where: str) -> pd.DataFrame:
    try:
        return _separated(file)
    except UnicodeDecodeError:
        file.seek(0)
        decoded(file.read(), where)  # says where, of the whole file: pandas counts from the start of a piece
        raise


def _separated(file: IO[bytes]) -> pd.DataFrame:
    import pandas as pd

    first = file.readline().decode("utf-8-sig")
    file.seek(0)
    if not first.strip():
        raise ValueError("the first line is empty")
    between = max(",;\t|", key=first.count)
    bare = all(_is_number(cell) for cell in first.strip("\r\n").split(between))
    frame = pd.read_csv(
        file,
        sep=between,
        header=None if bare else 0,
        encoding="utf-8-sig",
        na_values=[each for each in MISSING if each not in WORDS],
        keep_default_na=False,
        skipinitialspace=True,
        low_memory=False,
    )
    frame = frame.set_axis([str(n + 1) for n in range(frame.shape[1])], axis=1) if bare else frame
    texts = [name for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    return frame.assign(**{name: _without_words(frame[name]) for name in texts})


def _without_words(column: pd.Series) -> pd.Series:
    """The column with :data:`WORDS` missing where all that is left are numbers or dates."""
    import pandas as pd

    words = column.isin(WORDS)
    if not words.any():
        return column
    others = column.where(~words)
    numbers = pd.to_numeric(others, errors="coerce")
    if numbers.notna().equals(others.notna()):
        return numbers
    return column if dates(others) is None else others


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cells(column: pd.Series) -> npt.NDArray[np.uint64]:
    """One number a value: equal for 1, 1.0 and True, so that a value that is missing elsewhere changes nothing."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan) + 0.0  # -0.0 + 0.0 is 0.0
        return np.where(np.isnan(values), _word(""), values.view(np.uint64))
    try:
        codes, there = pd.factorize(column)
    except TypeError:  # lists and the like: their text says what is in them
        codes, there = pd.factorize(column.map(_told))
    words = np.array([_word(f"={each}") for each in there] + [_word("")], dtype=np.uint64)
    found: npt.NDArray[np.uint64] = words[codes]  # the code of a missing value is -1
    return found


def _told(cell: Any) -> Any:
    """A cell of lists or dictionaries as a text, the same for a list and an array."""
    cell = cell.tolist() if isinstance(cell, np.ndarray) else cell
    return str(cell) if isinstance(cell, list | dict | set) else cell


def _word(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big"))


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele et al. 2014)."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))
