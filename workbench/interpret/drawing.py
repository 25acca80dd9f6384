"""How figures look: one style, colours that everybody can tell apart, no pyplot and nothing global."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench.training.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#1f2328", "#8c959f"
# Okabe and Ito's palette (2008): distinct with every common colour blindness, and in print.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a6fdf", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SHADES = "Blues"  # one hue that only darkens: readable without colour, and cheap to print
DPI = 300
STYLE: Any = {
    "svg.hashsalt": "workbench",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.unicode_minus": False,
}
"""What the figures of a study have in common with these."""
_STYLE: Any = {**STYLE, "axes.titlesize": 9, "axes.titlelocation": "left"}


@contextlib.contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """A new figure of that size in inches, to be drawn on inside the block."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        made = new_figure(width, height)
        yield made
        # once: laid out a second time, as each format would, things move by a hair and the bytes differ
        made.draw_without_rendering()
        made.set_layout_engine("none")


def image(made: Figure, kind: str) -> bytes:
    """The figure as ``"png"`` (300 dpi) or ``"svg"``; the same figure gives the same bytes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        if kind == "png":
            FigureCanvasAgg(made).print_figure(buffer, format="png", dpi=DPI, metadata={"Software": None})
        else:
            FigureCanvasSVG(made).print_figure(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def svg_text(made: Figure) -> str:
    """The figure as an ``<svg>`` element without the XML header, to stand inside a page."""
    text = image(made, "svg").decode("utf-8")
    return text[text.index("<svg") :]


def plain(axes: Axes, grid: str = "") -> None:
    """No frame where nothing is read off; grid lines along ``"x"`` or ``"y"``."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if grid:
        axes.grid(axis="x" if grid == "x" else "y", color=FAINT, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)


def cut(text: str, longest: int) -> str:
    """The text's first ``longest`` letters at most, with a mark where some are left out."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip(' ,')}…"


def literal(text: str) -> str:
    """The text as matplotlib shows it letter by letter: a dollar sign would begin a formula."""
    return text.replace("$", r"\$")


def labels(names: Sequence[str], longest: int = 24) -> list[str]:
    """Names for a figure: cut, and where many begin alike (as those of layers) so that their ends are kept."""
    shown = [cut(name, longest) for name in names]
    if len(set(shown)) < len(set(names)):
        shown = [name if len(name) <= longest else f"…{name[1 - longest :]}" for name in names]
    return [literal(each) for each in shown]


def named_ticks(axes: Axes, names: Sequence[str], *, axis: str = "x", most: int = 30, longest: int = 24) -> None:
    """Names at 0, 1, ... along an axis, every so many where there are more than ``most``."""
    step = -(-len(names) // most) if names else 1
    places = list(range(0, len(names), step))
    shown = labels(names, longest)[::step]
    if axis == "x":
        axes.set_xticks(places, shown, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    else:
        axes.set_yticks(places, shown, fontsize=7)
