"""Tables are read whatever their form, once a process, and a row's key is its content."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from workbench import Table, Texts
from workbench.data.table_files import hold, read_table, row_keys, table
from workbench.errors import DataError, FieldError

FRAME = pd.DataFrame({"age": [39, 50, 38], "job": ["clerk", None, "cook"], "pay": [1.5, 2.0, np.nan]})


def same(found: pd.DataFrame) -> bool:
    pd.testing.assert_frame_equal(found, FRAME, check_dtype=False)
    return True


@pytest.mark.parametrize("compression", ["brotli", "snappy", None])
def test_parquet_is_read(tmp_path: Path, compression: str | None) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet.brotli", compression=compression)
    assert same(read_table(tmp_path / "a.parquet.brotli", "a"))


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_csv_is_read(tmp_path: Path, between: str) -> None:
    FRAME.to_csv(tmp_path / "a.csv", sep=between, index=False, na_rep="?")
    assert same(read_table(tmp_path / "a.csv", "a"))


def test_gzipped_csv_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(FRAME.to_csv(index=False).encode("utf-8-sig")))
    assert same(read_table(tmp_path / "a.csv.gz", "a"))


def test_a_file_of_numbers_alone_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("196\t242\t3\n186\t302\t4\n")
    found = read_table(tmp_path / "u.data", "u.data")
    assert list(found.columns) == ["1", "2", "3"] and found["3"].tolist() == [3, 4]


def test_none_and_a_dash_are_values_among_words_and_missing_among_numbers_and_dates(tmp_path: Path) -> None:
    lines = ["class,stance,pay,day", "+,none,1.5,2024-01-31", "-,for,-,none", "-,None,none,2024-02-01", "+,,NA,NA"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    found = read_table(tmp_path / "a.csv", "a")
    assert found["class"].tolist() == ["+", "-", "-", "+"]
    assert found["stance"][:3].tolist() == ["none", "for", "None"] and pd.isna(found["stance"][3])
    assert found["pay"].dtype == "float64" and found["pay"].isna().tolist() == [False, True, True, True]
    assert found["day"].isna().tolist() == [False, True, False, True]


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"\x1f\x8bnothing", b"a,b\n1,2\n1,2,3\n", b"a,b\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"a: (the file is no table|the table has no rows|line 3 has 3 values)"):
        read_table(tmp_path / "a.csv", "a")


@pytest.mark.parametrize("given", [["a", "b"], {"a": [1]}, np.zeros((3, 2)), pd.Series([1])])
def test_what_is_no_frame_is_refused(given: Any) -> None:
    with pytest.raises(FieldError) as caught:
        Texts.of(given)
    said = f".of takes a data frame of pandas, and this is a {type(given).__name__}."
    assert str(caught.value) == f"{said} Write pandas.DataFrame({{'COLUMN': [...], ...}})"


def test_a_frame_of_another_library_is_told_its_way() -> None:
    with pytest.raises(FieldError, match=r"and this is a Table\. Write frame\.to_pandas\(\)"):
        Table.of(pa.table({"a": [1]}), "a")  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [["a", "a", "y"], [1, "1", "y"]])
def test_two_columns_of_one_name_are_refused(names: list[Any]) -> None:
    with pytest.raises(FieldError, match=r"the frame has two columns called '[a1]'\. Rename one: frame\.columns"):
        Table.of(pd.DataFrame(np.zeros((3, 3)), columns=names), "y")


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.csv: there is no such file or folder\. It was looked for at /.*a\.csv:"):
        read_table(tmp_path / "a.csv", "a.csv")


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    FRAME.to_csv(file, index=False)
    assert read_table(file, "a") is read_table(file, "a")
    FRAME.head(2).to_csv(file, index=False)
    assert len(read_table(file, "a")) == 2


def test_keys_are_the_rows_content() -> None:
    keys = row_keys(FRAME)
    assert len(set(keys)) == 3 and all(len(key) == 16 for key in keys)
    assert row_keys(FRAME[::-1]) == keys[::-1]
    assert row_keys(FRAME[["pay", "age", "job"]]) == keys
    changed = FRAME.assign(job=["clerk", "cook", "cook"])
    assert [one == other for one, other in zip(row_keys(changed), keys, strict=True)] == [True, False, True]
    assert row_keys(FRAME.rename(columns={"age": "pay", "pay": "age"})) != keys


def test_a_missing_value_elsewhere_changes_no_key() -> None:
    more = pd.concat([FRAME, pd.DataFrame({"age": [np.nan], "job": ["cook"], "pay": [3.0]})])
    assert row_keys(more)[:3] == row_keys(FRAME)


def test_equal_rows_have_one_key_unless_most_rows_are_equal() -> None:
    few = pd.concat([FRAME, FRAME.head(1)])
    assert len(set(row_keys(few))) == 3
    many = pd.concat([FRAME] * 5)
    keys = row_keys(many)
    assert len(set(keys)) == 15 and set(row_keys(many[::-1])) == set(keys)


def test_more_equal_rows_change_no_other_key() -> None:
    few = pd.concat([FRAME, FRAME.head(2)], ignore_index=True)
    many = pd.concat([few, FRAME.head(2)], ignore_index=True)
    assert len(set(row_keys(few))) == 3 and len(set(row_keys(many))) == 7
    assert row_keys(many)[:3] == row_keys(few)[:3]


def test_cells_of_lists_have_keys(tmp_path: Path) -> None:
    lists = pd.DataFrame({"tags": [["a", "b"], ["b"], None, ["a", "b"]], "more": [{"x": 1}, {}, {}, {"x": 1}]})
    lists.to_parquet(tmp_path / "a.parquet")
    keys = row_keys(lists)
    assert len(set(keys)) == 3 and keys[0] == keys[3]
    assert row_keys(read_table(tmp_path / "a.parquet", "a")[["tags"]]) == row_keys(lists[["tags"]])


def test_a_frame_is_held_by_its_content() -> None:
    mine = FRAME.copy()
    name = hold(mine)
    assert hold(FRAME) == name and hold(FRAME.head(2)) != name
    mine.loc[0, "age"] = 1
    assert same(table(Path(), name))
    with pytest.raises(DataError, match="another process"):
        table(Path(), "frame:0123456789abcdef")
