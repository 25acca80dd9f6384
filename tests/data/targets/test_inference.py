"""A wrong guess is visible and one field overrides it; what cannot be is refused with the nearest that can."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.data.targets.base import Target
from workbench.data.targets.inference import infer, read_answers
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.rating import Rating
from workbench.data.targets.regression import Regression
from workbench.data.targets.single_label import SingleLabel
from workbench.errors import DataError, FieldError

FLAGS = pd.DataFrame({"round": [1, 0, 1], "green": [0, 0, 1]})


@pytest.mark.parametrize(
    ("values", "target", "why"),
    [
        (["cat", "dog", "cat"], SingleLabel(), "2 different texts"),
        (pd.Series([True, False, True]), SingleLabel(), "true or false"),
        ([3, 7, 3, 7], SingleLabel(), "2 different whole numbers (for quantities set target=Regression())"),
        (list(range(30)), Regression(), "30 different whole numbers (for classes set target=SingleLabel())"),
        ([1, 2, 3], Regression(), "3 different whole numbers (for classes set target=SingleLabel())"),
        ([1.0, 12.5, 3.0], Regression(), "decimal numbers, e.g. 12.5"),
        (
            [1.0, 2.0, 1.0],
            Regression(),
            "decimal numbers (all of them whole: if they are classes, set target=SingleLabel())",
        ),
        ([["a", "b"], [], ["b"]], MultiLabel(), "lists of labels"),
        (FLAGS, MultiLabel(), "2 columns of 0 and 1"),
        (np.array([[0.5, 2], [1, 3]]), Regression(), "2 columns of numbers"),
    ],
)
def test_what_values_are(values: Any, target: Target, why: str) -> None:
    assert infer(values) == (target, why)


def test_texts_that_look_joined_are_classes_and_it_says_how_to_take_them_apart() -> None:
    found, why = infer(["red;round", "red;round", "green;long", "plain"])
    assert found == SingleLabel() and "target=MultiLabel(separator=';')" in why


def test_classes_in_order() -> None:
    found = read_answers(["b", "a", "b"])
    assert found.classes == ("a", "b") and found.y.tolist() == [1, 0, 1] and found.y.dtype == torch.int64
    assert read_answers([10, 9, 10, 9]).classes == ("9", "10")
    assert read_answers([True, False]).classes == ("False", "True")
    assert read_answers([2.0, 1.0], SingleLabel()).classes == ("1", "2")
    assert read_answers(np.array(["b", "a"])).classes == ("a", "b")


def test_labels_from_lists_texts_and_columns() -> None:
    lists = read_answers([["b", "a"], [], ["b"]])
    assert lists.classes == ("a", "b") and lists.y.tolist() == [[1, 1], [0, 0], [0, 1]]
    texts = read_answers(["b; a", None, "b", ""], MultiLabel(separator=";"))
    assert texts.classes == ("a", "b") and texts.y.tolist() == [[1, 1], [0, 0], [0, 1], [0, 0]]
    columns = read_answers(FLAGS)
    assert columns.classes == ("round", "green") and columns.y.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert columns.y.dtype == torch.float32


def test_numbers_in_their_own_units() -> None:
    one = read_answers(pd.Series([0.5, 2.5], name="price"))
    assert one.classes == ("price",) and one.y.tolist() == [[0.5], [2.5]] and one.y.dtype == torch.float32
    several = read_answers(pd.DataFrame({"x": [0.5, 2.5], "y": [1, 2]}))
    assert several.classes == ("x", "y") and several.y.shape == (2, 2)
    stars = read_answers([1, 5, 3, 3], Rating())
    assert stars.target == Rating() and stars.why == "as asked for" and stars.y.flatten().tolist() == [1, 5, 3, 3]


def test_one_field_overrides_the_guess() -> None:
    assert infer([3, 7, 3, 7], Regression()) == (Regression(), "as asked for")
    assert infer(range(30), SingleLabel())[0] == SingleLabel()
    assert infer(FLAGS, Regression())[0] == Regression()


@pytest.mark.parametrize(
    ("values", "target", "message"),
    [
        ([1.5, 2.0], SingleLabel(), r"classes, and 'value' holds decimal numbers. Did you mean Regression\(\)\?"),
        (FLAGS, SingleLabel(), r"there are 2 columns. Did you mean MultiLabel\(\)\?"),
        (FLAGS * 2, SingleLabel(), r"there are 2 columns. Did you mean Regression\(\)\?"),
        ([["a"], ["b"]], SingleLabel(), r"holds lists. Did you mean MultiLabel\(\)\?"),
        (["a", "b"], Regression(), r"numbers, and 'value' holds texts. Did you mean SingleLabel\(\)\?"),
        ([True, False], Regression(), r"holds true and false. Did you mean SingleLabel\(\)\?"),
        ([["a"], ["b"]], Regression(), r"holds lists. Did you mean MultiLabel\(\)\?"),
        (FLAGS, Rating(), r"there are 2 columns. Did you mean Regression\(\)\?"),
        (["a", "b"], MultiLabel(), r"holds one value each. Did you mean SingleLabel\(\), or MultiLabel\(separator"),
        ([0.5, 1.0], MultiLabel(), r"holds one value each. Did you mean Regression\(\)\?"),
        ([0, 1], MultiLabel(), r"holds one value each. Did you mean SingleLabel\(\)\?"),
        (FLAGS * 2, MultiLabel(), r"several columns of 0 and 1, and among these 2 are others. Did you mean Regression"),
    ],
)
def test_what_values_are_not(values: Any, target: Target, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        read_answers(values, target, where="a.csv")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, float("nan")], "1 of 2 items have no 'value'"),
        (["a", 1], "'value' holds int and str, which cannot be predicted"),
        (["u1", "u2", "u3"], "every item has a 'value' of its own"),
        (["a", "a"], "every item is of class 'a'"),
        ([float("inf"), 1.5], "item 0 has an infinite 'value'"),
        ([1.5, 1e39], r"item 1 has an infinite 'value' \(1e\+39 is above what float32 holds\)"),
        ([1.7e9 + 0.5, 1.7e9 + 9.5, 1.7e9], r"'value' is 1.7e\+09 \+- 4.4, and float32 does not hold"),
        ([2.5, 2.5], r"every item has the same value \(2.5\)"),
        (pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"]), name="day"), "'day' holds dates"),
        (pd.DataFrame({"x": [0.5, 1.5], "name": ["a", "b"]}), "'name' holds str; several columns"),
        ([[], []], "no item has a label"),
    ],
)
def test_values_that_cannot_be_predicted(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_answers(values, where="a.csv")
