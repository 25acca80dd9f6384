"""Whole files, written so that a reader or a killed writer never sees half of one."""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import RecordError

_UNUSUAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def write_bytes(path: Path, content: bytes, *, sync: bool = False) -> None:
    """Replace ``path`` in one step; ``sync`` also waits until it is on the disk.

    Raises:
        RecordError: when the disk is full or the folder cannot be written.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            if sync:
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise refusal(path, error) from error


def write_json(path: Path, value: Any, *, sync: bool = False) -> None:
    """Replace ``path`` by ``value`` as indented JSON; NaN and infinities become strings."""
    write_bytes(path, (json.dumps(encode(value), indent=1, allow_nan=False) + "\n").encode(), sync=sync)


def read_json(path: Path) -> Any:
    """What :func:`write_json` wrote.

    Raises:
        RecordError: when the file is missing or is not JSON.
    """
    try:
        return decode(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise RecordError("there is no such record", where=str(path), hint="Type: wb list") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"unreadable record ({error})", where=str(path)) from error


def encode(value: Any) -> Any:
    """Plain JSON types: NaN as "NaN", infinities as "Infinity", "-Infinity"; tuples and arrays as lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): encode(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [encode(each) for each in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # numpy and torch, which this module must not import
        return encode(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be recorded; give plain numbers, text, lists or mappings")


def decode(value: Any) -> Any:
    """The inverse of :func:`encode` for numbers, lists and mappings."""
    if isinstance(value, str):
        return _UNUSUAL.get(value, value)
    if isinstance(value, list):
        return [decode(each) for each in value]
    if isinstance(value, dict):
        return {key: decode(each) for key, each in value.items()}
    return value


def refusal(path: Path, error: OSError) -> RecordError:
    """The :class:`RecordError` for a write that the system refused, with what to do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RecordError(
            "the disk is full",
            where=str(path),
            hint="Free some space (du -sh .wb/*), or set WB_HOME to another disk, and run again: it resumes",
        )
    return RecordError(f"cannot be written ({error.strerror or error})", where=str(path))
