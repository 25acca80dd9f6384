"""The IDX files in which MNIST and Fashion-MNIST are published, and the canonical ``.npz`` made of four of them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.archive import write_npz
from workbench.data.sources.network import download
from workbench.data.sources.route import Report, Unavailable, Unreachable, require_files

FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
_UNSIGNED_BYTES = 8


def parse(contents: bytes) -> npt.NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file: [n, 28, 28] for images, [n] for labels.

    Raises:
        ValueError: when the header and the length disagree, or the values are not bytes.
    """
    zeros, kind, axes = contents[:2], contents[2], contents[3]
    if zeros != b"\0\0" or kind != _UNSIGNED_BYTES:
        raise ValueError("not an IDX file of unsigned bytes")
    start = 4 + 4 * axes
    shape = tuple(int.from_bytes(contents[place : place + 4], "big") for place in range(4, start, 4))
    values = np.frombuffer(contents, np.uint8, offset=start)
    if values.size != int(np.prod(shape)):
        raise ValueError(f"an IDX file of shape {shape} holds {values.size:,} bytes")
    return values.reshape(shape)


def write(
    target: Path, files: Mapping[str, bytes], pinned: Mapping[str, str], classes: Sequence[str], what: str
) -> None:
    """Write the canonical ``.npz`` from four IDX files, plain or gzipped.

    Args:
        target: where to.
        files: ``{file name, with or without .gz: contents}``; others may be among them.
        pinned: ``{file name without .gz: sha256 of the plain file}``.
        classes: the class names in the order of their labels.
        what: the route, for messages.

    Raises:
        Unavailable: when a file is missing, damaged or not the pinned one.
    """
    plain = {name.removesuffix(".gz"): _plain(name, contents) for name, contents in files.items() if "ubyte" in name}
    require_files(plain, pinned, what)
    arrays: dict[str, npt.NDArray[Any]] = {key: parse(plain[name]) for key, name in FILES.items()}
    write_npz(target, {**arrays, "classes": np.array(classes)})


def fetch(folder_addresses: Sequence[str], report: Report) -> dict[str, bytes]:
    """The four gzipped files from the first address that has them all.

    Raises:
        Unreachable: with the reason of each address, when none answers.
        Unavailable: when one answers with something else.
    """
    reasons: list[Unavailable] = []
    for address in folder_addresses:
        try:
            return {f"{name}.gz": download(f"{address}{name}.gz", report) for name in FILES.values()}
        except Unavailable as reason:
            reasons.append(reason)
    kind = Unreachable if all(isinstance(reason, Unreachable) for reason in reasons) else Unavailable
    raise kind("; ".join(str(reason) for reason in reasons))


def _plain(name: str, contents: bytes) -> bytes:
    if not name.endswith(".gz"):
        return contents
    try:
        return gzip.decompress(contents)
    except (EOFError, OSError, zlib.error) as error:
        raise Unavailable(f"{name} is damaged ({error})") from error
