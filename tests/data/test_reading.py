"""A file in another encoding or of another shape is refused with the line, and with what to do about it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from workbench import ImageArrays, Ratings, Seeds, Table, TextPairs, Texts
from workbench.data.items import Data
from workbench.data.photos import decode
from workbench.data.reading import again, decoded, missing
from workbench.errors import DataError
from workbench.interpret.predict import gathered

PINS = """outs:
- md5: 00000000000000000000000000000000
  size: 1
  hash: md5
  path: data/pinned.npz
- path: data/adult.csv
  md5: 00000000000000000000000000000000
"""
ROWS = "a,b,y\n1,café,0\n2,thé,1\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that pins two files and has one other."""
    (tmp_path / "data.dvc").write_text(PINS)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/own.csv").write_text("a\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("data/pinned.npz", "the file is missing. Type `wb data pull data/pinned.npz` to fetch it."),
        ("data/owm.csv", "there is no such file or folder; did you mean 'data/own.csv'?"),
        (
            "data/adlut.csv",
            "there is no such file or folder; did you mean 'data/adult.csv'? "
            "To fetch that, type `wb data pull data/adult.csv`.",
        ),
        ("/nope/x.csv", "there is no such file or folder"),
    ],
)
def test_a_missing_file_has_a_next_step(where: str, said: str, root: Path) -> None:
    assert str(missing(root / where, where)) == f"{where}: {said}"


def test_a_path_that_nothing_is_like_says_where_it_was_looked_for(root: Path) -> None:
    place = root / "zzz/x.csv"
    text = f"there is no such file or folder. It was looked for at {place}: paths begin at the root."
    assert str(missing(place, "zzz/x.csv")) == f"zzz/x.csv: {text}"


def test_only_a_pinned_file_comes_back_from_its_pin(root: Path) -> None:
    restored = "Type `wb data restore data/pinned.npz` to get the pinned file back."
    assert again(root / "data/pinned.npz", "data/pinned.npz", "Copy it.") == restored
    assert again(root / "data/own.csv", "data/own.csv", "Copy it.") == "Copy it."
    assert again(Path("/elsewhere/pinned.npz"), "/elsewhere/pinned.npz", "Copy it.") == "Copy it."


def test_arrays_of_other_names_and_a_file_that_is_no_picture(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", images=np.zeros((9, 8, 8), np.uint8), labels=np.arange(9))
    text = said(ImageArrays("own.npz"), tmp_path)
    assert text.startswith("own.npz: the array 'train_images' is missing; there is 'images', 'labels'. It takes train_")
    with pytest.raises(DataError, match=r"own\.npz: it is no picture\. It takes \.jpg, "):
        decode((tmp_path / "own.npz").read_bytes(), str(tmp_path / "own.npz"), side=8)


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
