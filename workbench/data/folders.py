"""Photos from a folder or a zip archive with one folder a class."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Literal

import torch

from workbench.data.containers import folders_of, refuse_other_classes
from workbench.data.items import Datasets, Items, check_count
from workbench.data.photos import Photos, read_photos, shorter_sides
from workbench.data.picture_size import photo_size
from workbench.data.pictures import ImageData, PictureEncoder
from workbench.data.signature import Signature
from workbench.data.split import Split, divide, part_names, refuse_columns, says_parts
from workbench.data.splits import check_classes, hold_out, stratified, taken
from workbench.data.targets.single_label import SingleLabel
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds, numpy_generator


class ImageFolder(ImageData):
    """Photos of one class a folder: ``train/<class>/`` and ``test/<class>/``, or ``<class>/`` alone.

    Beside train there may be valid (validation, val, dev), test or both; without test, valid is the test.

    ``path``: the folder or .zip file, relative to the project's root; a single folder around all others is passed over.
    ``size``: side in pixels of what the network gets; "auto" takes it from the pictures, see
    :func:`workbench.data.picture_size.natural_size`. ``margin``: photos are kept so many times larger, so
    that a random crop has somewhere to go; evaluation takes the middle (1 keeps none).
    ``train``: how many training items, drawn with the classes' proportions from the stream (seeds.subset,
    "subset"). ``split``: which photos are the test; "auto" follows the train and test folders where there are some,
    else it takes a fraction of every class by content hash. "random" and "stratified" divide all photos anew.
    ``test``: that fraction, short for ``Split(test=...)``.
    The shorter side is scaled to ``size * margin`` (bilinear, with antialiasing) and the middle square kept.
    What was decoded is kept in memory, and under .wb/cache for the next process.

    Raises:
        FieldError: sizes, counts or fractions that cannot be, a split by a column, or a target that a folder's name
            does not tell.
    """

    path: str = field(kw_only=False)
    size: int | Literal["auto"] | None = "auto"
    margin: float = 1.15
    train: int | None = None
    split: Split = Split()
    test: float = Split.test

    def check(self) -> None:
        """Refuse sizes and fractions that cannot be, and targets that a folder's name does not tell."""
        super().check()
        if self.size is None:
            raise FieldError("ImageFolder.size is None, but photos have many sizes", hint="Use e.g. 224, or 'auto'.")
        if not (self.target == "auto" or isinstance(self.target, SingleLabel)):
            raise FieldError(
                f"ImageFolder.target is {self.target!r}, but a folder's name tells one class",
                hint="Use ImageTable, whose columns tell labels and numbers.",
            )
        check_count(self, "train", 1)
        if not 1 <= self.margin <= 4:
            raise FieldError(f"ImageFolder.margin is {self.margin!r}; it takes a factor from 1 to 4")
        if not 0 < self.test < 1:
            raise FieldError(f"ImageFolder.test is {self.test!r}; it takes a fraction between 0 and 1")
        refuse_columns("ImageFolder", self.split)
        if Split.test not in (self.test, self.split.test) and self.test != self.split.test:
            raise FieldError(
                f"ImageFolder.test is {self.test!r}, but split says {self.split!r}", hint="Leave one of them out."
            )

    @property
    def divided(self) -> Split:
        """How the photos are divided, with ``test`` taken in."""
        return self.split if self.test == Split.test else self.split.but(test=self.test)

    def files(self) -> tuple[str, ...]:
        """The folder or archive."""
        return (self.path,)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`. Always in colour."""
        size, why = photo_size(self.size, lambda: shorter_sides(root / self.path, self.path))
        photos = read_photos(root / self.path, self.path, side=round(size * self.margin), root=root)
        classes, items, parts = self._classed(photos)
        held = choosing and self.split.by in ("auto", "given") and {"validation", "test"} <= part_names(parts or ())
        division = divide(
            items.keys,
            self.divided,
            targets=items.targets,
            classes=classes,
            column=parts,
            choosing=held,
            apart=True,
        )
        if division.by == "given":
            refuse_other_classes(folders_of(photos.names), self.path)
        train, test = items.subset(division.train), items.subset(division.test)
        check_classes(train, test, classes, self.path)
        said = f"{division.rule}; {division.why}"
        if self.train is not None:
            draw = numpy_generator(seeds.subset, "subset")
            train = train.subset(stratified(train.targets, self.train, draw))
            said += taken(train, test)
        validation = None if division.validation is None else items.subset(division.validation)
        if choosing and not held:
            by_class = division.by != "random"
            train, validation = hold_out(train, self.validation, "validation", by_class=by_class, classes=classes)
        target = SingleLabel() if self.target == "auto" else self.target
        signature = Signature("image", target.width(len(classes)), channels=3, size=size)
        encoder = PictureEncoder(int(train.inputs.shape[-1]), 3)
        rows = (*why, ("data.split", division.by, said))
        return Datasets(train, validation, test, classes, target, signature, encoder, rows)

    def _classed(self, photos: Photos) -> tuple[tuple[str, ...], Items, list[str] | None]:
        """Class names in alphabetical order, all items, and the parts that the folders say, if they say some."""
        folders = folders_of(photos.names)
        given = says_parts({parts[0] for parts in folders if parts})
        depth = 2 if given else 1
        if any(len(parts) != depth for parts in folders):
            raise DataError(
                "pictures lie neither in train/<class>/ and test/<class>/ (or valid/<class>/) nor in <class>/",
                where=self.path,
                hint="Move them so that each one's folder is its class.",
            )
        classes = tuple(sorted({parts[-1] for parts in folders}))
        numbers = {name: number for number, name in enumerate(classes)}
        targets = torch.tensor([numbers[parts[-1]] for parts in folders])
        items = Items(photos.images, targets, photos.keys)
        return classes, items, [parts[0] for parts in folders] if given else None
