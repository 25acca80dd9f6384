"""torchvision's own classes read files that were written as it lays them out, from data at hand."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.data.sources.idx import FILES
from workbench.data.torchvision_sets import Found, read_set
from workbench.errors import DataError, FieldError

KINDS = ("Orange", "Watermelon")


def write_idx(source: Path, folder: Path, count: int) -> dict[str, np.ndarray]:
    """The first pictures of an .npz as the four files that MNIST and Fashion-MNIST are published in."""
    folder.mkdir(parents=True)
    arrays = {}
    with np.load(source) as stored:
        for key, name in FILES.items():
            array = arrays[key] = stored[key][:count]
            sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
            (folder / name).write_bytes(b"\0\0\x08" + bytes([array.ndim]) + sizes + array.tobytes())
    return arrays


def write_photos(source: Path, places: dict[str, tuple[str, ...]], count: int) -> None:
    """``{origin's part: folders}``: so many photos of two kinds into each folder, none into two."""
    with zipfile.ZipFile(source) as archive:
        for part, folders in places.items():
            for kind in KINDS:
                names = [name for name in archive.namelist() if name.startswith(f"{part}/{kind}/")]
                for place, folder in enumerate(folders):
                    (Path(folder) / kind).mkdir(parents=True)
                    for name in names[place * count : (place + 1) * count]:
                        (Path(folder) / kind / Path(name).name).write_bytes(archive.read(name))


def read(name: str, root: Path, *options: str, size: int | str | None = "auto", download: bool = False) -> Found:
    return read_set(name, root, options, size=size, margin=1.25, download=download)


def test_squares_of_one_size_stay_as_they_are(carried: Callable[[str], Path], tmp_path: Path) -> None:
    arrays = write_idx(carried("data/fashion_mnist.npz"), tmp_path / "FashionMNIST/raw", 60)
    found = read("FashionMNIST", tmp_path)
    assert (
        found.size == 28 and found.images.shape == (120, 1, 28, 28) and found.names and found.names[0] == "T-shirt/top"
    )
    assert np.array_equal(found.images[:60, 0].numpy(), arrays["train_images"])
    assert np.array_equal(found.targets[60:], arrays["test_labels"])
    assert found.parts == ("train",) * 60 + ("test",) * 60
    assert read("FashionMNIST", tmp_path) is found
    assert read("FashionMNIST", tmp_path, size=16).images.shape == (120, 3, 20, 20)


def test_photos_with_three_parts(carried: Callable[[str], Path], tmp_path: Path) -> None:
    base = str(tmp_path / "country211")
    write_photos(
        carried("data/grocery.zip"), {"train": (f"{base}/train", f"{base}/valid"), "test": (f"{base}/test",)}, 6
    )
    found = read("Country211", tmp_path, size=32)
    assert found.names == KINDS and found.images.shape == (36, 3, 40, 40) and found.size == 32
    assert found.parts == ("train",) * 12 + ("validation",) * 12 + ("test",) * 12
    assert len(set(found.keys)) == 36
    assert set(read("Country211", tmp_path, "split=test", size=32).keys) == set(found.keys[24:])
    assert read("Country211", tmp_path).size == 224


def test_photos_without_parts(carried: Callable[[str], Path], tmp_path: Path) -> None:
    write_photos(carried("data/grocery.zip"), {"train": (str(tmp_path / "eurosat/2750"),)}, 8)
    found = read("EuroSAT", tmp_path, size=32)
    assert found.parts is None and found.names == KINDS and found.targets.tolist() == [0] * 8 + [1] * 8


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        FieldError, match="'FashionMnist' is not a data set of torchvision; did you mean 'FashionMNIST'"
    ):
        read("FashionMnist", tmp_path)
    with pytest.raises(DataError, match=r"MNIST: it is not in .*/ \(Dataset not found.*Set download=True once"):
        read("MNIST", tmp_path)
    with pytest.raises(FieldError, match=r"EMNIST: torchvision says: .*'split'\. Set options"):
        read("EMNIST", tmp_path)
    with pytest.raises(FieldError, match="it has no splits 'train' and 'test'"):
        read("Places365", tmp_path)
    with pytest.raises(DataError, match=r"Cityscapes: it is not in .*Put its files there as torchvision says"):
        read("Cityscapes", tmp_path)


def test_items_that_are_no_pictures_with_a_class(tmp_path: Path) -> None:
    (tmp_path / "MovingMNIST").mkdir()
    np.save(tmp_path / "MovingMNIST/mnist_test_seq.npy", np.zeros((20, 2, 64, 64), np.uint8))
    with pytest.raises(DataError, match="an item is no picture with its target"):
        read("MovingMNIST", tmp_path, "split=None")
