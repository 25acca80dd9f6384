"""What is said of a file that cannot be read: in which encoding it is, where a line is of another shape."""

from __future__ import annotations

import re

from workbench.errors import DataError

_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""What UTF-16 begins with."""


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
