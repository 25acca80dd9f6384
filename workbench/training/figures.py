"""Figures that belong to nobody else, and that a notebook shows all the same."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, laid out by itself and white.

    It is not pyplot's: nothing is left open, and no window is needed. Notebooks show only pyplot's by themselves (of
    others they say ``<Figure size ...>``), so this one says what it looks like: a PNG of 100 dots an inch.
    """
    return _shown()(figsize=(width, height), layout="constrained", facecolor="white")


@functools.cache
def _shown() -> type[Figure]:
    """Made when it is first needed: matplotlib takes a second to import."""
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure with a picture of itself."""

        def _repr_png_(self) -> bytes:
            buffer = io.BytesIO()
            self.savefig(buffer, format="png", dpi=100)
            return buffer.getvalue()

    return Shown
