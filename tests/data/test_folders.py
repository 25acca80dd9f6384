"""ImageFolder splits as the folders or the content say."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.data.folders import ImageFolder
from workbench.data.split import Split, smallest
from workbench.data.targets import MultiLabel
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds


def photo(path: Path, number: int, size: tuple[int, int] = (40, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    Image.fromarray(pixels).resize(size).save(path, quality=95)


def split_folder(root: Path, counts: dict[str, int] | None = None) -> Path:
    number = 0
    for side, count in (counts or {"train": 10, "test": 4}).items():
        for name in ("Apple", "Pear"):
            for n in range(count):
                photo(root / "photos" / side / name / f"{n}.jpg", number)
                number += 1
    return root / "photos"


def zipped(folder: Path, name: str = "photos.zip") -> Path:
    target = folder.parent / name
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*.jpg")):
            archive.write(file, file.relative_to(folder).as_posix())
    return target


def test_train_and_test_folders(tmp_path: Path) -> None:
    split_folder(tmp_path)
    data = ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path)
    assert data.classes == ("Apple", "Pear") and data.size == 16 and data.channels == 3
    assert data.train.inputs.shape == (20, 3, 18, 18) and data.train.inputs.dtype == torch.uint8
    assert len(data.test) == 8 and data.validation is None
    assert torch.bincount(data.train.targets).tolist() == [10, 10]


def test_zip_and_folder_give_the_same(tmp_path: Path) -> None:
    zipped(split_folder(tmp_path))
    folder, archive = (ImageFolder(path, size=16).load(Seeds.of(0), tmp_path) for path in ("photos", "photos.zip"))
    assert torch.equal(folder.train.inputs, archive.train.inputs) and folder.test.keys == archive.test.keys


def test_a_zip_may_hold_the_folder_itself(tmp_path: Path) -> None:
    folder = split_folder(tmp_path)
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as archive:
        for file in sorted(folder.rglob("*.jpg")):
            archive.write(file, file.relative_to(tmp_path).as_posix())
    inner, whole = (ImageFolder(path, size=16).load(Seeds.of(0), tmp_path) for path in ("photos", "whole.zip"))
    assert (
        whole.classes == inner.classes and whole.train.keys == inner.train.keys and whole.test.keys == inner.test.keys
    )


def test_choosing_holds_out_of_training(tmp_path: Path) -> None:
    split_folder(tmp_path)
    part = ImageFolder("photos", size=16, validation=0.3)
    final, choosing = part.load(Seeds.of(0), tmp_path), part.load(Seeds.of(0), tmp_path, choosing=True)
    assert choosing.validation is not None and torch.bincount(choosing.validation.targets).tolist() == [3, 3]
    assert set(choosing.train.keys) | set(choosing.validation.keys) == set(final.train.keys)
    assert choosing.test.keys == final.test.keys


def test_a_class_that_is_too_small_is_named(tmp_path: Path) -> None:
    for number in range(8):
        photo(tmp_path / "photos" / "cat" / f"{number}.jpg", number)
    photo(tmp_path / "photos" / "dog" / "0.jpg", 8)
    with pytest.raises(DataError, match="class 'dog' has one item, too few to hold out a test part"):
        ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path)
    photo(tmp_path / "photos" / "dog" / "1.jpg", 9)
    with pytest.raises(DataError, match="class 'dog' has one item, too few to hold out a validation part"):
        ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path, choosing=True)


@pytest.mark.parametrize("name", ["valid", "val", "Validation"])
def test_a_validation_folder_is_kept_for_choosing(tmp_path: Path, name: str) -> None:
    split_folder(tmp_path, {"train": 8, name: 3, "Test": 2})
    final, choosing = (ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path, choosing=c) for c in (False, True))
    assert choosing.validation is not None
    assert [len(each) for each in (choosing.train, choosing.validation, choosing.test)] == [16, 6, 4]
    assert len(final.train) == 22 and final.test.keys == choosing.test.keys
    anew = ImageFolder("photos", size=16, split=Split("random")).load(Seeds.of(0), tmp_path, choosing=True)
    assert len(anew.test) == 5 and anew.validation is not None and len(anew.validation) == 4


def test_a_validation_folder_without_a_test_folder_is_the_test(tmp_path: Path) -> None:
    split_folder(tmp_path, {"train": 10, "val": 4})
    data = ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path, choosing=True)
    assert data.validation is not None and [len(data.train), len(data.validation), len(data.test)] == [16, 4, 8]
    assert data.why[-1][2].endswith("the folders say train and validation, which is taken as the test")
    photo(tmp_path / "photos" / "val" / "Plum" / "0.jpg", 50)
    with pytest.raises(DataError, match="'Plum' is in val/ but not in train/"):
        ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path)


def test_folders_of_classes_alone(tmp_path: Path) -> None:
    for number in range(20):
        photo(tmp_path / "photos" / "ab"[number % 2] / f"{number}.jpg", number)
    before = ImageFolder("photos", size=16, test=0.3).load(Seeds.of(0), tmp_path)
    assert before.classes == ("a", "b") and torch.bincount(before.test.targets).tolist() == [3, 3]
    photo(tmp_path / "photos" / "a" / "new.jpg", 99)
    after = ImageFolder("photos", size=16, test=0.3).load(Seeds.of(7), tmp_path)
    assert len(set(before.test.keys) - set(after.test.keys)) <= 1


def test_training_subset(tmp_path: Path) -> None:
    split_folder(tmp_path)
    data = ImageFolder("photos", size=16, train=6).load(Seeds.of(0), tmp_path)
    assert torch.bincount(data.train.targets).tolist() == [3, 3] and len(data.test) == 8
    with pytest.raises(FieldError, match="there are 20"):
        ImageFolder("photos", size=16, train=21).load(Seeds.of(0), tmp_path)


def test_class_sets_must_agree(tmp_path: Path) -> None:
    photo(split_folder(tmp_path) / "train" / "Plum" / "0.jpg", 50)
    with pytest.raises(DataError, match="'Plum' is in train/ but not in test/"):
        ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path)


def test_pictures_outside_of_a_class(tmp_path: Path) -> None:
    photo(split_folder(tmp_path) / "stray.jpg", 50)
    with pytest.raises(DataError, match="neither in train/"):
        ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path)


@pytest.mark.parametrize("fields", [{"size": 7}, {"margin": 0.9}, {"test": 0.0}, {"train": 0}])
def test_impossible_fields(fields: dict[str, float]) -> None:
    with pytest.raises(FieldError, match=f"ImageFolder.{next(iter(fields))}"):
        ImageFolder("photos", **fields)


def test_size_from_the_pictures(tmp_path: Path) -> None:
    split_folder(tmp_path)  # 40 x 32
    data = ImageFolder("photos").load(Seeds.of(0), tmp_path)
    assert data.size == 32 and data.train.inputs.shape[-1] == 37 and data.why[0][:2] == ("data.size", 32)
    assert [row[0] for row in ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path).why] == ["data.split"]


def test_the_split_is_told(tmp_path: Path) -> None:
    split_folder(tmp_path)
    said = ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path).why[-1]
    assert said == ("data.split", "given", "test: given by the folder (8 of 28); the folders say train and test")
    drawn = ImageFolder("photos", size=16, train=6).load(Seeds.of(0), tmp_path).why[-1]
    assert drawn[2] == said[2] + "; of these 6 are learnt from, 8 are the test"
    alone = ImageFolder("photos/train", size=16, test=0.3).load(Seeds.of(0), tmp_path).why[-1]
    assert alone == (
        "data.split",
        "stratified",
        "test: 0.3 of every class by content hash (6 of 20); one label an item",
    )


def test_a_folder_with_parts_is_divided_anew_only_when_asked(tmp_path: Path) -> None:
    split_folder(tmp_path)
    given = ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path)
    asked = ImageFolder("photos", size=16, split=Split("given")).load(Seeds.of(0), tmp_path)
    assert (asked.train.keys, asked.test.keys) == (given.train.keys, given.test.keys)
    anew = ImageFolder("photos", size=16, split=Split("stratified", test=0.5)).load(Seeds.of(0), tmp_path)
    assert torch.bincount(anew.test.targets).tolist() == [7, 7]
    assert set(anew.test.keys) & set(given.train.keys)
    assert set(anew.train.keys) | set(anew.test.keys) == set(given.train.keys) | set(given.test.keys)
    photo(tmp_path / "photos" / "train" / "Plum" / "0.jpg", 50)
    photo(tmp_path / "photos" / "train" / "Plum" / "1.jpg", 51)
    assert "Plum" in ImageFolder("photos", size=16, split=Split("stratified")).load(Seeds.of(0), tmp_path).classes


def test_random_leaves_the_classes_aside(tmp_path: Path) -> None:
    for number in range(40):
        photo(tmp_path / "photos" / ("b" if number % 4 else "a") / f"{number}.jpg", number)
    part = ImageFolder("photos", size=16, split=Split("random", test=0.25), validation=0.3)
    data = part.load(Seeds.of(0), tmp_path, choosing=True)
    assert data.why[-1] == ("data.split", "random", "test: 0.25 of the items by content hash (10 of 40); as asked for")
    assert [len(each) for _, each in data.splits()] == [21, 9, 10]
    keys = data.train.keys + data.validation.keys + data.test.keys  # type: ignore[union-attr]
    for name, fraction, among in (("test", 0.25, keys), ("validation", 0.3, keys[:30])):
        held = smallest(among, fraction, name)
        assert set(dict(data.splits())[name].keys) == {key for key, one in zip(among, held, strict=True) if one}
    assert part.but(split__test=0.2, test=0.25).load(Seeds.of(3), tmp_path).test.keys == data.test.keys


def test_the_split_is_among_the_fields_that_a_run_is_known_by() -> None:
    part = ImageFolder("photos", size=16)
    assert part.flatten("data.")["data.split.by"] == "auto" and part.flatten("data.")["data.test"] == 0.2
    assert part.but(split__by="random").identity() != part.identity() == ImageFolder("photos", size=16).identity()


def test_a_folder_has_no_columns() -> None:
    for split in (Split("group", column="who"), Split("time", column="day"), Split("given", column="part")):
        with pytest.raises(
            FieldError, match=r"ImageFolder\.split is Split\(.*no columns to go by\. Use Split\('random'\)"
        ):
            ImageFolder("photos", split=split)
    with pytest.raises(FieldError, match=r"ImageFolder\.test is 0\.3, but split says Split\(test=0\.4\)"):
        ImageFolder("photos", test=0.3, split=Split(test=0.4))


def test_parts_that_the_folder_does_not_give(tmp_path: Path) -> None:
    split_folder(tmp_path)
    with pytest.raises(DataError, match=r"do not say which items are the test\. Use 'random' or 'stratified'"):
        ImageFolder("photos/train", size=16, split=Split("given")).load(Seeds.of(0), tmp_path)


def test_a_folder_tells_one_class() -> None:
    with pytest.raises(FieldError, match=r"a folder's name tells one class\. Use ImageTable"):
        ImageFolder("photos", target=MultiLabel())
    with pytest.raises(FieldError, match="photos have many sizes"):
        ImageFolder("photos", size=None)
