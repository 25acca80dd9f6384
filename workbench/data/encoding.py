"""From what a user has (a path, a text, a row) to what is stored, and back to something that people read."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, Self

import numpy as np


class Encoder(abc.ABC):
    """Fitted on the training split alone; the same one for every split and for new items.

    Subclasses are found again by their name, see :func:`workbench.data.encoding.restored`.
    """

    _known: dict[str, type[Encoder]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        Encoder._known[cls.__name__] = cls

    @abc.abstractmethod
    def encode(self, items: Sequence[Any]) -> Any:
        """Stored inputs (see :mod:`workbench.data.values`) of items as a user has them.

        Raises:
            DataError: naming the item and what is wrong with it.
        """

    @abc.abstractmethod
    def show(self, inputs: Any, position: int) -> str | np.ndarray:
        """One stored item for people: a text, or a picture as uint8 of shape (h, w, 3)."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """Plain JSON values from which :meth:`restored` makes it again; they lie beside a run's weights."""

    @classmethod
    @abc.abstractmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """The encoder that :meth:`describe` described."""


def restored(name: str, values: dict[str, Any]) -> Encoder:
    """The encoder of class ``name`` that gave ``values``; its module has to be imported already."""
    return Encoder._known[name].restored(values)
