"""Pictures from one .npz file of arrays (MNIST, Fashion-MNIST, CIFAR-10)."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from dataclasses import field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from workbench.data.items import Datasets, Items, check_count
from workbench.data.pictures import ImageData, PictureEncoder, grey, resized
from workbench.data.signature import Signature
from workbench.data.splits import check_classes, first_by_key, hold_out, pooled, stratified
from workbench.data.targets.single_label import SingleLabel
from workbench.errors import DataError, FieldError, nearest
from workbench.streams import Seeds, numpy_generator

_MEMBERS = ("train_images", "train_labels", "test_images", "test_labels", "classes")
_RESTORE = "Type `wb data restore` to get the pinned file back."


class ImageArrays(ImageData):
    """Pictures from an .npz file with train_images, train_labels, test_images, test_labels and classes.

    ``path``: the file, relative to the project's root. Images are uint8 of shape (n, h, w) or (n, h, w, 3).
    ``pool``: the share of the training items, in the order of their content hash, that there is to draw from:
    two disjoint pools share no picture. ``train``: how many training items, drawn with the classes'
    proportions from the stream (seeds.subset, "subset"); None takes all.
    ``test``: the first so many test items in the order of their content hash; None
    takes all. ``classes``: keep only these, numbered in this order. ``size``: side in pixels to which
    pictures are scaled. ``channels``: 3 repeats grey pictures, 1 turns colour ones to grey (ITU-R BT.601
    luma); None keeps what is stored.
    """

    path: str = field(kw_only=False)
    pool: tuple[float, float] = (0.0, 1.0)
    train: int | None = None
    test: int | None = None
    classes: tuple[str, ...] | None = None
    channels: Literal[1, 3] | None = None

    def check(self) -> None:
        """Refuse counts, sizes and class lists that cannot be."""
        super().check()
        check_count(self, "train", 1)
        check_count(self, "test", 1)
        if not 0 <= self.pool[0] < self.pool[1] <= 1:
            raise FieldError(f"ImageArrays.pool is {self.pool!r}; it takes two rising fractions, e.g. (0.0, 0.5)")
        if self.classes is not None and (len(self.classes) < 2 or len(set(self.classes)) < len(self.classes)):
            raise FieldError(f"ImageArrays.classes is {self.classes!r}; it takes two or more different names")

    def files(self) -> tuple[str, ...]:
        """The one file."""
        return (self.path,)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        stored = _stored(root / self.path, self.path)
        classes = self.classes or stored.classes
        train, test = (self._keep(items, stored.classes) for items in (stored.train, stored.test))
        check_classes(train, test, classes, self.path)
        train = pooled(train, self.pool)
        if self.train is not None:
            draw = numpy_generator(seeds.subset, "subset")
            train = train.subset(stratified(train.targets, self.train, draw))
        test = first_by_key(test, self.test)
        validation = None
        if choosing:
            train, validation = hold_out(train, self.validation, "validation")
        train, test = self._shape(train), self._shape(test)
        validation = None if validation is None else self._shape(validation)
        target = SingleLabel() if self.target == "auto" else self.target
        channels, side = int(train.inputs.shape[1]), int(train.inputs.shape[-1])
        signature = Signature("image", target.width(len(classes)), channels=channels, size=side)
        encoder = PictureEncoder(side, channels)
        return Datasets(train, validation, test, classes, target, signature, encoder)

    def _keep(self, items: Items, names: tuple[str, ...]) -> Items:
        """The items of the chosen classes, renumbered."""
        if self.classes is None:
            return items
        new = torch.full((len(names),), -1)
        for number, name in enumerate(self.classes):
            if name not in names:
                raise FieldError(f"'{name}' is not a class of {self.path}{nearest(name, names)}")
            new[names.index(name)] = number
        kept = items.subset((new[items.targets] >= 0).nonzero().flatten())
        return Items(kept.inputs, new[kept.targets], kept.keys)

    def _shape(self, items: Items) -> Items:
        """The items with the channels and the size that the fields ask for."""
        inputs = items.inputs
        if self.channels == 3 and inputs.shape[1] == 1:
            inputs = inputs.expand(-1, 3, -1, -1).contiguous()
        if self.channels == 1 and inputs.shape[1] == 3:
            inputs = grey(inputs)
        if self.size is not None and self.size != inputs.shape[-1]:
            inputs = resized(inputs, self.size)
        return Items(inputs, items.targets, items.keys)


class _Stored:
    """A file's whole content."""

    def __init__(self, arrays: dict[str, np.ndarray], where: str) -> None:
        self.classes = tuple(str(name) for name in arrays["classes"])
        self.train = _items(arrays, "train", len(self.classes), where)
        self.test = _items(arrays, "test", len(self.classes), where)
        if self.train.inputs.shape[1:] != self.test.inputs.shape[1:]:
            raise DataError("training and test pictures differ in shape", where=where, hint=_RESTORE)


def _stored(path: Path, where: str) -> _Stored:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise DataError("the file is missing", where=where, hint="Type `wb data pull` to fetch it.") from None
    return _read(path, where, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=4)
def _read(path: Path, where: str, changed: int, size: int) -> _Stored:
    """The file's content, kept for the process: an experiment loads the same file for every run."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [name for name in _MEMBERS if name not in archive]
            if missing:
                raise DataError(f"the array '{missing[0]}' is missing", where=where, hint=_RESTORE)
            arrays = {name: archive[name] for name in _MEMBERS}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, TypeError) as error:
        raise DataError(f"the file is truncated or not an .npz file ({error})", where=where, hint=_RESTORE) from None
    return _Stored(arrays, where)


def _items(arrays: dict[str, np.ndarray], split: str, classes: int, where: str) -> Items:
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    grey = images.ndim == 3
    if images.dtype != np.uint8 or not (grey or (images.ndim == 4 and images.shape[-1] in (1, 3))):
        shown = f"{images.dtype} of shape {images.shape}"
        raise DataError(f"{split}_images is {shown}; uint8 of shape (n, h, w) or (n, h, w, 3) is needed", where=where)
    if labels.ndim != 1 or len(labels) != len(images):
        raise DataError(f"{len(images)} {split}_images have {len(labels)} {split}_labels", where=where, hint=_RESTORE)
    if images.shape[1] != images.shape[2] or images.shape[1] < 8:
        raise DataError(
            f"{split}_images are {images.shape[1]} x {images.shape[2]}; squares from 8 on are needed",
            where=where,
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise DataError(f"{split}_labels reach {int(labels.max())}, but there are {classes} classes", where=where)
    keys = tuple(hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in images)
    planes = images[:, None] if grey else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return Items(torch.from_numpy(planes), torch.from_numpy(labels.astype(np.int64)), keys)
