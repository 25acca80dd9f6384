"""Where the network is worse than elsewhere: classes, ranges and categories, held against chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workbench.interpret import drawing
from workbench.interpret.answers import Answers
from workbench.interpret.intervals import holm, is_share, mean_interval, worse
from workbench.interpret.traits import Trait
from workbench.interpret.view import DoesNotApply, Table, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 20
"""Items that a slice has to have."""
_SHOWN = 15
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Slice:
    """Items that share a value: how many, the measure's mean over them with its interval, and over all others.

    ``p``: that it is larger than elsewhere by chance alone, Holm-corrected for all slices that were looked at.
    """

    trait: str
    value: str
    items: int
    mean: float
    low: float
    high: float
    elsewhere: float
    p: float


@dataclass(frozen=True, repr=False)
class Slices(View):
    """Slices from worst to best by how sure it is that they are worse.

    Attributes:
        measure: of which the mean is taken, smaller is better; overall: over the whole split.
        left_out: how many slices have fewer than ``least`` items and were not looked at.
    """

    title: ClassVar[str] = "Worst slices"
    most: ClassVar[int] = 20
    slices: tuple[Slice, ...]
    measure: str
    overall: float
    split: str
    left_out: int
    least: int
    share: bool

    def table(self) -> Table:
        """A row a slice."""
        heads = ("trait", "value", "items", self.measure, "from", "to", "elsewhere", "p (Holm)")
        rows = [(e.trait, e.value, e.items, e.mean, e.low, e.high, e.elsewhere, e.p) for e in self.slices]
        return Table(heads, rows)

    def worse(self) -> list[Slice]:
        """Those that are worse beyond chance, at 5 % over all of them together."""
        return [each for each in self.slices if each.p <= 0.05]

    def notes(self) -> list[str]:
        """How many were looked at, and what may be said of them."""
        found, looked = self.worse(), len(self.slices)
        small = f" Left out, with fewer than {self.least} items: {self.left_out}." if self.left_out else ""
        verdict = "None of them is worse than the rest beyond chance, whatever the order above suggests"
        if found:
            names = [f"{each.trait} {each.value}" for each in found]
            more = f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            verdict = "Worse than the rest beyond chance: " + "; ".join(names[:_NAMED]) + more
        kind = "Wilson" if self.share else "Student's t"
        return [
            f"{looked} slices of the {self.split} split were looked at, mean {self.measure} {self.overall:.4g}.{small}",
            f"{verdict} (one-sided, Holm at 5 %: without it about {0.05 * looked:.1g} would seem so by chance).",
            f"From, to: 95 % interval ({kind}) of each by itself. Slices overlap, and what is worse is not yet why.",
        ]  # fmt: skip

    def figure(self) -> Figure:
        """The first slices with their intervals, beside the mean over everything."""
        shown = self.slices[:_SHOWN]
        scale = 100.0 if self.share else 1.0
        with drawing.canvas(7.2, 0.3 * len(shown) + 1.4) as made:
            axes = made.subplots()
            for place, each in enumerate(shown):
                colour, marker = (drawing.COLOURS[1], "s") if each.p <= 0.05 else (drawing.COLOURS[0], "o")
                axes.plot([scale * each.low, scale * each.high], [place, place], color=colour, linewidth=1.4)
                axes.plot(scale * each.mean, place, marker, color=colour, markersize=4.5)
            axes.axvline(scale * self.overall, color=drawing.FAINT, linestyle=(0, (4, 3)), linewidth=1)
            names = [f"{each.trait}: {each.value} ({each.items:,})" for each in shown]
            drawing.named_ticks(axes, names, axis="y", longest=48)
            axes.set_ylim(len(shown) - 0.5, -0.5)
            axes.set_xlabel(f"{self.measure}{' (%)' if self.share else ''}, 95 % interval; dashed: all items; "
                            "squares: worse beyond chance")  # fmt: skip
            drawing.plain(axes, "x")
        return made


def slices(answers: Answers, found: Sequence[Trait], *, least: int = LEAST) -> Slices:
    """Every value of every trait that at least ``least`` items have, and as many have not.

    Raises:
        DoesNotApply: no trait divides the items into parts of that size.
    """
    values = answers.scores[answers.measure].astype(np.float64)
    kept, left_out = [], 0
    for trait in found:
        for value, inside in trait.members.items():
            count = int(inside.sum())
            if count >= least and len(values) - count >= least:
                kept.append((trait.name, value, inside))
            elif count < least:
                left_out += 1
    if not kept:
        raise DoesNotApply(
            f"nothing divides the {len(values):,} items of the {answers.split} split into slices of {least} or more"
        )
    adjusted = holm([worse(values[inside], values[~inside]) for _, _, inside in kept])
    rows = [
        Slice(name, value, int(inside.sum()), float(values[inside].mean()), *mean_interval(values[inside]),
              float(values[~inside].mean()), p)
        for (name, value, inside), p in zip(kept, adjusted, strict=True)
    ]  # fmt: skip
    rows.sort(key=lambda each: (each.p, each.elsewhere - each.mean))
    overall = float(values.mean())
    return Slices(tuple(rows), answers.measure, overall, answers.split, left_out, least, is_share(values))
