"""What is said of a file that is not there or cannot be read, and what to do about it."""

from __future__ import annotations

import difflib
import re
from pathlib import Path, PurePosixPath

from workbench.errors import DataError

_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""What UTF-16 begins with."""


_PINS = "data.dvc"
"""What ``wb data pin`` writes at a project's root."""


def missing(path: Path, where: str) -> DataError:
    """The error for a file or folder that is not at ``path``: how it comes, or the nearest that is there or pinned.

    Args:
        where: its path as it was written, below the root or absolute.
    """
    pins = _pinned(path, where)
    if where in pins:
        return DataError("the file is missing", where=where, hint=f"Type `wb data pull {where}` to fetch it.")
    beside = [str(PurePosixPath(where).parent / each.name) for each in _beside(path)]
    near = difflib.get_close_matches(where, [*beside, *pins], n=1, cutoff=0.8)
    if near:
        fetch = "" if near[0] in beside else f"To fetch that, type `wb data pull {near[0]}`."
        return DataError(f"there is no such file or folder; did you mean '{near[0]}'?", where=where, hint=fetch)
    below = "" if Path(where).is_absolute() else f"It was looked for at {path.absolute()}: paths begin at the root."
    return DataError("there is no such file or folder", where=where, hint=below)


def again(path: Path, where: str, otherwise: str) -> str:
    """The hint for a damaged file: how a pinned one comes back, else ``otherwise``."""
    pinned = where in _pinned(path, where)
    return f"Type `wb data restore {where}` to get the pinned file back." if pinned else otherwise


def _pinned(path: Path, where: str) -> list[str]:
    """What the project pins, if ``where`` is in one; read as text, as a library without a record does."""
    parts = PurePosixPath(where).parts
    if Path(where).is_absolute() or len(path.parts) < len(parts) or path.parts[-len(parts) :] != parts:
        return []
    try:
        text = path.parents[len(parts) - 1].joinpath(_PINS).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return re.findall(r"^[- ] path: (.+?)\s*$", text, re.MULTILINE)


def _beside(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.iterdir())
    except OSError:
        return []


def decoded(content: bytes, where: str) -> str:
    """The text in UTF-8, without the mark that may stand before it.

    Raises:
        DataError: it is in another encoding; with the place, and how to save it anew.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        other = "UTF-16" if content.startswith(_MARKS) else "latin1"
        raise DataError(
            f"byte {error.start:,} is not UTF-8, in line {line:,}",
            where=where,
            hint=f"Save it as UTF-8; from {other} by: iconv -f {other} -t UTF-8 {where} > NEW",
        ) from None


def no_table(error: Exception, where: str) -> DataError:
    """The error for what pandas or pyarrow say of a file that they cannot read as a table, in a line's terms."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said)
    if ragged:
        wanted, line, found = ragged.groups()
        return DataError(
            f"line {line} has {found} values, and the lines before it have {wanted}",
            where=where,
            hint="Put double quotes around a value that holds the separator.",
        )
    if "EOF inside string" in said:
        said = f"a double quote opens in line {int(said.rsplit(maxsplit=1)[-1]) + 1} and is never closed"
        return DataError(said, where=where, hint="Close it, or write it twice where it is part of a value.")
    return DataError(
        f"the file is no table that can be read ({said})", where=where, hint="It takes CSV, TSV or Parquet."
    )
