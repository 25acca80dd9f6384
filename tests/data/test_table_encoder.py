"""Rows become categories and numbers by the training rows alone, and come back readable."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.data.encoding import restored
from workbench.data.table_encoder import Scale, TableEncoder
from workbench.data.table_roles import Roles
from workbench.errors import DataError

TRAIN = pd.DataFrame(
    {
        "job": ["cook", "clerk", "cook", "smith", None, "clerk", "cook"],
        "floor": [1.0, 2.0, 1.0, 2.0, np.nan, 1.0, 1.0],
        "age": [30.0, 40.0, np.nan, 50.0, 20.0, 40.0, 30.0],
        "pay": [1, 2, 3, 4, 5, 6, 1000],
        "since": ["2024-01-31", "2024-02-29", None, "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"],
    }
)
ROLES = Roles(("job", "floor"), ("age", "pay"), ("since",), {})
ENCODER = TableEncoder.fit(TRAIN, ROLES)
ROW = {"job": "cook", "floor": 2, "age": 40, "pay": 3, "since": "2024-02-29"}


def test_categories_are_numbered_by_frequency_and_rare_ones_are_unseen() -> None:
    assert ENCODER.categories["job"] == ("cook", "clerk")
    assert ENCODER.categories["floor"] == ("1", "2")
    assert ENCODER.encode(TRAIN).categories[:, 0].tolist() == [1, 2, 1, 0, 0, 2, 1]
    assert TableEncoder.fit(TRAIN, ROLES, min_count=1).categories["job"] == ("cook", "clerk", "smith")


@pytest.mark.parametrize("value", ["smith", "baker", None, float("nan")])
def test_what_is_missing_or_unseen_is_0(value: object) -> None:
    assert ENCODER.encode([ROW | {"job": value}]).categories[0, 0] == 0


@pytest.mark.parametrize("value", [2, 2.0, "2", np.int64(2)])
def test_a_category_is_the_same_however_it_is_written(value: object) -> None:
    assert ENCODER.encode([ROW | {"floor": value}]).categories[0, 1] == 2


def test_numbers_are_scaled_by_the_training_rows() -> None:
    pay = TRAIN["pay"].to_numpy(float)
    z = (pay - pay.mean()) / pay.std()
    found = ENCODER.encode(TRAIN).numbers[:, ENCODER.number_names.index("pay")]
    np.testing.assert_allclose(found, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    assert ENCODER.encode(TRAIN.head(1)).numbers[0].tolist() == ENCODER.encode(TRAIN).numbers[0].tolist()


def test_missing_numbers_are_the_median_with_a_flag() -> None:
    assert ENCODER.scales["age"].median == 35 and ENCODER.scales["age"].flag and not ENCODER.scales["pay"].flag
    rows = ENCODER.encode([ROW, ROW | {"age": None}, ROW | {"age": 35}, ROW | {"pay": None}, ROW | {"pay": np.inf}])
    names = ENCODER.number_names
    assert rows.numbers[:, names.index("age: missing")].tolist() == [0, 1, 0, 0, 0]
    assert rows.numbers[1, names.index("age")] == rows.numbers[2, names.index("age")]
    assert rows.numbers[3, names.index("pay")] == rows.numbers[4, names.index("pay")]
    assert torch.isfinite(rows.numbers).all()


def test_the_largest_numbers_are_missing_values() -> None:
    none = [float(np.finfo(np.float64).max), -float(np.finfo(np.float32).max), float("inf")]
    frame = pd.DataFrame({"height": [1.0, 2.0, 3.0, *none]})
    encoder = TableEncoder.fit(frame, Roles((), ("height",), (), {}))
    numbers = encoder.encode(frame).numbers
    assert encoder.scales["height"].median == 2.0 and torch.isfinite(numbers).all()
    assert numbers[:, 1].tolist() == [0, 0, 0, 1, 1, 1]


def test_dates_give_the_parts_that_vary() -> None:
    assert set(ENCODER.parts["since"]) == {
        *("month", "day", "weekday", "day of year", "elapsed"),
        *("month start", "month end", "quarter start", "year start"),
    }
    assert ENCODER.categories["since: month"] == ("1",)
    assert [name for name in ENCODER.number_names if "missing" in name] == ["age: missing", "since: day: missing"]
    rows = ENCODER.encode(
        [ROW | {"since": "2024-01-31"}, ROW | {"since": pd.Timestamp("2024-01-31")}, ROW | {"since": None}]
    )
    assert rows.numbers[0].tolist() == rows.numbers[1].tolist() != rows.numbers[2].tolist()
    month = list(ENCODER.categories).index("since: month")
    assert rows.categories[:, month].tolist() == [1, 1, 0]


@pytest.mark.parametrize("gone", ["", "?", "NA"])
def test_what_stands_for_a_missing_value_in_a_file_does_so_in_a_row(gone: str) -> None:
    found, known = (ENCODER.encode([ROW | {"since": each, "age": each}]).numbers for each in (gone, None))
    assert torch.equal(found, known)


def test_the_day_stands_where_it_stood_in_training() -> None:
    days = pd.DataFrame({"d": ["31/1/2024", "1/2/2024", "2/3/2024", "3/4/2024"]})
    encoder = TableEncoder.fit(days, Roles((), (), ("d",), {}))
    assert encoder.encode([{"d": "1/2/2024"}]).numbers[0].tolist() == encoder.encode(days).numbers[1].tolist()


def test_rows_frames_and_series_give_the_same() -> None:
    whole = ENCODER.encode(TRAIN)
    for items in ([dict(row) for _, row in TRAIN.iterrows()], [row for _, row in TRAIN.iterrows()]):
        found = ENCODER.encode(items)
        assert torch.equal(found.categories, whole.categories) and torch.equal(found.numbers, whole.numbers)
    assert len(ENCODER.encode(ROW)) == 1 and len(ENCODER.encode([])) == 0
    assert ENCODER.encode([]).numbers.shape == (0, whole.numbers.shape[1])


def test_it_comes_back_from_plain_values() -> None:
    again = restored("TableEncoder", json.loads(json.dumps(ENCODER.describe())))
    assert isinstance(again, TableEncoder)
    one, other = ENCODER.encode(TRAIN), again.encode(TRAIN)
    assert torch.equal(one.numbers, other.numbers) and torch.equal(one.categories, other.categories)
    assert again.cardinalities == ENCODER.cardinalities == (3, 3, 2, 3) and again.columns == ENCODER.columns


def test_a_row_is_shown_as_it_was() -> None:
    rows = ENCODER.encode([ROW | {"job": "baker", "age": None}])
    shown = ENCODER.show(rows, 0)
    assert shown.startswith("job ?, floor 2, since: month ?, since: weekday 3, age ?, pay 3, since: day 29")


@pytest.mark.parametrize("value", [0.0, -2.5, 7.0, 12345.0])
def test_scaling_can_be_undone(value: float) -> None:
    scale = Scale.of(np.array([0.0, 1.0, 5.0, 3000.0]))
    bent = float(np.float32(scale.apply(np.array([value]))[0]))
    assert scale.undo(bent) == pytest.approx(value, rel=1e-3, abs=1)


def test_wrong_rows_are_named() -> None:
    with pytest.raises(DataError, match="row 1, column 'age': 'old' is no number"):
        ENCODER.encode([ROW, ROW | {"age": "old"}])
    with pytest.raises(DataError, match="column 'since': 'soon' is no date"):
        ENCODER.encode([ROW | {"since": "soon"}])
    with pytest.raises(DataError, match="the column 'job' is missing; did you mean 'jobs'"):
        ENCODER.encode([{**{name: ROW[name] for name in ROW if name != "job"}, "jobs": "cook"}])
    with pytest.raises(DataError, match="item 0: a row is needed, not str"):
        ENCODER.encode(["cook"])
