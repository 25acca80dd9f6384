"""A content that stands in several given parts stays in the test alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.test_folders import photo, split_folder
from workbench.data.apart import elsewhere, left_out
from workbench.data.arrays import ImageArrays
from workbench.data.folders import ImageFolder
from workbench.data.image_table import ImageTable
from workbench.data.items import Datasets
from workbench.data.split import Split, divide
from workbench.data.tables import Table
from workbench.streams import Seeds


def contents(data: Datasets) -> dict[str, set[str]]:
    return {name: set(items.keys) for name, items in data.splits()}


def test_contents_of_a_part_are_marked_everywhere() -> None:
    part = np.array([True, False, False, False])
    assert elsewhere(("a", "b", "a", "c"), part).tolist() == [True, False, True, False]
    assert not elsewhere(("a", "b"), np.array([False, False])).any()
    assert left_out(0) == "" and left_out(1).startswith("; 1 other of") and left_out(2_000).startswith("; 2,000 others")


@pytest.mark.parametrize("choosing", [False, True])
def test_the_test_keeps_its_own_and_then_the_validation_part(choosing: bool) -> None:
    keys, parts = list("abcabdef"), ["train"] * 3 + ["test", "val", "val", "train", "train"]
    found = divide(keys, Split("given", column="part"), column=parts, choosing=choosing, apart=True)
    assert found.test.tolist() == [3] and "2 others" not in found.rule and "1 other" in found.rule
    assert found.train.tolist() == ([2, 6, 7] if choosing else [1, 2, 4, 5, 6, 7])
    assert (None if found.validation is None else found.validation.tolist()) == ([4, 5] if choosing else None)
    left = divide(keys, Split("given", column="part"), column=parts, choosing=choosing)
    assert 0 in left.train.tolist()


@pytest.mark.parametrize("choosing", [False, True])
def test_pictures_of_the_test_folder_are_not_learnt_from(tmp_path: Path, choosing: bool) -> None:
    split_folder(tmp_path, {"train": 10, "test": 4})
    for n in range(3):
        photo(tmp_path / "photos" / "train" / "Pear" / f"copy{n}.jpg", 24 + n)  # the first three of test/Pear
    data = ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path, choosing=choosing)
    parts = contents(data)
    assert len(data.test) == 8 and sum(len(each) for each in parts.values()) == 28
    assert all(parts["test"].isdisjoint(each) for name, each in parts.items() if name != "test")
    assert next(row for row in data.why if row[0] == "data.split")[2].startswith(
        "test: given by the folder (8 of 31); 3 others of the same content left out; "
    )


def test_pictures_in_memory_and_of_a_table_too(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    part = ImageArrays.of(pictures, [0, 1] * 30, test_images=pictures[:20], test_labels=[0, 1] * 10)
    data = part.load(Seeds.of(0), tmp_path, choosing=True)
    assert len(data.test) == 20 and sum(len(each) for each in contents(data).values()) == 60
    assert "20 others of the same content left out" in next(row for row in data.why if row[0] == "data.split")[2]
    split_folder(tmp_path, {"train": 10})
    names = [f"train/{kind}/{n}.jpg" for kind in ("Apple", "Pear") for n in range(10)]
    photo(tmp_path / "photos" / "again.jpg", 0)  # the first one under another name
    photo(tmp_path / "photos" / "new.jpg", 99)
    rows = [(name, name.split("/")[1], "train") for name in names]
    rows += [("again.jpg", "Apple", "test"), ("new.jpg", "Pear", "test")]
    pd.DataFrame(rows, columns=["image", "label", "split"]).to_csv(tmp_path / "photos" / "labels.csv", index=False)
    data = ImageTable("photos", size=16).load(Seeds.of(0), tmp_path)
    assert len(data.train) == 19 and contents(data)["train"].isdisjoint(contents(data)["test"])


def test_equal_rows_of_a_table_may_be_two_and_stay() -> None:
    frame = pd.DataFrame({"x": range(40), "y": [0.0, 1.5] * 20, "part": ["train"] * 40})
    twice = pd.concat([frame, frame.head(10).assign(part="test")])
    data = Table.of(twice, "y", split=Split("given", column="part")).load(Seeds.of(0), Path())
    assert len(data.train) == 40 and len(data.test) == 10
