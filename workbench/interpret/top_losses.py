"""The items on which the network is most wrong, shown: mislabelled and odd ones come first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workbench.data.encoding import Encoder
from workbench.interpret import drawing
from workbench.interpret.answers import Answers
from workbench.interpret.view import Table, View
from workbench.interpret.words import in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4
_LINE = 32
"""Letters of 7 points above a picture 1.7 inches wide."""


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """One item: its place in the split, content hash, truth and answer in words, confidence, loss, and itself."""

    place: int
    key: str
    truth: str
    answer: str
    confidence: float | None
    loss: float
    shown: str | np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class TopLosses(View):
    """The items of the largest loss, largest first; ``name`` is the metric that they are ordered by."""

    title: ClassVar[str] = "Top losses"
    losses: tuple[Loss, ...]
    name: str
    split: str

    def table(self) -> Table:
        """A row an item; what is a picture is shown by the figure."""
        pictures = self._pictures()
        heads = ("item", "truth", "answer", "confidence", self.name, "key") + (() if pictures else ("shown",))
        rows = [
            (e.place, e.truth, e.answer, e.confidence, e.loss, e.key, *(() if pictures else (e.shown,)))
            for e in self.losses
        ]
        return Table(heads, rows)

    def notes(self) -> list[str]:
        """How to find an item again."""
        return [f"Item: its place in the {self.split} split; key: its content hash, the same in every split."]

    def figure(self) -> Figure | None:
        """A grid of the pictures; None for items that are no pictures."""
        if not self._pictures():
            return None
        rows = math.ceil(len(self.losses) / _COLUMNS)
        with drawing.canvas(7.2, 2.3 * rows) as made:
            grid = made.subplots(rows, _COLUMNS, squeeze=False).ravel()
            for axes in grid:
                axes.set_axis_off()
            for axes, each in zip(grid, self.losses, strict=False):
                axes.imshow(each.shown, interpolation="nearest")
                axes.set_title("\n".join(self._said(each)), fontsize=7)
        return made

    def _said(self, each: Loss) -> Iterator[str]:
        """Three lines that are as wide as a picture at most."""
        sure = "" if each.confidence is None else f" ({each.confidence:.0%})"
        yield drawing.literal(drawing.cut(each.answer, _LINE - len(sure)) + sure)
        yield drawing.literal(drawing.cut(f"is {each.truth}", _LINE))
        yield drawing.literal(f"{self.name} {each.loss:.3g}, item {each.place:,}")

    def _pictures(self) -> bool:
        return bool(self.losses) and not isinstance(self.losses[0].shown, str)


def top_losses(answers: Answers, encoder: Encoder, most: int = 12) -> TopLosses:
    """The ``most`` items of the largest loss; one whose loss is not a number comes first."""
    losses = np.where(np.isnan(answers.loss), np.inf, answers.loss)
    truth = answers.truth
    found = []
    for place in np.argsort(-losses, kind="stable")[:most].tolist():
        sure = float(answers.confidence[place])
        found.append(
            Loss(
                place=place,
                key=answers.items.keys[place],
                truth=in_words(truth[place], answers.target, answers.classes),
                answer=in_words(answers.prediction[place], answers.target, answers.classes),
                confidence=None if math.isnan(sure) else sure,
                loss=float(answers.loss[place]),
                shown=encoder.show(answers.items.inputs, place),
            )
        )
    return TopLosses(tuple(found), "loss" if "loss" in answers.scores else answers.measure, answers.split)
