"""Archives whose bytes depend on their contents alone: not on the clock, the system, zlib, or numpy's version.

A pin is the md5 of a whole file, so two machines that fetch the same images from different places must also
write the same bytes: entries are stored uncompressed, with one date, one system and one order.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_ALIGN = 64


def write_zip(path: Path, entries: Iterable[tuple[str, bytes]]) -> None:
    """Write ``(name, contents)`` entries, sorted by name and uncompressed, in place of ``path`` in one step.

    Raises:
        ValueError: for a name that is not plain ASCII or stands twice.
    """
    chosen = dict[str, bytes]()
    for name, contents in entries:
        if name in chosen or not name.isascii():
            raise ValueError(f"archive entry {name!r} stands twice or is not plain ASCII")
        chosen[name] = contents
    _write(path, ((name, chosen[name]) for name in sorted(chosen)))


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays in the mapping's order as an uncompressed ``.npz``, in place of ``path`` in one step.

    ``numpy.load`` reads it with ``allow_pickle=False``.
    """
    _write(path, ((f"{name}.npy", npy_bytes(array)) for name, array in arrays.items()))


def npy_bytes(array: npt.NDArray[Any]) -> bytes:
    """The array in npy format 1.0, little-endian and in C order.

    The header is spelled out here because numpy has changed its padding between versions.

    Raises:
        ValueError: for an array of Python objects.
    """
    if array.dtype.hasobject:
        raise ValueError("an array of Python objects cannot be written as plain npy")
    plain = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    shape = "(" + ", ".join(str(n) for n in plain.shape) + (",)" if plain.ndim == 1 else ")")
    header = f"{{'descr': '{plain.dtype.str}', 'fortran_order': False, 'shape': {shape}, }}"
    padding = -(10 + len(header) + 1) % _ALIGN
    text = (header + " " * padding + "\n").encode("latin1")
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + plain.tobytes()


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes ``path``'s place only when the block ends well; nothing is left otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write(path: Path, entries: Iterator[tuple[str, bytes]]) -> None:
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _fill(archive.writestr, entries)


def _fill(write: Callable[[zipfile.ZipInfo, bytes], None], entries: Iterator[tuple[str, bytes]]) -> None:
    for name, contents in entries:
        entry = zipfile.ZipInfo(name, _FIRST_DATE)
        entry.create_system = _UNIX
        entry.external_attr = 0o644 << 16
        write(entry, contents)
