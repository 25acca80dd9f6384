"""What users bring as columns, and the kind of their values."""

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.data.targets.columns import all_binary, columns_of, kind_of, refuse_missing, shown
from workbench.errors import DataError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], "bool"),
        (pd.Series([True, False]), "bool"),
        ([1, 2], "whole"),
        (np.array([1, 2], np.uint8), "whole"),
        (pd.Series([1, 2], dtype="Int64"), "whole"),
        ([1, 2.5], "number"),
        (torch.tensor([0.5]), "number"),
        (pd.Series([1, None]), "number"),
        (["a", "b"], "text"),
        (pd.Series(["a", None]), "text"),
        (np.array(["a", "b"]), "text"),
        ([["a"], []], "list"),
        (pd.Series([{"a"}, {"b", "c"}]), "list"),
        (["a", 1], "mixed"),
        ([None, None], "mixed"),
        (pd.Series(pd.to_datetime(["2024-01-01"])), "mixed"),
    ],
)
def test_kinds(values: object, kind: str) -> None:
    (column,) = columns_of(values).values()
    assert kind_of(column) == kind


def test_names() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 0.7]})
    assert list(columns_of(frame)) == ["a", "b"] and list(columns_of(frame["b"])) == ["b"]
    assert list(columns_of(np.zeros((3, 2)))) == ["value0", "value1"] and list(columns_of([1])) == ["value"]


def test_missing_values_are_counted_and_the_first_is_named() -> None:
    with pytest.raises(DataError, match=r"2 of 3 items have no 'price' \(the first is item 1\)"):
        refuse_missing(np.array([1.0, np.nan, np.nan]), "price", "a.csv")
    with pytest.raises(DataError, match="1 of 2"):
        refuse_missing(pd.Series([1, None], dtype="Int64").to_numpy(object), "price", "a.csv")
    refuse_missing(np.array(["", "a"], dtype=object), "price", "a.csv")


def test_binary_and_in_words() -> None:
    assert all_binary({"a": np.array([0, 1]), "b": np.array([True, False]), "c": np.array([0.0, 1.0])})
    assert not all_binary({"a": np.array([0, 2])}) and not all_binary({"a": np.array(["0", "1"])})
    assert shown(np.array(["a", 1], dtype=object)) == "int and str"
    assert shown(np.array(["2024-01-01"], dtype="datetime64[D]")) == "dates"


def test_where_texts_are_joined_an_empty_one_may_be_no_label() -> None:
    """An empty text is what a table writes for an item without any of its labels."""
    joined = np.array(["red;blue", None, "red", "blue;red"], dtype=object)
    said = r"Take them out, or fill it in; items with several labels or none: target=MultiLabel\(separator=';'\)\."
    with pytest.raises(DataError, match=said):
        refuse_missing(joined, "colours", "a.csv")
    with pytest.raises(DataError, match=r"Take them out, or fill it in\.$"):
        refuse_missing(np.array(["red", None], dtype=object), "colour", "a.csv")
