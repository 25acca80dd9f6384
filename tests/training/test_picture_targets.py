"""Classes, labels and numbers are learnt from real pictures, and beat named baselines on the same split."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch.nn import functional

from workbench import (
    Augment,
    FineTune,
    ImageArrays,
    ImageTable,
    Learner,
    MultiLabel,
    Network,
    Norm,
    OneCycle,
    Pretrained,
    Regression,
    Seeds,
)
from workbench.data.items import Items

GROUPS = {
    "Apple": ("Golden-Delicious", "Granny-Smith", "Pink-Lady", "Red-Delicious", "Royal-Gala"),
    "Citrus": ("Orange", "Satsumas"),
    "Melon": ("Cantaloupe", "Galia-Melon", "Honeydew-Melon", "Watermelon"),
    "Pear": ("Anjou", "Conference", "Kaiser"),
}


def pixels(items: Items, side: int | None = None) -> np.ndarray:
    """The pictures as rows of numbers from 0 to 1, in ``side`` pixels."""
    pictures = items.inputs[torch.arange(len(items))].float() / 255
    return (pictures if side is None else functional.adaptive_avg_pool2d(pictures, side)).flatten(1).numpy()


def test_digits_beat_logistic_regression_and_nearest_neighbours(carried: Callable[[str], Path]) -> None:
    """By half; set after seed 0 came to 0.043 against 0.124 and 0.118. Seed 1 confirms it."""

    class Digits(Learner):
        """A thousand of MNIST's."""

        data = ImageArrays("data/mnist.npz", train=1_000, test=2_000)
        model = Network("resnet8")
        fit = OneCycle(epochs=6, batch=32, lr=1e-2)

    root = carried("data/mnist.npz").parent.parent
    error = Digits(1, root=root).run().metrics["test/error"]
    data = Digits.data.load(Seeds.of(1), root)
    for rival in (LogisticRegression(max_iter=300), KNeighborsClassifier(3)):
        rival.fit(pixels(data.train), data.train.targets)
        assert error < 0.5 * (1 - rival.score(pixels(data.test), data.test.targets))


@pytest.fixture
def root(carried: Callable[[str], Path], tmp_path: Path) -> Path:
    """A project with the photos of fruit, and a table that gives each its kind and its group."""
    (tmp_path / "data").mkdir()
    for name in ("data/grocery.zip", "data/mobilenet_v2.pth"):
        (tmp_path / name).symlink_to(carried(name))
    group = {kind: name for name, kinds in GROUPS.items() for kind in kinds}
    with zipfile.ZipFile(tmp_path / "data/grocery.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".jpg")]
    split, kinds = zip(*(name.split("/")[:2] for name in names), strict=True)
    labels = [f"{group[kind]};{kind}" for kind in kinds]
    pd.DataFrame({"image": names, "labels": labels, "split": split}).to_csv(tmp_path / "data/labels.csv", index=False)
    return tmp_path


def test_kind_and_group_of_fruit(root: Path) -> None:
    class Fruit(Learner):
        """Two labels a photo, on the features of ImageNet."""

        data = ImageTable(
            "data/labels.csv",
            pictures="data/grocery.zip",
            target=MultiLabel(separator=";"),
            size=64,
            train=280,
            augment=Augment(flip=True),
        )
        model = Pretrained("data/mobilenet_v2.pth", norm=Norm(stats="running"))
        fit = FineTune(epochs=4, batch=16, lr=1e-2, scope="head")

    learner = Fruit(0, root=root)
    data = learner.data.load(learner.seeds, root)
    assert len(data.classes) == 18 and data.target == MultiLabel(separator=";")
    assert float(data.test.targets.sum(1).max()) == float(data.test.targets.sum(1).min()) == 2
    found, constant = learner.run().metrics, data.target.constant(data.train.targets, data.test.targets)
    for name in ("hamming_loss", "loss"):
        assert found[f"test/{name}"] < 0.7 * constant[name]
    assert found["test/mAP"] > 4 * constant["mAP"] and found["test/f1_micro"] > 0.6
    linear = OneVsRestClassifier(LogisticRegression(max_iter=300))
    linear.fit(pixels(data.train, 16), data.train.targets)
    wrong = linear.predict(pixels(data.test, 16)) != data.test.targets.numpy()
    assert found["test/hamming_loss"] < 0.9 * wrong.mean()


def test_the_number_that_a_digit_stands_for() -> None:
    digits = load_digits()
    images = (digits.images * 255 / 16).astype(np.uint8)

    class Numbers(Learner):
        """One number a picture, in units of its own."""

        data = ImageArrays.of(images, digits.target, target=Regression())
        model = Network("resnet8", width=8)
        fit = OneCycle(epochs=6, batch=32, lr=1e-2)

    learner = Numbers(0)
    data = learner.data.load(learner.seeds, Path())
    found, constant = learner.run().metrics, data.target.constant(data.train.targets, data.test.targets)
    assert constant["mae"] > 2 and found["test/mae"] < constant["mae"] / 2
    assert found["test/rmse"] < constant["rmse"] / 2 and found["test/r2"] > 0.7
    linear = Ridge().fit(pixels(data.train), data.train.targets)
    assert found["test/mae"] < 0.9 * float(np.abs(linear.predict(pixels(data.test)) - data.test.targets.numpy()).mean())


@pytest.mark.slow
def test_defects_of_solar_cells(carried: Callable[[str], Path]) -> None:
    """The bounds were set after seed 0 (mae 0.76 of the constant's, r2 0.33); seed 1 confirms them."""

    class Cells(Learner):
        """How probable a defect is (Deitsch et al. 2019), from photos of cells under current."""

        data = ImageTable("data/elpv.zip", label="probability", size=96, train=500)
        model = Pretrained("data/mobilenet_v2.pth")
        fit = FineTune(epochs=4, batch=32, lr=3e-3)

    project = carried("data/elpv.zip").parent.parent
    carried("data/mobilenet_v2.pth")
    result = Cells(1, root=project).run()
    assert result.metrics["test/mae"] < 0.85 * result.constant["test/mae"]
    assert result.metrics["test/rmse"] < 0.9 * result.constant["test/rmse"]
    assert result.metrics["test/r2"] > 0.2
