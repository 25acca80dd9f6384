"""What every look has in common: text, CSV, files, a notebook's page."""

import csv
import io
from pathlib import Path
from typing import ClassVar

import pytest
from matplotlib.figure import Figure

from workbench.interpret import drawing
from workbench.interpret.view import Table, View, cell_text

ROWS = [("a | b", 1234, 0.123456, None, True), ("<c>\nd", 5, float("inf"), "x", False)]
TABLE = Table(("name", "count", "value", "note", "there"), ROWS)


class Plain(View):
    """A table without a figure."""

    title: ClassVar[str] = "Plain & simple"

    def table(self) -> Table:
        return TABLE

    def notes(self) -> list[str]:
        return ["A note."]


class Drawn(Plain):
    """The same with one."""

    def figure(self) -> Figure:
        with drawing.canvas(2, 1) as made:
            made.subplots().plot([0, 1], [1, 0], color=drawing.COLOURS[0])
        return made


def test_cells_read_well() -> None:
    assert [cell_text(each) for each in (None, True, 1234567, 0.1234567, float("nan"), "t")] == [
        "-", "yes", "1,234,567", "0.1235", "nan", "t",
    ]  # fmt: skip


def test_text_is_cut_to_a_screen_and_says_so() -> None:
    text = TABLE.text(1)
    assert "1,234" in text and "<c>" not in text and text.endswith("... and 1 more")
    assert "<c> d" in TABLE.text() and "more" not in TABLE.text()


def test_csv_keeps_every_digit() -> None:
    rows = list(csv.reader(io.StringIO(TABLE.csv())))
    assert rows[0] == list(TABLE.headers) and rows[1][2] == "0.123456" and rows[1][3] == "" and rows[2][0] == "<c>\nd"


def test_a_page_escapes_what_it_shows() -> None:
    page = Plain()._repr_html_()
    assert "&lt;c&gt;" in page and "<c>" not in page and "Plain &amp; simple" in page and "<svg" not in page
    assert "<svg" in Drawn()._repr_html_()


def test_printing_is_the_table_and_its_notes() -> None:
    assert str(Plain()) == repr(Plain())
    assert str(Plain()).startswith("Plain & simple\n\n") and str(Plain()).endswith("\n\nA note.")


def test_files_are_whole_and_the_same_again(tmp_path: Path) -> None:
    paths = Drawn().save(tmp_path / "new", "look")
    assert [path.suffix for path in paths] == [".txt", ".csv", ".png", ".svg"]
    first = {path: path.read_bytes() for path in paths}
    Drawn().save(tmp_path / "new", "look")
    assert {path: path.read_bytes() for path in paths} == first
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    assert [path.suffix for path in Plain().save(tmp_path, "plain")] == [".txt", ".csv"]


def test_nothing_is_left_of_a_figure_that_cannot_be_drawn(tmp_path: Path) -> None:
    class Broken(Plain):
        def figure(self) -> Figure:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Broken().save(tmp_path / "none", "broken")
    assert not (tmp_path / "none").exists()
