"""Draws what README.md shows, from the recorded runs: python experiments/attention_translation/figures.py

by_length.png has the error by the length of the source for every arm, alignment_CELL.png where one network of the arm
Attention looks. It reads the published study's runs, so `wb run experiments/attention_translation --full` comes first.
"""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import torch

from workbench.data.targets.edit_distance import edit_distances, lengths
from workbench.interpret import drawing
from workbench.record.files import write_bytes
from workbench.record.places import run_folder
from workbench.study import published
from workbench.study.inspect import open_run

HERE = Path(__file__).resolve().parent
ROOT, HOME = HERE.parent.parent, HERE.parent.parent / ".wb"
ARMS = ("NoAttention", "NoAttentionWide", "Attention")
CELLS = {"numbers": ("letters", 6), "sentences": ("words and signs", 2)}
"""The cells that are drawn: what their sources are counted in, and how many of it share a point."""
FEWEST = 20
"""Test pairs that a point needs."""
ITEMS = {"numbers": 3, "sentences": 7}
"""Whose attention is drawn: a position in the test."""


def main() -> None:
    """Every figure, beside this file."""
    runs = published.read(published.place(ROOT, HERE.name))["studies"]["full"]["runs"]
    by_cell = {cell: [run for run in runs if run["cell"] == cell] for cell in CELLS}
    firsts = {cell: {run["arm"]: run["id"] for run in reversed(of)} for cell, of in by_cell.items()}
    with drawing.canvas(8.0, 3.2) as made:
        for axes, (cell, (unit, wide)) in zip(made.subplots(1, len(CELLS)), CELLS.items(), strict=True):
            _curves(axes, by_cell[cell], sources(firsts[cell]["Attention"]) // wide * wide)
            axes.set(title=cell, xlabel=f"source, {unit} (from, {wide} a point)", ylim=(0, None))
        made.axes[0].set_ylabel("error, free-running")
        made.axes[0].legend(frameon=False)
    _write("by_length.png", made)
    for cell, item in ITEMS.items():
        shown = open_run(ROOT, HOME, firsts[cell]["Attention"]).interpretation.attention(position=item)
        _write(f"alignment_{cell}.png", shown.figure())


def sources(run: str) -> np.ndarray:
    """How long the source of each test pair of a run is, END not counted."""
    counts = open_run(ROOT, HOME, run).interpretation.state.data.test.inputs.counts
    return np.asarray(counts) - 1


def errors(run: str) -> np.ndarray:
    """Each test pair's error, from the answers that the run recorded."""
    with np.load(run_folder(HOME, run) / "predictions.npz", allow_pickle=False) as kept:
        written, wanted = (torch.from_numpy(kept[name]) for name in ("prediction", "target"))
    return (edit_distances(written, wanted) / lengths(wanted)).clamp(max=1).numpy()


def _curves(axes: Any, runs: list[dict[str, Any]], bins: np.ndarray) -> None:
    """A line an arm: the mean over its runs; the band is one standard deviation of them either way."""
    found = defaultdict(list)
    for run in runs:
        found[run["arm"]].append(errors(run["id"]))
    points = [each for each in np.unique(bins) if (bins == each).sum() >= FEWEST]
    for arm, colour, marker in zip(ARMS, drawing.COLOURS, drawing.MARKERS, strict=False):
        means = np.array([[each[bins == point].mean() for point in points] for each in found[arm]])
        middle, spread = means.mean(0), means.std(0, ddof=1)
        axes.plot(points, middle, color=colour, marker=marker, markersize=4, label=arm)
        axes.fill_between(points, middle - spread, middle + spread, color=colour, alpha=0.2, linewidth=0)
    drawing.plain(axes, "y")


def _write(name: str, made: Any) -> None:
    buffer = io.BytesIO()
    with matplotlib.rc_context(drawing.STYLE):
        made.savefig(buffer, format="png", dpi=150, metadata={"Software": None})
    write_bytes(HERE / name, buffer.getvalue())
    print(f"{name}: {(HERE / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
