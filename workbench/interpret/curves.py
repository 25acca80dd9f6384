"""The history of a run: training loss, what was measured on the way, and the learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from workbench.interpret import drawing
from workbench.interpret.view import DoesNotApply, Table, View
from workbench.training.recipes import Recipe
from workbench.training.state import Point

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TIME = 0.9
"""Of the smoothed loss: the share that a recorded point keeps of those before it."""

Curve = tuple[tuple[int, float], ...]


@dataclass(frozen=True, repr=False)
class Curves(View):
    """Metrics by name and the planned learning rate of the fastest group, each as (optimizer step, value)."""

    title: ClassVar[str] = "Curves"
    metrics: dict[str, Curve]
    rates: Curve

    def table(self) -> Table:
        """A row a metric and recorded step; the rate of the step stands beside it."""
        rates = dict(self.rates)
        rows = [(name, step, value, rates.get(step)) for name, curve in self.metrics.items() for step, value in curve]
        return Table(("metric", "step", "value", "planned rate"), rows)

    def text(self, most: int | None = None) -> str:
        """Of each metric the first, the best and the last value; all of them are in :meth:`table`."""
        if most is None:
            return super().text()
        values = {name: [value for _, value in curve] for name, curve in self.metrics.items()}
        rows = [(name, len(each), each[0], min(each), max(each), each[-1]) for name, each in values.items()]
        whole = Table(("metric", "points", "first", "least", "most", "last"), rows).text()
        return "\n".join([self.title, "", whole, "", *self.notes()])

    def notes(self) -> list[str]:
        """Where the rate comes from."""
        return [
            "The learning rate is not recorded: it is the recipe's plan, up to the last recorded step. An optimizer or "
            "a callback may have set another."
        ]

    def figure(self) -> Figure:
        """A panel for what is measured often, and one for the rate; what has a single point is a mark."""
        with drawing.canvas(7.2, 5.2) as made:
            upper, lower = made.subplots(2, 1, height_ratios=[2, 1], sharex=True)
            shown = [name for name in self.metrics if name.endswith("loss")] or list(self.metrics)
            for place, name in enumerate(shown):
                steps, values = zip(*self.metrics[name], strict=True)
                colour = drawing.COLOURS[place % len(drawing.COLOURS)]
                if len(steps) < 4:
                    marker = drawing.MARKERS[place % len(drawing.MARKERS)]
                    upper.plot(steps, values, marker, color=colour, label=name, markersize=5)
                else:
                    upper.plot(steps, values, color=colour, linewidth=0.6, alpha=0.35)
                    upper.plot(steps, smoothed(values), color=colour, linewidth=1.6, label=f"{name}, smoothed")
            upper.set_ylabel("loss")
            upper.legend(frameon=False, fontsize=7)
            drawing.plain(upper, "y")
            lower.set_title("As the recipe plans it, up to the last recorded step")
            lower.plot(*zip(*self.rates, strict=True), color=drawing.INK, linewidth=1.4)
            lower.set_ylabel("learning rate")
            lower.set_xlabel("optimizer step")
            drawing.plain(lower, "y")
        return made


def curves(history: Iterable[Point], recipe: Recipe, steps: int) -> Curves:
    """The curves of a run's history.

    The rate has no record: it is the recipe's, a function of the share of the planned steps that are done.

    Args:
        steps: planned for the whole run; one that stopped earlier has rates up to its last recorded step.

    Raises:
        DoesNotApply: nothing was recorded.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for point in history:
        found.setdefault(point.key, []).append((point.step, point.value))
    if not found:
        raise DoesNotApply("nothing was recorded: the history is empty")
    peak, taken = float(recipe.lr), max(points[-1][0] for points in found.values())
    rates = tuple((step + 1, peak * recipe.factor(step / steps)) for step in range(min(taken, steps)))
    return Curves({name: tuple(points) for name, points in found.items()}, rates)


def smoothed(values: Iterable[float]) -> list[float]:
    """The exponential average, corrected for having begun at 0 (Kingma & Ba 2015, section 3)."""
    average, found = 0.0, []
    for place, value in enumerate(values):
        average = _TIME * average + (1 - _TIME) * value
        found.append(average / (1 - _TIME ** (place + 1)))
    return found
