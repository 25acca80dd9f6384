"""The columns that make sense are found; where several do, they are listed."""

import pandas as pd
import pytest

from workbench.data.image_columns import content, find_columns, resolved
from workbench.data.split import Split
from workbench.errors import DataError, FieldError

NAMES = ("img/a.jpg", "img/b.jpg", "more/a.png")


def found(frame: pd.DataFrame, **told: object) -> tuple[str, tuple[str, ...], str | None]:
    columns = find_columns(frame, "t.csv", **{"image": "auto", "label": "auto", "split": Split(), **told})
    return columns.image, columns.label, columns.split.column


def test_what_columns_hold_decides() -> None:
    frame = pd.DataFrame({"x": ["a.jpg", "b.jpg"], "kind": ["cat", "dog"]})
    assert found(frame) == ("x", ("kind",), None)
    assert found(frame.assign(split=["train", "test"])) == ("x", ("kind",), "split")
    assert found(frame.assign(split=["train", "test"]), split=Split(by="random")) == ("x", ("kind",), None)


def test_names_decide_where_values_do_not() -> None:
    frame = pd.DataFrame({"image_name": ["a", "b"], "tags": ["x y", "y"], "note": ["", ""]})
    assert found(frame) == ("image_name", ("tags",), None)


def test_columns_of_flags_go_together() -> None:
    frame = pd.DataFrame({"photo": ["a.jpg", "b.jpg"], "round": [0, 1], "green": [1, 0]})
    assert found(frame) == ("photo", ("round", "green"), None)


def test_what_is_told_is_taken() -> None:
    frame = pd.DataFrame({"one": ["a.jpg", "b.jpg"], "two": ["c.jpg", "d.jpg"], "age": [1.5, 2], "size": [1, 2]})
    assert found(frame, image="two", label=["age", "size"]) == ("two", ("age", "size"), None)
    with pytest.raises(DataError, match="which column names the pictures: there is 'one', 'two'"):
        found(frame, label="age")
    with pytest.raises(DataError, match="what is to be predicted: there is 'one', 'age', 'size'"):
        found(frame, image="two")
    with pytest.raises(FieldError, match="'agee' is not a column; did you mean 'age'"):
        found(frame, label="agee")


def test_a_row_without_a_picture() -> None:
    with pytest.raises(DataError, match="1 of 2 items have no 'image'"):
        found(pd.DataFrame({"image": ["a.jpg", None], "kind": ["cat", "dog"]}))


def test_paths_are_found_by_any_clear_end() -> None:
    assert resolved(["img/a.jpg", "b"], NAMES, "t.csv") == ("img/a.jpg", "img/b.jpg")
    assert resolved(["a.png", ".\\img\\a.jpg"], NAMES, "t.csv") == ("more/a.png", "img/a.jpg")
    assert resolved(["a.jpg"], ("set/a.jpg", "a.jpg"), "t.csv", folder="set") == ("set/a.jpg",)
    assert resolved([7], ("7.jpg",), "t.csv") == ("7.jpg",)


def test_paths_that_are_not_clear() -> None:
    with pytest.raises(DataError, match=r"1 of 2 pictures are not there, e\.g\. 'img/c\.jpg' \(row 1\); did you mean"):
        resolved(["b", "img/c.jpg"], NAMES, "t.csv")
    with pytest.raises(DataError, match=r"'a' \(row 0\) fits 'img/a.jpg' and 'more/a.png'"):
        resolved(["a"], NAMES, "t.csv")
    with pytest.raises(DataError, match=r"'img/b.jpg' stands in rows 0 and 1. Give a picture one row"):
        resolved(["b", "b.jpg"], NAMES, "t.csv")


def test_pictures_inside_of_cells() -> None:
    assert content(b"x") == b"x" and content({"bytes": b"x", "path": None}) == b"x"
    assert content("a.jpg") is None and content({"path": "a.jpg"}) is None
