"""The figure of a study: every seed a dot, mean and interval as a bar, the chance level, one panel a cell.

Built on matplotlib's objects without pyplot, so nothing global changes; the same summary gives the same bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.interpret.drawing import COLOURS, FAINT, INK, MARKERS, STYLE
from workbench.record.files import write_bytes
from workbench.study import words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 8
FAILED = "#d55e00"
_NEAR = 2.0  # times the largest value
_FAR = 0.6  # of the largest value: when all are above, the way from zero is the longer part of the axis


def figure(summary: Mapping[str, Any]) -> Figure:
    """The figure of a summary: up to eight cells, those with claims' evidence before exploratory ones."""
    import matplotlib
    from matplotlib.figure import Figure

    cells = sorted(summary["cells"], key=lambda cell: bool(cell["exploratory"]))[:MOST_PANELS]
    columns = 1 if len(cells) == 1 else 2
    rows = math.ceil(len(cells) / columns) or 1
    heights = [max((_rows(cell) for cell in cells[k * columns : (k + 1) * columns]), default=1) for k in range(rows)]
    with matplotlib.rc_context(STYLE):
        size = (7.2 if columns == 1 else 11.0, sum(0.32 * each + 1.25 for each in heights) + 0.3)
        made = Figure(figsize=size, layout="constrained", facecolor="white")
        grid = made.add_gridspec(rows, columns, height_ratios=[0.32 * each + 1.25 for each in heights])
        for place, cell in enumerate(cells):
            _panel(made.add_subplot(grid[place // columns, place % columns]), cell)
        _legend(made, cells)
    return made


def curves_figure(curves: Mapping[str, Sequence[Sequence[tuple[int, float]]]], measure: str, title: str = "") -> Figure:
    """A metric's history: the mean over an arm's runs as a line, their range from least to most as a band.

    Args:
        curves: arm to its runs, each a list of (step, value); only steps that all runs of the arm have are drawn.
        measure: the metric, e.g. ``train/loss``.
    """
    import matplotlib
    import numpy as np
    from matplotlib.figure import Figure

    scale = 100.0 if words.is_percent(measure) else 1.0
    with matplotlib.rc_context(STYLE):
        made = Figure(figsize=(7.2, 4.0), layout="constrained", facecolor="white")
        axes = made.add_subplot()
        for place, (arm, runs) in enumerate(curves.items()):
            histories = [dict(run) for run in runs if run]
            steps = sorted(set.intersection(*(set(each) for each in histories))) if histories else []
            if not steps:
                continue
            values = scale * np.array([[each[step] for step in steps] for each in histories])
            colour, dashed = COLOURS[place % len(COLOURS)], place >= len(COLOURS)
            axes.plot(steps, values.mean(axis=0), "--" if dashed else "-", color=colour, label=arm, linewidth=1.6)
            axes.fill_between(steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        axes.set_xlabel("step")
        axes.set_ylabel(_axis_label(measure))
        _plain(axes, "y")
        if title:
            axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        if axes.lines:
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return made


def save(made: Figure, folder: Path, name: str = "figure") -> tuple[Path, Path]:
    """Writes ``name``.png (200 dpi) and ``name``.svg into ``folder``, each in one step."""
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    write_bytes(png, _bytes(made, "png"))
    write_bytes(svg, _bytes(made, "svg"))
    return png, svg


def svg_text(made: Figure) -> str:
    """The figure as an ``<svg>`` element without the XML header, to stand inside a page."""
    text = _bytes(made, "svg").decode("utf-8")
    return text[text.index("<svg") :]


def _bytes(made: Figure, kind: str) -> bytes:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        if kind == "png":
            FigureCanvasAgg(made).print_figure(buffer, format="png", dpi=200, metadata={"Software": None})
        else:
            FigureCanvasSVG(made).print_figure(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _panel(axes: Axes, cell: Mapping[str, Any]) -> None:
    measure, arms = cell["measure"], cell["arms"]
    scale = 100.0 if words.is_percent(measure) else 1.0
    labels = [words.fold(arm["name"], 24) for arm in arms]
    places, place = [], 0.0
    for label in labels:
        height = max(1.0, 0.62 * (label.count("\n") + 1))
        places.append(place + height / 2)
        place += height
    baseline = next((arm for arm in arms if arm["name"] == cell["baseline"]), None)
    if baseline is not None and baseline["mean"] is not None:
        axes.axvline(scale * baseline["mean"], color=FAINT, linewidth=0.8, alpha=0.7, zorder=0)
    near = _chance_is_near(cell)
    if near:
        axes.axvline(scale * cell["chance"], color=FAINT, linewidth=1.0, linestyle=(0, (4, 3)), zorder=0)
    digits = words.decimals(cell)
    for arm, at in zip(arms, places, strict=True):
        _arm(axes, arm, at, scale, COLOURS[0] if arm["name"] != cell["baseline"] else INK)
        axes.text(
            1.02, at, words.level(arm, measure, digits), transform=axes.get_yaxis_transform(), fontsize=8, va="center"
        )
    axes.set_ylim(place, 0)
    axes.set_yticks(places, labels)
    from_zero = _limits(axes, cell, scale, near)
    notes = [] if near or cell["chance"] is None else [f"chance level {scale * cell['chance']:.3g}"]
    axes.set_xlabel("; ".join([_axis_label(measure), *notes, *([] if from_zero else ["axis not from 0"])]))
    _plain(axes, "x")
    kind = ", exploratory" if cell["exploratory"] else ""
    counts = sorted({arm["n"] for arm in arms})
    seeds = words.seeds(counts[-1]) if len(counts) == 1 else f"{counts[0]} to {words.seeds(counts[-1])}"
    axes.set_title(f"{cell['name']}", loc="left", fontsize=10, fontweight="bold")
    axes.set_title(f"{seeds}{kind}", loc="right", fontsize=8, color=FAINT)


def _arm(axes: Axes, arm: Mapping[str, Any], at: float, scale: float, colour: str) -> None:
    points, sources = _known(arm), sorted({point["source"] for point in arm["points"]})
    for rank, point in enumerate(points):
        # Dots of one arm are spread over a fixed pattern, not at random: the same record draws the same picture.
        offset = 0.22 * ((rank * 0.618034) % 1.0 - 0.5)
        marker = MARKERS[sources.index(point["source"]) % len(MARKERS)]
        shown, where = scale * point["value"], at + (offset - 0.13 if len(points) > 1 else 0.0)
        if point["failed"]:
            axes.plot(
                shown, where, marker="x", color=FAILED, markersize=5, markeredgewidth=1.4, zorder=4, clip_on=False
            )
        else:
            axes.plot(shown, where, marker=marker, color=colour, markersize=3.6, alpha=0.5, markeredgewidth=0, zorder=2)
    if arm["mean"] is None or len(points) < 2:
        return
    below = at + 0.2
    if arm["interval"] is not None:
        low, high = (scale * limit for limit in arm["interval"])
        axes.plot([low, high], [below, below], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=3)
    axes.plot(scale * arm["mean"], below, marker="|", color=colour, markersize=9, markeredgewidth=1.6, zorder=3)


def _known(arm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The points that have a place: where every run failed, a measure without a worst value gives them none."""
    return [point for point in arm["points"] if point["value"] is not None]


def _chance_is_near(cell: Mapping[str, Any]) -> bool:
    """Whether the chance level has a line: far beyond all runs it would press them into a corner."""
    values = [point["value"] for arm in cell["arms"] for point in _known(arm)]
    return cell["chance"] is not None and bool(cell["chance"] <= _NEAR * max(values, default=math.inf))


def _limits(axes: Axes, cell: Mapping[str, Any], scale: float, near: bool) -> bool:
    """From zero to what is there, never beyond what an error can be; whether it is from zero.

    Where all lies close together far from zero, e.g. errors in stars, it begins a little below: dots show by place.
    """
    values = [point["value"] for arm in cell["arms"] for point in _known(arm)]
    values += [cell["chance"]] if near else []
    limits = [arm["interval"] for arm in cell["arms"] if arm["interval"] is not None]
    top = max([*values, *(high for _, high in limits)], default=1.0)
    least = min([*values, *(low for low, _ in limits)], default=0.0)
    if words.is_percent(cell["measure"]):
        top = min(top, 1.0)
    bottom = min([0.0, *values])
    if _FAR * top < least < top:
        bottom = min(least - 0.1 * (top - least), 0.98 * top)
        axes.locator_params(axis="x", nbins=6)
    axes.set_xlim(scale * bottom, scale * (bottom + 1.03 * (top - bottom)) or 1.0)
    return bool(bottom <= 0)


def _legend(made: Figure, cells: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.lines import Line2D

    points = [point for cell in cells for arm in cell["arms"] for point in arm["points"]]
    sources = sorted({point["source"] for point in points})
    grey: dict[str, Any] = {"color": INK, "linestyle": "none"}
    names = ["one run"] if len(sources) < 2 else [f"one run, source {source}" for source in sources]
    handles = [
        Line2D([], [], marker=MARKERS[k % len(MARKERS)], markersize=4, alpha=0.5, markeredgewidth=0, label=name, **grey)
        for k, name in enumerate(names)
    ]
    if any(arm["interval"] is not None for cell in cells for arm in cell["arms"]):
        handles.append(Line2D([], [], color=INK, linewidth=2.2, marker="|", markersize=9, label="mean, 95 % interval"))
    elif len(sources) > 1:
        handles.append(Line2D([], [], marker="|", markersize=9, markeredgewidth=1.6, label="mean", **grey))
    if any(point["failed"] for point in points):
        failed: dict[str, Any] = {"color": FAILED, "linestyle": "none"}
        handles.append(Line2D([], [], marker="x", markersize=5, markeredgewidth=1.4, label="failed run", **failed))
    handles.append(Line2D([], [], color=FAINT, linewidth=0.8, label="baseline's mean"))
    if any(map(_chance_is_near, cells)):
        handles.append(Line2D([], [], color=FAINT, linewidth=1.0, linestyle=(0, (4, 3)), label="chance level"))
    made.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), frameon=False, fontsize=8)


def _rows(cell: Mapping[str, Any]) -> float:
    """How many rows high a cell's panel is."""
    return sum(max(1.0, 0.62 * (words.fold(arm["name"], 24).count("\n") + 1)) for arm in cell["arms"])


def _axis_label(measure: str) -> str:
    return words.noun(measure) + (" (%)" if words.is_percent(measure) else "")


def _plain(axes: Axes, grid: str) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x" if grid == "x" else "y", color=FAINT, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0 if grid == "x" else 3)
