"""Texts on disk: tables whose columns are found or named, folders and archives of classes, plain text."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from workbench.data.split import Split
from workbench.data.text_files import Columns, read_texts
from workbench.errors import DataError, FieldError

LONG = ["this is a rather long text", "and here is another one", "a third one that ends it"]


def table(root: Path, **columns: list[object]) -> str:
    pd.DataFrame(columns).to_csv(root / "t.csv", index=False)
    return "t.csv"


def files(root: Path, contents: dict[str, str]) -> None:
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_columns_that_are_called_so_are_taken(tmp_path: Path) -> None:
    name = table(tmp_path, other=[1, 2, 3], Label=["x", "y", "x"], Text=["a", "b", "c"])
    found = read_texts(tmp_path, name, Columns())
    assert found.texts == ("a", "b", "c")
    assert found.labels is not None and found.labels["Label"].tolist() == ["x", "y", "x"]


def test_the_only_columns_that_make_sense_are_taken(tmp_path: Path) -> None:
    found = read_texts(tmp_path, table(tmp_path, stars=[1, 2, 3], words=LONG), Columns())
    assert found.texts == tuple(LONG) and found.labels is not None and list(found.labels) == ["stars"]
    assert [row[:2] for row in found.found] == [("data.text", "words"), ("data.label", "stars")]
    assert read_texts(tmp_path, table(tmp_path, words=LONG), Columns()).labels is None


def test_unclear_columns_are_refused_with_what_to_type(tmp_path: Path) -> None:
    name = table(tmp_path, head=LONG, body=[each * 2 for each in LONG], a=[1, 2, 3], b=[1, 2, 3])
    with pytest.raises(DataError, match=r"several columns hold texts: 'head', 'body'\. Set text='body'"):
        read_texts(tmp_path, name, Columns())
    with pytest.raises(DataError, match=r"what is to be predicted: there is 'a', 'b'\. Set label"):
        read_texts(tmp_path, name, Columns(text=("head", "body")))
    with pytest.raises(FieldError, match="'heat' is not a column; did you mean 'head'"):
        read_texts(tmp_path, name, Columns(text="heat"))
    with pytest.raises(DataError, match="no column holds texts"):
        read_texts(tmp_path, table(tmp_path, a=[1, 2, 3], b=[1, 2, 3]), Columns())


def test_several_columns_are_put_one_after_the_other_and_empty_rows_left_out(tmp_path: Path) -> None:
    name = table(tmp_path, head=["h1", "h2", "h3"], body=["b1", None, "b3"], stars=[1, 2, 3], part=["a", "b", "c"])
    found = read_texts(tmp_path, name, Columns(text=("head", "body"), label="stars", split=Split(column="part")))
    assert found.texts == ("h1\nb1", "h3\nb3") and found.parts == ("a", "c")
    assert found.labels is not None and found.labels["stars"].tolist() == [1, 3]
    assert ("data.missing", 1, "rows without a text, left out") in found.found


def test_a_column_of_parts_is_followed_and_never_a_label(tmp_path: Path) -> None:
    name = table(tmp_path, words=LONG, mood=["a", "b", "a"], split=["train", "train", "test"])
    found = read_texts(tmp_path, name, Columns())
    assert found.parts == ("train", "train", "test") and found.column == "split"
    assert found.labels is not None and list(found.labels) == ["mood"]
    apart = read_texts(tmp_path, name, Columns(label="mood", split=Split("random")))
    assert apart.parts is None and apart.column is None
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    with pytest.raises(FieldError, match=r"a.txt: split is Split\(.*, but there are no columns"):
        read_texts(tmp_path, "a.txt", Columns(split=Split("group", column="mood")))


def test_json_lines_and_tabs(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "a b", "label": "x"}\n{"text": "c", "label": "y"}\n')
    assert read_texts(tmp_path, "t.jsonl", Columns()).texts == ("a b", "c")
    (tmp_path / "t.tsv").write_text('text\tlabel\n"a, b"\tx\nc\ty\n')
    assert read_texts(tmp_path, "t.tsv", Columns()).texts == ("a, b", "c")
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(DataError, match="line 1 is no JSON object"):
        read_texts(tmp_path, "bad.jsonl", Columns())
    with pytest.raises(DataError, match="no such file"):
        read_texts(tmp_path, "none.jsonl", Columns())


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    contents = {"train/neg/1.txt": "bad", "train/pos/1.txt": "good", "test/neg/2.txt": "awful", "test/pos/.x.txt": ""}
    contents["test/pos/2.txt"] = "fine"
    files(tmp_path / "f", contents)
    found = read_texts(tmp_path, "f", Columns())
    assert found.texts == ("awful", "fine", "bad", "good") and found.parts == ("test", "test", "train", "train")
    assert found.labels is not None and found.labels["class"].tolist() == ["neg", "pos", "neg", "pos"]
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for name in ("neg/1.txt", "pos/1.txt", "readme.md"):
            archive.writestr(name, name)
    zipped = read_texts(tmp_path, "f.zip", Columns())
    assert zipped.parts is None and zipped.texts == ("neg/1.txt", "pos/1.txt")


def test_a_folder_may_be_of_validation(tmp_path: Path) -> None:
    files(tmp_path / "f", {"train/neg/1.txt": "bad", "train/pos/1.txt": "good", "Val/neg/2.txt": "awful"})
    with pytest.raises(DataError, match="f: class 'pos' is in train/ but not in Val/"):
        read_texts(tmp_path, "f", Columns())
    assert len(read_texts(tmp_path, "f", Columns(split=Split("random"))).texts) == 3
    files(tmp_path / "f", {"Val/pos/2.txt": "fine"})
    found = read_texts(tmp_path, "f", Columns())
    assert found.parts == ("Val", "Val", "train", "train") and found.texts == ("awful", "fine", "bad", "good")


def test_files_without_classes_are_texts(tmp_path: Path) -> None:
    files(tmp_path / "f", {"1.txt": "one", "2.txt": "two"})
    found = read_texts(tmp_path, "f", Columns())
    assert found.texts == ("one", "two") and found.labels is None
    files(tmp_path / "f", {"deep/er/3.txt": "three"})
    with pytest.raises(DataError, match="train/<class>/"):
        read_texts(tmp_path, "f", Columns())


def test_blank_lines_or_lines_divide_plain_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n\n  \nthree\n")
    assert read_texts(tmp_path, "a.txt", Columns()).texts == ("one\ntwo", "three")
    (tmp_path / "b.txt").write_text("one\ntwo\n")
    assert read_texts(tmp_path, "b.txt", Columns()).texts == ("one", "two")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match="byte 3 is not UTF-8"):
        read_texts(tmp_path, "a.txt", Columns())
    (tmp_path / "b.txt").write_text(" \n")
    with pytest.raises(DataError, match="empty"):
        read_texts(tmp_path, "b.txt", Columns())
    (tmp_path / "c.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="not a zip archive"):
        read_texts(tmp_path, "c.zip", Columns())
    for name in ("none.txt", "none.zip"):
        with pytest.raises(DataError, match="no such file"):
            read_texts(tmp_path, name, Columns())
