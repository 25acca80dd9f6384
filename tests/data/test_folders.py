"""ImageFolder splits as the folders or the content say."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.data.folders import ImageFolder
from workbench.data.targets import MultiLabel
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds


def photo(path: Path, number: int, size: tuple[int, int] = (40, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    Image.fromarray(pixels).resize(size).save(path, quality=95)


def split_folder(root: Path, *, classes: tuple[str, ...] = ("Apple", "Pear"), train: int = 10, test: int = 4) -> Path:
    number = 0
    for side, count in (("train", train), ("test", test)):
        for name in classes:
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


def test_choosing_holds_out_of_training(tmp_path: Path) -> None:
    split_folder(tmp_path)
    part = ImageFolder("photos", size=16, validation=0.3)
    final, choosing = part.load(Seeds.of(0), tmp_path), part.load(Seeds.of(0), tmp_path, choosing=True)
    assert choosing.validation is not None and torch.bincount(choosing.validation.targets).tolist() == [3, 3]
    assert set(choosing.train.keys) | set(choosing.validation.keys) == set(final.train.keys)
    assert choosing.test.keys == final.test.keys


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
    assert ImageFolder("photos", size=16).load(Seeds.of(0), tmp_path).why == ()


def test_a_folder_tells_one_class() -> None:
    with pytest.raises(FieldError, match=r"a folder's name tells one class\. Use ImageTable"):
        ImageFolder("photos", target=MultiLabel())
    with pytest.raises(FieldError, match="photos have many sizes"):
        ImageFolder("photos", size=None)
