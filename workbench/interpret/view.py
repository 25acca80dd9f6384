"""What a look inside gives back: a table, a figure and notes; it shows itself in a notebook and prints as text."""

from __future__ import annotations

import abc
import csv
import html
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.data.archive import replacing
from workbench.errors import FieldError
from workbench.interpret import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LONGEST_CELL = 60


class DoesNotApply(FieldError):
    """This kind of look says nothing about this kind of data, target or network."""


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and rows of plain values; a None stands for what there is not."""

    headers: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]

    def text(self, most: int | None = None) -> str:
        """For a terminal; of more than ``most`` rows the first ones, and how many are left."""
        from tabulate import tabulate

        shown = [[_folded(cell) for cell in row] for row in self.rows[:most]]
        aligned = ["right" if _numeric(self.rows, place) else "left" for place in range(len(self.headers))]
        drawn = tabulate(shown, self.headers, tablefmt="simple", disable_numparse=True, colalign=aligned)
        left = len(self.rows) - len(shown)
        return f"{drawn}\n... and {left:,} more" if left else drawn

    def html(self, most: int | None = None) -> str:
        """As an HTML table."""
        head = "".join(f"<th>{html.escape(each)}</th>" for each in self.headers)
        rows = ["".join(f"<td>{html.escape(cell_text(cell))}</td>" for cell in row) for row in self.rows[:most]]
        left = len(self.rows) - len(rows)
        more = f"<tr><td colspan={len(self.headers)}>... and {left:,} more</td></tr>" if left else ""
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>"

    def csv(self) -> str:
        """Full precision, for other programs."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self.headers)
        writer.writerows(["" if cell is None else cell for cell in row] for row in self.rows)
        return buffer.getvalue()


class View(abc.ABC):
    """Base of what :class:`workbench.interpret.interpretation.Interpretation` gives. Printing it prints its table."""

    title: ClassVar[str]
    most: ClassVar[int] = 40
    """Rows shown on a screen; files hold all."""

    @abc.abstractmethod
    def table(self) -> Table:
        """The numbers."""

    def heading(self) -> str:
        """What stands above it: the title, and what it is of where there may be several."""
        return self.title

    def notes(self) -> list[str]:
        """What to know before believing them, a sentence each."""
        return []

    def figure(self) -> Figure | None:
        """A figure that belongs to nobody else (no pyplot state); None where a picture says nothing."""
        return None

    def text(self, most: int | None = None) -> str:
        """Title, table and notes; of more than ``most`` rows the first ones."""
        return "\n".join([self.heading(), "", self.table().text(most), *(["", *self.notes()] if self.notes() else [])])

    def save(self, folder: Path, name: str) -> list[Path]:
        """Writes ``name``.txt, .csv and, where there is a figure, .png (300 dpi) and .svg, each in one step."""
        contents = {"txt": (self.text() + "\n").encode(), "csv": self.table().csv().encode()}
        made = self.figure()
        if made is not None:
            contents |= {"png": drawing.image(made, "png"), "svg": drawing.image(made, "svg")}
        paths = []
        for suffix, content in contents.items():
            paths.append(folder / f"{name}.{suffix}")
            with replacing(paths[-1]) as file:
                file.write(content)
        return paths

    def __str__(self) -> str:
        return self.text(self.most)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        made = self.figure()
        picture = drawing.svg_text(made) if made is not None else ""
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes())
        return f"<h4>{html.escape(self.heading())}</h4>{picture}{self.table().html(self.most)}{notes}"


def cell_text(cell: Any) -> str:
    """A value for people: four digits, a dash for what there is not."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.4g}" if math.isfinite(cell) else str(cell)
    return str(cell)


def _folded(cell: Any) -> str:
    text = " ".join(cell_text(cell).split())
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 3] + "..."


def _numeric(rows: Sequence[tuple[Any, ...]], place: int) -> bool:
    cells = [row[place] for row in rows if row[place] is not None]
    return bool(cells) and all(isinstance(cell, int | float) for cell in cells)
