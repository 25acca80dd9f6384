"""ImageTable: photos named by a table, with classes, labels or numbers in its columns."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from workbench.data.image_table import ImageTable
from workbench.data.split import Split
from workbench.data.targets import MultiLabel, Regression, SingleLabel
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds


def photo(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (24, 30, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


FRAME = pd.DataFrame(
    {
        "image": [f"img/{n}.png" for n in range(20)],
        "kind": ["cat", "dog"] * 10,
        "age": np.linspace(0.5, 10, 20),
        "size": np.linspace(3, 1, 20),
        "tags": ["wild;old", "tame", "", "old;tame"] * 5,
    }
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pets/ (table and photos), the same as pets.zip, and the table alone as pets.csv."""
    root = tmp_path_factory.mktemp("pets")
    (root / "pets/img").mkdir(parents=True)
    for number in range(20):
        (root / f"pets/img/{number}.png").write_bytes(photo(number))
    FRAME.to_csv(root / "pets/labels.csv", index=False)
    FRAME.to_csv(root / "pets.csv", index=False)
    with zipfile.ZipFile(root / "pets.zip", "w") as archive:
        for path in sorted((root / "pets").rglob("*.*")):
            archive.write(path, path.relative_to(root).as_posix())
    return root


def test_the_same_wherever_table_and_photos_lie(root: Path) -> None:
    rows = FRAME[["image", "kind"]].assign(image=[{"bytes": photo(n), "path": None} for n in range(20)])
    rows.to_parquet(root / "pets.parquet")
    parts = [
        ImageTable("pets", "kind", size=16),
        ImageTable("pets.zip", "kind", size=16),
        ImageTable("pets.csv", "kind", pictures="pets", size=16),
        ImageTable("pets.csv", "kind", pictures="pets.zip", size=16),
        ImageTable("pets.parquet", size=16),
    ]
    first, *others = [part.load(Seeds.of(0), root) for part in parts]
    assert first.classes == ("cat", "dog") and first.target == SingleLabel() and first.size == 16
    assert first.train.inputs.shape == (16, 3, 18, 18) and torch.bincount(first.test.targets).tolist() == [2, 2]
    for each in others:
        assert each.train.keys == first.train.keys and each.test.keys == first.test.keys
        assert torch.equal(each.train.inputs, first.train.inputs)
        assert torch.equal(each.train.targets, first.train.targets)
    assert parts[2].files() == ("pets.csv", "pets") and parts[1].files() == ("pets.zip",)


def test_each_photo_has_its_own_row(root: Path) -> None:
    data = ImageTable("pets", "age", size=24, margin=1).load(Seeds.of(0), root)
    for items in (data.train, data.test):
        for picture, age in zip(items.inputs, items.targets, strict=True):
            number = int((FRAME["age"] - age.item()).abs().argmin())
            stored = np.asarray(Image.open(io.BytesIO(photo(number))))[:, 3:27]
            assert np.array_equal(picture.permute(1, 2, 0).numpy(), stored)


def test_numbers_are_learnt_in_units_of_the_training_items(root: Path) -> None:
    data = ImageTable("pets", ["age", "size"]).load(Seeds.of(0), root, choosing=True)
    assert data.classes == ("age", "size") and data.signature.outputs == 2 and data.validation is not None
    assert [len(each) for _, each in data.splits()] == [13, 3, 4] and data.size == 24
    assert isinstance(data.target, Regression)
    assert data.target.mean == pytest.approx(tuple(data.train.targets.double().mean(0).tolist()))


def test_several_labels_in_one_text(root: Path) -> None:
    part = ImageTable("pets", "tags", target=MultiLabel(separator=";"), size=16)
    data = part.load(Seeds.of(0), root)
    assert data.classes == ("old", "tame", "wild") and data.train.targets.shape == (16, 3)
    guessed = {
        name: (value, why) for name, value, why in part.but(target="auto", label="kind").load(Seeds.of(0), root).why
    }
    assert guessed["data.target"] == ("SingleLabel", "2 different texts")
    assert guessed["data.image"] == ("image", "the only column of pictures")
    assert guessed["data.label"] == ("kind", "as asked for")
    assert guessed["data.split"] == (
        "stratified",
        "test: 0.2 of every class by content hash (4 of 20); one label an item",
    )


def test_a_column_can_say_the_parts(root: Path) -> None:
    split = ["train"] * 12 + ["valid"] * 3 + ["test"] * 5
    FRAME[["image", "kind"]].assign(split=split).to_csv(root / "split.csv", index=False)
    part = ImageTable("split.csv", pictures="pets.zip", size=16)
    assert [len(each) for _, each in part.load(Seeds.of(0), root, choosing=True).splits()] == [12, 3, 5]
    assert [len(each) for _, each in part.load(Seeds.of(0), root).splits()] == [15, 5]
    anew = part.but(split=Split(by="random", test=0.5)).load(Seeds.of(0), root)
    assert len(anew.test) == 10


def test_a_training_subset_keeps_the_test(root: Path) -> None:
    part = ImageTable("pets", "kind", size=16)
    some = part.but(train=6).load(Seeds.of(1), root)
    assert torch.bincount(some.train.targets).tolist() == [3, 3]
    assert some.test.keys == part.load(Seeds.of(0), root).test.keys


def test_what_it_refuses(root: Path, tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"it is not said where they are\. Set pictures"):
        ImageTable("pets.csv", "kind").load(Seeds.of(0), root)
    with pytest.raises(DataError, match=r"pets: there is no 'none\.csv' in it, and there is 'labels\.csv'"):
        ImageTable("pets", "kind", table="none.csv").load(Seeds.of(0), root)
    with pytest.raises(DataError, match="there is no such file or folder"):
        ImageTable("none", "kind").load(Seeds.of(0), root)
    with pytest.raises(FieldError, match=r"Did you mean Regression\(\)"):
        ImageTable("pets", "age", target=SingleLabel()).load(Seeds.of(0), root)
    (tmp_path / "gone.csv").write_text("image,kind\nimg/0.png,cat\nimg/99.png,dog\n")
    with pytest.raises(DataError, match=r"gone\.csv: 1 of 2 pictures are not there, e\.g\. 'img/99\.png' \(row 1\)"):
        ImageTable("gone.csv", pictures=str(root / "pets")).load(Seeds.of(0), tmp_path)
    with pytest.raises(FieldError, match=r"pets\.csv: ImageTable\.path is a table itself\. Leave table out"):
        ImageTable("pets.csv", table="labels.csv")
    with pytest.raises(FieldError, match="Leave pictures out"):
        ImageTable("pets", pictures="pets.zip")
    with pytest.raises(FieldError, match=r"ImageTable\.margin is 5"):
        ImageTable("pets", margin=5)
