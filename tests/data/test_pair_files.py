from pathlib import Path

import pandas as pd
import pytest

from workbench.data.pair_files import read_pairs
from workbench.data.split import Split
from workbench.data.table_files import hold
from workbench.errors import DataError, FieldError

TABLE = 'english\tfrench\tby\nnull\tnul\tx\n"say ""no"""\tdis non\ty\nGo.\tVa !\tx\nGo.\tVa !\tz\nEmpty.\t\tz\n'


def test_the_first_two_columns_are_the_pair(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(TABLE)
    pairs = read_pairs(tmp_path, ("pairs.tsv",), None, Split())
    assert pairs.sources == ("null", 'say "no"', "Go.") and pairs.targets == ("nul", "dis non", "Va !")
    assert pairs.names == ("english", "french") and pairs.part is None
    assert [row[:2] for row in pairs.found] == [("data.missing", 1), ("data.repeated", 1)]


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.parquet", "frame"])
def test_columns_by_name_from_any_table(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"id": ["1", "2"], "fr": ["Va, va !", "Salut"], "en": ["Go.", "Hi."]})
    if name == "pairs.csv":
        frame.to_csv(tmp_path / name, index=False, sep=";")
    elif name == "pairs.parquet":
        frame.to_parquet(tmp_path / name)
    pairs = read_pairs(tmp_path, (hold(frame) if name == "frame" else name,), ("en", "fr"), Split("group", column="id"))
    assert (pairs.sources, pairs.targets) == (("Go.", "Hi."), ("Va, va !", "Salut"))
    assert pairs.part == ("1", "2")


def test_a_column_of_parts_is_followed_and_of_two_copies_the_test_keeps_its_own(tmp_path: Path) -> None:
    parts = ["train", "train", "test", "test"]
    frame = pd.DataFrame({"split": parts, "en": ["Go.", "Hi.", "Go.", "No."], "fr": ["Va !", "Salut", "Va !", "Non"]})
    pairs = read_pairs(tmp_path, (hold(frame),), None, Split())
    assert pairs.names == ("en", "fr") and pairs.column == "split"
    assert pairs.sources == ("Hi.", "Go.", "No.") and pairs.part == ("train", "test", "test")
    assert read_pairs(tmp_path, (hold(frame),), ("en", "fr"), Split("random")).part is None


def test_two_files_of_lines(tmp_path: Path) -> None:
    (tmp_path / "train.en").write_text("Go.\nHi.\n\nNow\u2028here.\n")
    (tmp_path / "train.fr").write_text("Va !\nSalut !\n\nIci.\n")
    pairs = read_pairs(tmp_path, ("train.en", "train.fr"), None, Split())
    assert pairs.names == ("en", "fr") and pairs.targets == ("Va !", "Salut !", "Ici.")
    (tmp_path / "train.fr").write_text("Va !\n")
    with pytest.raises(DataError, match=r"train.en has 4 lines and train.fr 1. Line n of one"):
        read_pairs(tmp_path, ("train.en", "train.fr"), None, Split())


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text(TABLE)
    with pytest.raises(FieldError, match=r"pairs.tsv: 'frensh' is not a column; did you mean 'french'?"):
        read_pairs(tmp_path, ("pairs.tsv",), ("english", "frensh"), Split())
    with pytest.raises(DataError, match=r"none.tsv: there is no such file or folder"):
        read_pairs(tmp_path, ("none.tsv",), None, Split())
    (tmp_path / "one.tsv").write_text("english\nGo.\n")
    with pytest.raises(DataError, match="no two columns to pair"):
        read_pairs(tmp_path, ("one.tsv",), None, Split())
    (tmp_path / "latin.txt").write_bytes(b"Va\xe9\n")
    with pytest.raises(DataError, match=r"latin.txt: byte 2 is not UTF-8"):
        read_pairs(tmp_path, ("latin.txt", "latin.txt"), None, Split())
