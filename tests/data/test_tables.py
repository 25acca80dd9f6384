"""Tables: from a file or a frame to data sets, everything inferred and everything said."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.data.split import Split
from workbench.data.table_files import read_table, row_keys
from workbench.data.tables import Table
from workbench.data.targets import MultiLabel, Regression, SingleLabel
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds

SEEDS = Seeds.of(0)


def made(rows: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "age": generator.integers(18, 80, rows),
            "pay": np.where(np.arange(rows) % 10 == 0, np.nan, generator.normal(100, 15, rows)),
            "job": generator.choice(["cook", "clerk", "smith"], rows),
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%Y-%m-%d"),
            "team": [f"team {n // 6}" for n in range(rows)],
            "stays": generator.choice(["yes", "no"], rows),
            "score": generator.normal(0, 1, rows),
        }
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made().to_csv(tmp_path / "a.csv", index=False)
    return tmp_path


def test_everything_is_inferred_and_said(root: Path) -> None:
    data = Table("a.csv", "stays").load(SEEDS, root)
    assert isinstance(data.target, SingleLabel) and data.classes == ("no", "yes")
    assert data.signature.kind == "table" and data.signature.outputs == 2
    said = {name: (value, why) for name, value, why in data.why}
    assert said["data.inputs"][0] == "2 categories, 3 numbers, 1 date"
    assert said["data.id"] == ("left out", "an id: a different whole number in every row")
    assert said["data.split"][1].startswith("test: 0.2 of every class by content hash")
    assert data.signature.columns[:2] == ("job", "team") and len(data.signature.columns) == (
        len(data.signature.cardinalities) + data.signature.numbers
    )
    rows = data.train.inputs
    assert rows.categories.shape[1] == len(data.signature.cardinalities)
    assert rows.numbers.shape[1] == data.signature.numbers
    assert len(data.train) + len(data.test) == 120 and data.validation is None


def test_the_encoder_knows_the_training_rows_alone(root: Path) -> None:
    chosen = Table("a.csv", "stays").load(SEEDS, root, choosing=True)
    frame = made()
    scale = chosen.encoder.scales["age"]  # type: ignore[attr-defined]
    known = set(chosen.train.keys)
    training = [key in known for key in row_keys(read_table(root / "a.csv", "a.csv"))]
    assert scale.mean == pytest.approx(frame["age"][training].mean())
    assert scale.mean != pytest.approx(frame["age"].mean())
    assert chosen.validation is not None and not known & set(chosen.validation.keys)
    assert set(chosen.test.keys) == set(Table("a.csv", "stays").load(SEEDS, root).test.keys)


@pytest.mark.parametrize(
    ("label", "fields", "kind", "classes"),
    [
        ("score", {}, Regression, ("score",)),
        (("score", "age"), {}, Regression, ("score", "age")),
        ("age", {"target": Regression()}, Regression, ("age",)),
        ("job", {}, SingleLabel, ("clerk", "cook", "smith")),
    ],
)
def test_what_is_predicted_is_told_from_the_column(
    root: Path, label: Any, fields: dict[str, Any], kind: type, classes: tuple[str, ...]
) -> None:
    data = Table("a.csv", label, **fields).load(SEEDS, root)
    assert isinstance(data.target, kind) and data.classes == classes
    assert not set(data.classes) & set(data.signature.columns)
    if kind is Regression:
        assert data.target.mean == pytest.approx(data.train.targets.double().mean(0).tolist())


def test_several_labels_an_item() -> None:
    frame = made().assign(tags=["a;b", "a", None] * 40)
    data = Table.of(frame, "tags", target=MultiLabel(separator=";")).load(SEEDS, Path())
    assert data.classes == ("a", "b") and len(data.train) + len(data.test) == 120


def test_lists_of_labels_are_read_from_a_frame_and_from_parquet(tmp_path: Path) -> None:
    frame = made().assign(tags=[["a", "b"], ["a"], []] * 40, more=[[1.5], [2.5], [1.5]] * 40)
    frame.to_parquet(tmp_path / "a.parquet")
    held, file = (part.load(SEEDS, tmp_path) for part in (Table.of(frame, "tags"), Table("a.parquet", "tags")))
    for data in (held, file):
        assert isinstance(data.target, MultiLabel) and data.classes == ("a", "b")
        assert len(data.train) + len(data.test) == 120
        assert ("data.more", "left out", "lists, which are no input") in data.why
    assert held.test.keys == file.test.keys


def test_a_class_that_is_too_small_is_named() -> None:
    with pytest.raises(DataError, match="class 'rare' has one item"):
        Table.of(made().assign(kind=["usual", "common"] * 59 + ["usual", "rare"]), "kind").load(SEEDS, Path())


def test_rows_without_an_answer_are_left_out() -> None:
    frame = made().assign(stays=[1, None, 0] * 40)
    data = Table.of(frame, "stays").load(SEEDS, Path())
    assert isinstance(data.target, SingleLabel) and data.classes == ("0", "1")
    assert len(data.train) + len(data.test) == 80 and ("data.rows", "40 left out", "they have no stays") in data.why


def test_a_table_without_any_answer_is_refused() -> None:
    with pytest.raises(DataError, match="no row has a stays"):
        Table.of(made().assign(stays=None), "stays").load(SEEDS, Path())


def test_the_last_rows_by_time_are_the_test(root: Path) -> None:
    data = Table("a.csv", "stays", time="day").load(SEEDS, root)
    said = {name: (value, why) for name, value, why in data.why}
    assert said["data.split"] == ("time", "test: the last 0.2 by 'day' (24 of 120); as asked for")
    assert "day: elapsed" in data.signature.columns
    place = data.signature.columns.index("day: elapsed") - len(data.signature.cardinalities)
    assert data.test.inputs.numbers[:, place].min() > data.train.inputs.numbers[:, place].max()


def test_whole_groups_are_held_out_and_are_no_input(root: Path) -> None:
    data = Table("a.csv", "stays", split=Split("group", column="team", test=0.25)).load(SEEDS, root)
    assert "team" not in data.signature.columns and len(data.test) == 30


def test_parts_that_the_table_gives_are_taken() -> None:
    frame = made().assign(Split=["train"] * 90 + ["valid"] * 10 + ["test"] * 20)
    data = Table.of(frame, "stays").load(SEEDS, Path(), choosing=True)
    assert data.validation is not None and [len(each) for _, each in data.splits()] == [90, 10, 20]
    assert "Split" not in data.signature.columns
    assert len(Table.of(frame, "stays", split=Split("random")).load(SEEDS, Path()).test) == 24


def test_parts_that_are_not_followed_are_no_input() -> None:
    frame = made().assign(split=["train"] * 80 + ["test"] * 40)
    data = Table.of(frame, "stays", split=Split("random")).load(SEEDS, Path())
    assert len(data.test) == 24 and "split" not in data.signature.columns


def test_roles_can_be_said(root: Path) -> None:
    data = Table("a.csv", "stays", categories=("age",), numbers=("id",), ignore=("team", "day", "score")).load(
        SEEDS, root
    )
    assert data.signature.columns == ("age", "job", "id", "pay", "pay: missing")


def test_a_subset_is_drawn_from_its_stream(root: Path) -> None:
    part = Table("a.csv", "stays", train=40)
    one, other = (part.load(Seeds.of(seed), root) for seed in (0, 1))
    assert len(one.train) == len(other.train) == 40 and set(one.train.keys) != set(other.train.keys)
    assert one.test.keys == other.test.keys
    assert len(Table("a.csv", "score", train=40).load(SEEDS, root).train) == 40
    with pytest.raises(FieldError, match="train is 100, but there are 96"):
        Table("a.csv", "score", train=100).load(SEEDS, root)


def test_it_is_loaded_once_until_the_file_changes(root: Path) -> None:
    part = Table("a.csv", "stays")
    first = part.load(SEEDS, root)
    assert part.load(Seeds.of(1), root) is first
    made(100).to_csv(root / "a.csv", index=False)
    assert len(part.load(SEEDS, root).train) == 80


def test_a_frame_is_known_by_its_content_and_refused_by_a_study() -> None:
    one, other = Table.of(made(), "stays"), Table.of(made(100), "stays")
    assert one.identity() == Table.of(made(), "stays").identity() != other.identity()
    data = one.load(SEEDS, Path())
    assert torch.equal(data.encoder.encode(made()).numbers[:5], data.encoder.encode(made().head(5)).numbers)
    with pytest.raises(FieldError, match=r"a frame in memory, which nothing pins\. Write it with frame\.to_parquet"):
        one.files()
    assert Table("a.csv", "stays").files() == ("a.csv",)


def test_what_is_not_there_is_refused(root: Path) -> None:
    for fields, words in (
        ({"label": "stay"}, r"a\.csv: Table\.label is 'stay', which is no column; did you mean 'stays'"),
        ({"label": "stays", "numbers": ("ages",)}, "Table.numbers is 'ages', .* did you mean 'age'"),
        ({"label": "stays", "time": "dai"}, "Table.time is 'dai', .* did you mean 'day'"),
        ({"label": "stays", "ignore": ("id", "age", "pay", "job", "day", "team", "score")}, "no column is left"),
    ):
        with pytest.raises(FieldError, match=words):
            Table("a.csv", **fields).load(SEEDS, root)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="there is no such file or folder"):
        Table("b.csv", "stays").load(SEEDS, root)


def test_fields_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(FieldError, match=r"'a' stands both in Table\.label and in Table\.ignore"):
        Table("a.csv", "a", ignore=("a",))
    with pytest.raises(FieldError, match=r"Table\.time is 'day', but split says Split\('random'\)|Leave time or split"):
        Table("a.csv", "a", time="day", split=Split("random"))


def test_where_no_column_is_left_each_is_named_with_the_way_to_keep_it() -> None:
    frame = pd.DataFrame({"a": np.arange(300.0), "b": 1, "y": np.arange(300) % 2})
    with pytest.raises(FieldError) as caught:
        Table.of(frame, "y").load(Seeds(), Path())
    ids = "'a' is left out (an id: a different whole number in every row); 'b' is left out (one value)"
    keep = "To take one all the same, name it: numbers=['a'], or categories=['a']."
    assert str(caught.value).endswith(f"no column is left to predict from; {ids}. {keep}")
    assert Table.of(frame, "y", numbers=["a"]).load(Seeds(), Path()).signature.columns == ("a",)


def test_infinite_numbers_are_told() -> None:
    frame = pd.DataFrame({"a": [np.inf, -np.inf, 1e39] + [0.5, 1.5, 2.25] * 20, "b": [0.5, 1.0, 2.25] * 21})
    frame["y"] = np.arange(63) % 2
    why = Table.of(frame, "y").load(Seeds(), Path()).why
    assert [row for row in why if row[0] in ("data.a", "data.b")] == [
        ("data.a", "3 infinite", "they count as missing values")
    ]
