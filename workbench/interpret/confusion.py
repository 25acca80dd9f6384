"""Which classes are taken for which, and which labels are missed or invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.single_label import SingleLabel
from workbench.interpret import drawing
from workbench.interpret.answers import Answers
from workbench.interpret.intervals import wilson
from workbench.interpret.view import DoesNotApply, Table, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 25


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(View):
    """Single labels. ``counts``: int64 (k, k), a row a true class, a column an answer."""

    title: ClassVar[str] = "Confusion"
    classes: tuple[str, ...]
    counts: np.ndarray
    split: str

    def pairs(self) -> list[tuple[str, str, int, int]]:
        """(truth, answer, how often, items of that class) of every kind of mistake, the commonest first."""
        wrong = [(int(self.counts[t, a]), t, a) for t, a in zip(*np.nonzero(self.counts), strict=True) if t != a]
        totals = self.counts.sum(1)
        return [
            (self.classes[t], self.classes[a], count, int(totals[t]))
            for count, t, a in sorted(wrong, key=lambda each: (-each[0], each[1], each[2]))
        ]

    def table(self) -> Table:
        """The most confused pairs, with Wilson's interval for the share of the class."""
        rows = []
        for truth, given, count, total in self.pairs():
            low, high = wilson(count, total)
            rows.append((truth, given, count, count / total, low, high))
        return Table(("truth", "answer", "times", "share of the class", "from", "to"), rows)

    def notes(self) -> list[str]:
        """The error of the whole, and what the interval is."""
        n, right = int(self.counts.sum()), int(np.trace(self.counts))
        return [
            f"{n - right:,} of {n:,} items of the {self.split} split are wrong ({(n - right) / n:.2%}). From, to: 95 % "
            "interval (Wilson) of that one share; with many pairs some of them miss."
        ]

    def figure(self) -> Figure:
        """Shares of each true class; of many classes, those with most mistakes."""
        off = self.counts - np.diag(np.diag(self.counts))
        order = np.argsort(-(off.sum(0) + off.sum(1)), kind="stable")
        chosen = np.sort(order[:_SHOWN])
        counts = self.counts[np.ix_(chosen, chosen)]
        shares = counts / np.maximum(self.counts.sum(1)[chosen], 1)[:, None]
        names = [self.classes[place] for place in chosen]
        side = max(4.0, 0.34 * len(names) + 2.2)
        with drawing.canvas(side + 0.8, side) as made:
            axes = made.subplots()
            image = axes.imshow(shares, cmap=drawing.SHADES, vmin=0, vmax=1)
            for row, column in np.ndindex(counts.shape):
                if counts[row, column]:
                    ink = "white" if shares[row, column] > 0.5 else "black"
                    size = 8 if len(names) <= 12 else 6
                    axes.text(
                        column, row, f"{counts[row, column]:,}", ha="center", va="center", color=ink, fontsize=size
                    )
            drawing.named_ticks(axes, names)
            drawing.named_ticks(axes, names, axis="y")
            axes.set_xlabel("answer")
            axes.set_ylabel("truth")
            of = f", {len(names)} of {len(self.classes)} classes" if len(names) < len(self.classes) else ""
            axes.set_title(f"Items of the {self.split} split{of}")
            made.colorbar(image, label="share of the true class", shrink=0.8)
        return made


@dataclass(frozen=True, eq=False, repr=False)
class Labels(View):
    """Multi labels. ``counts``: int64 (k, 4): rightly given, wrongly given, missed, rightly left out."""

    title: ClassVar[str] = "Labels"
    classes: tuple[str, ...]
    counts: np.ndarray
    split: str

    def table(self) -> Table:
        """A row a label, the worst F1 first; what cannot be computed is left empty."""
        rows = []
        for name, (right, invented, missed, _) in zip(self.classes, self.counts.tolist(), strict=True):
            precision = right / (right + invented) if right + invented else None
            recall = right / (right + missed) if right + missed else None
            low, high = wilson(right, right + missed)
            f1 = 2 * right / (2 * right + invented + missed) if right + invented + missed else None
            rows.append((name, right + missed, right, invented, missed, precision, recall, low, high, f1))
        rows.sort(key=lambda row: (row[-1] is None, row[-1] or 0.0))
        heads = ("label", "items", "right", "invented", "missed", "precision", "recall", "from", "to", "F1")
        return Table(heads, rows)

    def notes(self) -> list[str]:
        """What the interval is."""
        return [
            f"Over the {self.split} split, at the target's threshold. From, to: 95 % interval (Wilson) of the recall."
        ]

    def figure(self) -> Figure:
        """Precision and recall of each label, the worst F1 on top."""
        rows = [row for row in self.table().rows if row[6] is not None][:_SHOWN]
        with drawing.canvas(7.2, max(2.5, 0.26 * len(rows) + 1.2)) as made:
            axes = made.subplots()
            at = np.arange(len(rows))
            recall = np.array([row[6] for row in rows], dtype=float)
            reach = np.array([[row[6] - row[7], row[8] - row[6]] for row in rows], dtype=float).reshape(-1, 2).T
            axes.errorbar(recall, at, xerr=np.maximum(reach, 0), fmt="o", color=drawing.COLOURS[0], label="recall",
                          markersize=4, elinewidth=1)  # fmt: skip
            precision = [np.nan if row[5] is None else row[5] for row in rows]
            axes.plot(precision, at, "s", color=drawing.COLOURS[1], label="precision", markersize=4)
            drawing.named_ticks(axes, [row[0] for row in rows], axis="y")
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.set_xlim(-0.02, 1.02)
            axes.set_xlabel("share (recall with its 95 % interval)")
            axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
            drawing.plain(axes, "x")
        return made


def confusion(answers: Answers) -> Confusion | Labels:
    """The confusion matrix of single labels, or the counts of each of several labels.

    Raises:
        DoesNotApply: the target has neither.
    """
    truth, given = answers.truth, answers.prediction
    if isinstance(answers.target, SingleLabel):
        k = len(answers.classes)
        counts = np.bincount(truth * k + given, minlength=k * k).reshape(k, k)
        return Confusion(answers.classes, counts, answers.split)
    if isinstance(answers.target, MultiLabel):
        has, gave = truth > 0.5, given > 0.5
        kinds = (has & gave, ~has & gave, has & ~gave, ~has & ~gave)
        return Labels(answers.classes, np.stack([each.sum(0) for each in kinds], axis=1), answers.split)
    raise DoesNotApply(f"confusion needs classes or labels, and the target is {type(answers.target).__name__}")
