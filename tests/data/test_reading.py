"""A file in another encoding or of another shape is refused with the line, and with what to do about it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from workbench import Ratings, Seeds, Table, TextPairs, Texts
from workbench.data.items import Data
from workbench.data.reading import decoded
from workbench.errors import DataError
from workbench.interpret.predict import gathered

ROWS = "a,b,y\n1,café,0\n2,thé,1\n"


def said(data: Data, root: Path) -> str:
    """What loading the data says."""
    with pytest.raises(DataError) as caught:
        data.load(Seeds(), root)
    return str(caught.value)


@pytest.mark.parametrize("data", [Table("t.csv", "y"), Texts("t.csv"), TextPairs("t.csv"), Ratings("t.csv")])
def test_a_table_in_another_encoding(data: Data, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(ROWS.encode("latin1"))
    advice = "Save it as UTF-8; from latin1 by: iconv -f latin1 -t UTF-8 t.csv > NEW"
    assert said(data, tmp_path) == f"t.csv: byte 11 is not UTF-8, in line 2. {advice}"


def test_what_a_spreadsheet_saves_as_unicode(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(ROWS.encode("utf-16"))
    assert "iconv -f UTF-16 -t UTF-8" in said(Table("t.csv", "y"), tmp_path)


def test_the_place_is_counted_in_the_whole_file(tmp_path: Path) -> None:
    """pandas reads and counts piece by piece."""
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b,y\n" + b"1,x,0\n" * 90_000 + b"1,caf\xe9,1\n"))
    assert "t.csv.gz: byte 540,011 is not UTF-8, in line 90,002" in said(Table("t.csv.gz", "y"), tmp_path)


@pytest.mark.parametrize("data", [Table("t.csv", "y"), TextPairs("t.csv")])
def test_a_line_with_more_values_than_the_others(data: Data, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,y\n1,2,3\n1,2,3,4\n")
    advice = "Put double quotes around a value that holds the separator."
    assert said(data, tmp_path) == f"t.csv: line 3 has 4 values, and the lines before it have 3. {advice}"


def test_a_quote_that_is_never_closed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b,y\n1,2,3\n1,"2,3\n1,2,3\n')
    assert "a double quote opens in line 3 and is never closed. Close it" in said(Table("t.csv", "y"), tmp_path)


def test_items_to_predict_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(ROWS.encode("latin1"))
    (tmp_path / "lines.txt").write_bytes(b"caf\xe9\n")
    for name, kind in (("rows.csv", "table"), ("lines.txt", "text")):
        with pytest.raises(DataError, match=r"is not UTF-8, in line \d\. Save it as UTF-8; from latin1"):
            gathered(tmp_path / name, kind)


def test_a_mark_before_the_text_is_left_out() -> None:
    assert decoded("é".encode("utf-8-sig"), "x") == decoded("é".encode(), "x") == "é"
