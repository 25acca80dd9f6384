"""Data sets of pictures whose answers and division are known: the end of loading, the same for every source."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from workbench.data.items import Datasets, Items
from workbench.data.pictures import PictureEncoder
from workbench.data.signature import Signature
from workbench.data.split import Division
from workbench.data.splits import check_classes, stratified
from workbench.data.targets.base import Row
from workbench.data.targets.inference import Answers


class Pictures(Protocol):
    """What a source has read."""

    @property
    def images(self) -> torch.Tensor:
        """uint8 of shape (n, channels, side, side)."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """A content hash a picture."""
        ...


def picture_sets(
    found: Pictures,
    answers: Answers,
    division: Division,
    *,
    size: int,
    drawn: tuple[int, np.random.Generator] | None,
    where: str,
) -> tuple[Datasets, Row]:
    """The data sets, without ``why``, and the row that says what is predicted.

    Args:
        size: side in pixels of what the network gets.
        drawn: how many training items to draw, and from which stream; None takes all.
        where: what an error calls the source.

    Raises:
        DataError: a class is missing on one side. FieldError: more is drawn than there is.
    """
    items = Items(found.images, answers.y, found.keys)
    train, test = items.subset(division.train), items.subset(division.test)
    check_classes(train, test, answers.classes, where)
    if drawn is not None:
        train = train.subset(stratified(train.targets, *drawn))
    target = answers.target.fitted(train.targets)
    channels, side = int(found.images.shape[1]), int(found.images.shape[-1])
    sets = Datasets(
        train,
        None if division.validation is None else items.subset(division.validation),
        test,
        answers.classes,
        target,
        Signature("image", target.width(len(answers.classes)), channels=channels, size=size),
        PictureEncoder(side, channels),
    )
    return sets, ("data.target", type(target).__name__, answers.why)
