"""Pictures from one .npz file of arrays (MNIST, Fashion-MNIST, CIFAR-10), or from arrays in memory."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch

from workbench.data.apart import left_out
from workbench.data.array_files import HELD, Array, Side, Stored, content_keys, hold, planes, read_arrays
from workbench.data.items import Datasets, Items, check_count
from workbench.data.pictures import ImageData, PictureEncoder, shaped
from workbench.data.signature import Signature
from workbench.data.split import Split, divide, refuse_columns
from workbench.data.splits import check_classes, first_by_key, hold_out, pooled, stratified, taken
from workbench.data.targets.base import Row, Target
from workbench.data.targets.inference import read_answers
from workbench.data.targets.single_label import SingleLabel
from workbench.errors import DataError, FieldError, nearest
from workbench.streams import Seeds, numpy_generator


class ImageArrays(ImageData):
    """Pictures from an .npz file with train_images, train_labels, test_images, test_labels and classes.

    Without test_images and test_labels the test is taken out of the others.

    ``path``: the file, relative to the project's root. Images are uint8 of shape (n, h, w) or (n, h, w, 3). Labels
    are whole numbers that ``classes`` names; of shape (n, k), 0 and 1 for k labels; or decimal numbers, (n,) or
    (n, v), to be predicted (``classes`` may name labels and values, else they are numbered).
    ``split``: which pictures are the test; "auto" follows the file where it has a test part, else it takes a fraction
    by content hash, of every class where a picture has one. "random" and "stratified" divide all pictures anew.
    ``pool``: the share of the training items, in the order of their content hash, that there is to draw from:
    two disjoint pools share no picture. ``train``: how many training items, drawn with the classes'
    proportions from the stream (seeds.subset, "subset"); None takes all.
    ``test``: the first so many test items in the order of their content hash; None
    takes all. ``classes``: keep only these, numbered in this order. ``size``: side in pixels to which
    pictures are scaled; None and "auto" keep the stored one. ``channels``: 3 repeats grey pictures, 1 turns colour
    ones to grey (ITU-R BT.601 luma); None keeps what is stored.

    Raises:
        FieldError: counts, sizes, pools or lists of classes that cannot be, or a split by a column.
    """

    path: str = field(kw_only=False)
    split: Split = Split()
    pool: tuple[float, float] = (0.0, 1.0)
    train: int | None = None
    test: int | None = None
    classes: tuple[str, ...] | None = None
    channels: Literal[1, 3] | None = None

    @classmethod
    def of(cls, images: Any, labels: Any, *, test_images: Any = None, test_labels: Any = None, **fields: Any) -> Self:
        """The same for arrays in memory, for notebooks; they are copied and known by their content.

        An experiment refuses them, as nothing pins them: write them to a file under data/ for that.

        Args:
            images: uint8 of shape (n, h, w) or (n, h, w, 3), an array or tensor.
            labels: n names, whole or decimal numbers, lists of labels, or an array of shape (n, columns); see
                :mod:`workbench.data.targets.inference`.
            test_images, test_labels: the same for the test; where there are none, it is taken out of the others.
            fields: of the part, e.g. ``target``, ``split`` or ``augment``.

        Raises:
            DataError: these are no pictures, or not as many labels.
            FieldError: the labels are no such target.
        """
        return cls(hold(_stored(images, labels, test_images, test_labels, fields.get("target", "auto"))), **fields)

    def check(self) -> None:
        """Refuse counts, sizes and class lists that cannot be."""
        super().check()
        check_count(self, "train", 1)
        check_count(self, "test", 1)
        refuse_columns("ImageArrays", self.split)
        if not 0 <= self.pool[0] < self.pool[1] <= 1:
            raise FieldError(f"ImageArrays.pool is {self.pool!r}; it takes two rising fractions, e.g. (0.0, 0.5)")
        if self.classes is not None and (len(self.classes) < 2 or len(set(self.classes)) < len(self.classes)):
            raise FieldError(f"ImageArrays.classes is {self.classes!r}; it takes two or more different names")

    def files(self) -> tuple[str, ...]:
        """The one file.

        Raises:
            FieldError: the arrays are in memory.
        """
        if self.path.startswith(HELD):
            raise FieldError(
                "the pictures are arrays in memory, which nothing pins",
                where=self.path,
                hint="Write them with numpy.savez('data/NAME.npz', train_images=..., train_labels=..., "
                "test_images=..., test_labels=..., classes=...), pin that, and use ImageArrays('data/NAME.npz').",
            )
        return (self.path,)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        target, names, sides, why = self._answers(read_arrays(root / self.path, self.path))
        if self.classes is not None:
            sides = [self._keep(items, names, target) for items in sides]
        classes = self.classes or names
        train, test, how = self._divided(sides, classes)
        check_classes(train, test, classes, self.path)
        train = pooled(train, self.pool)
        if self.train is not None:
            draw = numpy_generator(seeds.subset, "subset")
            train = train.subset(stratified(train.targets, self.train, draw))
        test = first_by_key(test, self.test)
        if (self.pool, self.train, self.test) != ((0, 1), None, None):
            how = (*how[:2], how[2] + taken(train, test))
        validation = None
        if choosing:
            by_class = how[1] != "random"
            train, validation = hold_out(train, self.validation, "validation", by_class=by_class, classes=classes)
        train, test = self._shape(train), self._shape(test)
        validation = None if validation is None else self._shape(validation)
        target = target.fitted(train.targets)
        channels, side = int(train.inputs.shape[1]), int(train.inputs.shape[-1])
        signature = Signature("image", target.width(len(classes)), channels=channels, size=side)
        size = () if isinstance(self.size, int) else (("data.size", side, "as stored"),)
        encoder = PictureEncoder(side, channels, arrays=True)
        return Datasets(train, validation, test, classes, target, signature, encoder, (*why, *size, how))

    def _answers(self, stored: Stored) -> tuple[Target, tuple[str, ...], list[Items], tuple[Row, ...]]:
        """The target, the names of its outputs, the items of each side, and what the target was told from."""
        sides, names = stored.sides, stored.names
        if stored.train.labels.ndim == 1 and stored.train.labels.dtype.kind in "iu" and self._single():
            if names is None:
                raise DataError(
                    "the array 'classes' is missing, so the labels have no names",
                    where=self.path,
                    hint="Add it, or set target=Regression() for quantities.",
                )
            items = [_items(side, _numbered(side.labels, names, self.path)) for side in sides]
            return self.target if isinstance(self.target, SingleLabel) else SingleLabel(), names, items, ()
        labels = np.concatenate([side.labels for side in sides])
        found = read_answers(labels, self.target, where=self.path)
        counts = [len(side.labels) for side in sides]
        items = [_items(side, y) for side, y in zip(sides, found.y.split(counts), strict=True)]
        given = names is not None and found.y.ndim == 2 and len(names) == found.y.shape[1]
        row = ("data.target", type(found.target).__name__, found.why)
        return found.target, names if given and names else found.classes, items, (row,)

    def _divided(self, sides: list[Items], classes: tuple[str, ...]) -> tuple[Items, Items, Row]:
        """The training and the test items, and the row that says by which rule."""
        if len(sides) == 2 and self.split.by in ("auto", "given"):
            train, test = sides  # as they are stored: nothing is copied
            rule = f"test: given by test_images ({len(test):,} of {len(train) + len(test):,})"
            inside = set(test.keys)
            own = [position for position, key in enumerate(train.keys) if key not in inside]
            if twice := len(train) - len(own):
                train, rule = train.subset(torch.tensor(own, dtype=torch.int64)), rule + left_out(twice)
            why = "as asked for" if self.split.by == "given" else "there are some"
            return train, test, ("data.split", "given", f"{rule}; {why}")
        whole = Items(
            torch.cat([each.inputs for each in sides]),
            torch.cat([each.targets for each in sides]),
            tuple(key for each in sides for key in each.keys),
        )
        division = divide(whole.keys, self.split, targets=whole.targets, classes=classes)
        row = ("data.split", division.by, f"{division.rule}; {division.why}")
        return whole.subset(division.train), whole.subset(division.test), row

    def _single(self) -> bool:
        return self.target == "auto" or isinstance(self.target, SingleLabel)

    def _keep(self, items: Items, names: tuple[str, ...], target: Target) -> Items:
        """The items of the chosen classes, renumbered."""
        assert self.classes is not None
        if not isinstance(target, SingleLabel):
            raise FieldError(
                f"ImageArrays.classes chooses among classes, and the target is {type(target).__name__}",
                where=self.path,
                hint="Leave classes out.",
            )
        new = torch.full((len(names),), -1)
        for number, name in enumerate(self.classes):
            if name not in names:
                raise FieldError(f"'{name}' is not a class of {self.path}{nearest(name, names)}")
            new[names.index(name)] = number
        kept = items.subset((new[items.targets] >= 0).nonzero().flatten())
        return Items(kept.inputs, new[kept.targets], kept.keys)

    def _shape(self, items: Items) -> Items:
        """The items with the channels and the size that the fields ask for."""
        side = self.size if isinstance(self.size, int) else int(items.inputs.shape[-1])
        channels = self.channels or int(items.inputs.shape[1])
        return Items(shaped(items.inputs, side, channels), items.targets, items.keys)


def _items(side: Side, targets: torch.Tensor) -> Items:
    return Items(side.images, targets, side.keys)


def _numbered(labels: Array, names: tuple[str, ...], where: str) -> torch.Tensor:
    """Labels that are positions in ``names``, int64."""
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(names):
        raise DataError(f"labels reach {int(labels.max())}, but there are {len(names)} classes", where=where)
    return torch.from_numpy(labels.astype(np.int64))


def _stored(images: Any, labels: Any, test_images: Any, test_labels: Any, target: Target | Literal["auto"]) -> Stored:
    """Arrays in memory as a file would hold them; see :meth:`ImageArrays.of`."""
    if (test_images is None) != (test_labels is None):
        raise DataError("test_images and test_labels belong together", hint="Give both, or neither.")
    parts = [_array(each) for each in (images, test_images) if each is not None]
    counts = [len(each) for each in (labels, test_labels) if each is not None]
    for part, count in zip(parts, counts, strict=True):
        if len(part) != count:
            raise DataError(f"{len(part)} pictures have {count} labels")
    found = read_answers(labels if test_labels is None else _joined(labels, test_labels), target)
    sides = [
        Side(planes(part, "images", "ImageArrays.of").clone(), y.clone().numpy(), content_keys(part))
        for part, y in zip(parts, found.y.split(counts), strict=True)
    ]
    if len({side.images.shape[1:] for side in sides}) > 1:
        raise DataError("images and test_images differ in shape", where="ImageArrays.of")
    return Stored(sides[0], sides[1] if len(sides) == 2 else None, found.classes)


def _array(images: Any) -> Array:
    return np.asarray(images.cpu() if isinstance(images, torch.Tensor) else images)


def _joined(first: Any, second: Any) -> Any:
    if hasattr(first, "columns") or hasattr(first, "to_numpy"):
        import pandas as pd

        return pd.concat([first, second], ignore_index=True)
    if isinstance(first, np.ndarray | torch.Tensor):
        return np.concatenate([_array(first), _array(second)])
    return [*first, *second]
