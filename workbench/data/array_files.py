"""Pictures as arrays: in an .npz file, or held in memory for a notebook."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.reading import again, missing
from workbench.errors import DataError, nearest

Array = npt.NDArray[Any]

HELD = "arrays:"
"""What the name of arrays in memory begins with."""

_TRAIN, _TEST = ("train_images", "train_labels"), ("test_images", "test_labels")
_FORM = "It takes train_images, uint8 (n, h, w) or (n, h, w, 3), and train_labels (n,); numpy.savez writes them."

_held: dict[str, Stored] = {}


@dataclass(frozen=True, eq=False)
class Side:
    """The training or the test pictures.

    Attributes:
        images: uint8 of shape (n, c, h, w).
        labels: as stored, n of them.
        keys: a content hash of 16 hexadecimal digits each.
    """

    images: torch.Tensor
    labels: Array
    keys: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stored:
    """A file's whole content.

    Attributes:
        train: the training pictures, or all of them where there is no test part.
        test: the test pictures; None where they are to be taken out of the others.
        names: of the classes, labels or values; None where there are none.
    """

    train: Side
    test: Side | None
    names: tuple[str, ...] | None

    @property
    def sides(self) -> tuple[Side, ...]:
        """What there is of training and test."""
        return (self.train,) if self.test is None else (self.train, self.test)

    @classmethod
    def of(cls, arrays: Mapping[str, Array], where: str) -> Stored:
        """What the arrays say.

        Raises:
            DataError: they are not pictures with as many labels, or differ in shape.
        """
        train = _side(arrays, "train", where)
        test = _side(arrays, "test", where) if "test_images" in arrays else None
        if test is not None and train.images.shape[1:] != test.images.shape[1:]:
            raise DataError("training and test pictures differ in shape", where=where, hint=_FORM)
        names = tuple(str(name) for name in arrays["classes"]) if "classes" in arrays else None
        return cls(train, test, names)


def read_arrays(path: Path, name: str) -> Stored:
    """What is in the file ``path``, which errors call ``name``, or what is held under that name.

    Raises:
        DataError: missing, truncated, or not pictures with labels.
    """
    if name.startswith(HELD):
        if name not in _held:
            raise DataError(
                "the arrays were held by another process",
                where=name,
                hint="Make the part again with ImageArrays.of(images, labels), or write them to an .npz file.",
            )
        return _held[name]
    try:
        status = path.stat()
    except FileNotFoundError:
        raise missing(path, name) from None
    return _read(path, name, status.st_mtime_ns, status.st_size)


def hold(stored: Stored) -> str:
    """Keeps arrays for the process and gives their name, which equal content has again."""
    total = hashlib.sha256(repr(stored.names).encode())
    for side in stored.sides:
        labels = np.ascontiguousarray(side.labels)
        total.update("\n".join([str(tuple(side.images.shape)), *side.keys, str(labels.dtype)]).encode())
        total.update(labels.tobytes())
    name = HELD + total.hexdigest()[:16]
    _held.setdefault(name, stored)
    return name


def planes(images: Array, what: str, where: str) -> torch.Tensor:
    """uint8 pictures (n, h, w), (n, h, w, 1) or (n, h, w, 3) as a tensor (n, c, h, w).

    Raises:
        DataError: they are none, or no squares of 8 pixels at least.
    """
    grey = images.ndim == 3
    if images.dtype != np.uint8 or not (grey or (images.ndim == 4 and images.shape[-1] in (1, 3))):
        shown = f"{images.dtype} of shape {images.shape}"
        raise DataError(f"{what} is {shown}; uint8 of shape (n, h, w) or (n, h, w, 3) is needed", where=where)
    if images.shape[1] != images.shape[2] or images.shape[1] < 8:
        raise DataError(
            f"{what} are {images.shape[1]} x {images.shape[2]}; squares from 8 on are needed",
            where=where,
        )
    return torch.from_numpy(images[:, None] if grey else np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def content_keys(images: Array) -> tuple[str, ...]:
    """The first 16 hexadecimal digits of each picture's SHA-256."""
    return tuple(hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in images)


@functools.lru_cache(maxsize=4)
def _read(path: Path, where: str, changed: int, size: int) -> Stored:
    """The file's content, kept for the process: an experiment loads the same file for every run."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            members = (*_TRAIN, *_TEST) if any(name in archive for name in _TEST) else _TRAIN
            absent = [name for name in members if name not in archive]
            if absent:
                found = nearest("", archive.keys())
                raise DataError(f"the array '{absent[0]}' is missing{found}", where=where, hint=_FORM)
            arrays = {name: archive[name] for name in (*members, "classes") if name in archive}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, TypeError) as error:
        hint = again(path, where, _FORM)
        raise DataError(f"the file is truncated or not an .npz file ({error})", where=where, hint=hint) from None
    return Stored.of(arrays, where)


def _side(arrays: Mapping[str, Array], split: str, where: str) -> Side:
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    if not 1 <= labels.ndim <= 2 or len(labels) != len(images):
        raise DataError(f"{len(images)} {split}_images have {len(labels)} {split}_labels", where=where, hint=_FORM)
    return Side(planes(images, f"{split}_images", where), labels, content_keys(images))
