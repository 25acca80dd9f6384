"""VisionDataset splits as torchvision's class does, else by content, and trains."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.data.test_torchvision_sets import KINDS, write_idx, write_photos
from workbench import Learner, Network, OneCycle
from workbench.data.split import Split
from workbench.data.targets import MultiLabel, Regression, SingleLabel
from workbench.data.vision_dataset import VisionDataset
from workbench.errors import FieldError
from workbench.streams import Seeds


@pytest.fixture(scope="module")
def root(carried: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("torchvision")
    base = root / "data/torchvision"
    write_idx(carried("data/mnist.npz"), base / "MNIST/raw", 600)
    photos = {"train": (f"{base}/country211/train", f"{base}/country211/valid"), "test": (f"{base}/country211/test",)}
    write_photos(carried("data/grocery.zip"), photos, 6)
    write_photos(carried("data/grocery.zip"), {"train": (f"{base}/eurosat/2750",)}, 10)
    return root


def test_digits(root: Path) -> None:
    part = VisionDataset("MNIST")
    data = part.load(Seeds.of(0), root)
    assert len(data.train) == 600 and len(data.test) == 600 and data.channels == 1 and data.size == 28
    assert data.classes[3] == "3 - three" and data.target == SingleLabel() and part.files() == ("data/torchvision",)
    choosing = part.but(train=100).load(Seeds.of(0), root, choosing=True)
    assert len(choosing.train) == 100 and choosing.validation is not None and choosing.test.keys == data.test.keys
    assert not set(choosing.train.keys) & set(choosing.validation.keys)


def test_validation_items_are_trained_on_unless_settings_are_chosen(root: Path) -> None:
    part = VisionDataset("Country211", size=32)
    assert [len(each) for _, each in part.load(Seeds.of(0), root, choosing=True).splits()] == [12, 12, 12]
    data = part.load(Seeds.of(0), root)
    assert len(data.train) == 24 and data.classes == KINDS and data.train.inputs.shape[-1] == 37


def test_a_class_without_parts_is_divided_by_content(root: Path) -> None:
    part = VisionDataset("EuroSAT", size=32, split=Split(test=0.3))
    data = part.load(Seeds.of(0), root)
    assert torch.bincount(data.test.targets).tolist() == [3, 3]
    assert data.why[-1] == ("data.split", "test: 0.3 of every class by content hash (6 of 20)", "one label an item")


def test_a_class_with_parts_is_divided_anew_only_when_asked(root: Path) -> None:
    known = VisionDataset("MNIST").load(Seeds.of(0), root)
    anew = VisionDataset("MNIST", split=Split("random", test=0.25)).load(Seeds.of(0), root)
    assert len(anew.test) == 300 and set(anew.test.keys) & set(known.train.keys)
    assert known.why[-1][1].startswith("test: given") and anew.why[-1][1].endswith("(300 of 1,200)")
    with pytest.raises(FieldError, match=r"VisionDataset\.split is .* no columns to go by"):
        VisionDataset("MNIST", split=Split("group", column="who"))


def test_another_target(root: Path) -> None:
    data = VisionDataset("MNIST", target=Regression()).load(Seeds.of(0), root)
    assert data.train.targets.shape == (600, 1) and data.classes == ("value",)
    with pytest.raises(FieldError, match=r"MNIST: MultiLabel takes several labels.*Did you mean SingleLabel"):
        VisionDataset("MNIST", target=MultiLabel()).load(Seeds.of(0), root)


def test_it_trains(root: Path) -> None:
    class Digits(Learner):
        """A small network on torchvision's MNIST."""

        data = VisionDataset("MNIST")
        model = Network("resnet8", width=8)
        fit = OneCycle(epochs=4, batch=32, lr=1e-2)

    data = Digits.data.load(Seeds.of(0), root)
    constant = SingleLabel().constant(data.train.targets, data.test.targets)["error"]
    assert Digits(0, root=root).run().metrics["test/error"] < constant / 2


def test_impossible_fields() -> None:
    with pytest.raises(FieldError, match=r"VisionDataset\.margin is 9"):
        VisionDataset("MNIST", margin=9)
    with pytest.raises(FieldError, match=r"it takes e\.g\. 'split=letters'"):
        VisionDataset("EMNIST", options=("letters",))
