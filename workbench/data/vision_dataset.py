"""torchvision's data sets by name, from files that are here."""

from __future__ import annotations

from dataclasses import field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from workbench.data.items import Datasets, check_count
from workbench.data.picture_sets import picture_sets
from workbench.data.pictures import ImageData
from workbench.data.split import Split, divide, refuse_columns
from workbench.data.targets.inference import Answers, read_answers
from workbench.data.targets.single_label import SingleLabel
from workbench.data.torchvision_sets import Found, read_set
from workbench.errors import FieldError
from workbench.streams import Seeds, numpy_generator


class VisionDataset(ImageData):
    """Pictures that torchvision has a class for: ``VisionDataset("FashionMNIST")``, ``VisionDataset("Flowers102")``.

    ``name``: of the class in torchvision.datasets. ``root``: the folder with its files, laid out as torchvision does,
    relative to the project's root. ``download``: fetch them, when they are not there, from where torchvision says;
    else only local files are read. ``options``: further arguments of the class, e.g. ``("split=letters",)`` for EMNIST.
    ``split``: which items are the test; "auto" follows the parts that the class knows, one without parts is divided by
    content hash. "random" and "stratified" divide all items anew. ``target``: whole numbers are classes, tensors of 0
    and 1 are labels.
    ``size``, ``margin``: pictures that are all squares of one size stay as they are under "auto" and None; others are
    photos, see :class:`workbench.data.folders.ImageFolder`. ``train``: how many training items, drawn with the
    classes' proportions from the stream (seeds.subset, "subset").

    Raises:
        FieldError: counts that cannot be, a split by a column, or an option without a value.
    """

    name: str = field(kw_only=False)
    root: str = "data/torchvision"
    download: bool = False
    options: tuple[str, ...] = ()
    split: Split = Split()
    size: int | Literal["auto"] | None = "auto"
    margin: float = 1.15
    train: int | None = None

    def check(self) -> None:
        """Refuse counts that cannot be, and options without a value."""
        super().check()
        check_count(self, "train", 1)
        if not 1 <= self.margin <= 4:
            raise FieldError(f"VisionDataset.margin is {self.margin!r}; it takes a factor from 1 to 4")
        refuse_columns("VisionDataset", self.split)
        for option in self.options:
            if "=" not in option:
                raise FieldError(f"VisionDataset.options has '{option}'; it takes e.g. 'split=letters'")

    def files(self) -> tuple[str, ...]:
        """The folder."""
        return (self.root,)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        path = root / self.root
        found = read_set(self.name, path, self.options, size=self.size, margin=self.margin, download=self.download)
        answers = self._answers(found)
        division = divide(
            found.keys,
            self.split,
            targets=answers.y,
            classes=answers.classes,
            column=found.parts,
            validation=self.validation,
            choosing=choosing,
            apart=True,
        )
        draw = None if self.train is None else (self.train, numpy_generator(seeds.subset, "subset"))
        sets, target = picture_sets(found, answers, division, size=found.size, drawn=draw, where=self.name)
        why = "the parts of torchvision's class" if division.by == "given" else division.why
        return replace(sets, why=(target, *found.why, ("data.split", division.rule, why)))

    def _answers(self, found: Found) -> Answers:
        whole = found.targets.ndim == 1 and found.targets.dtype.kind in "iu"
        if not whole or not (self.target == "auto" or isinstance(self.target, SingleLabel)):
            answers = read_answers(found.targets, self.target, where=self.name)
            named = found.names is not None and answers.y.ndim == 2 and len(found.names) == answers.y.shape[1]
            classes = found.names if named and found.names else answers.classes
            return Answers(answers.target, answers.why, answers.y, classes)
        y = torch.from_numpy(found.targets.astype(np.int64))
        names = found.names or tuple(str(number) for number in range(int(y.max()) + 1))
        target = self.target if isinstance(self.target, SingleLabel) else SingleLabel()
        return Answers(target, "torchvision's whole numbers are classes", y, names)
