"""Small real data and learners: two hundred digits-like pictures that a network can learn in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench import Augment, ImageArrays, Learner, Network, Norm, OneCycle
from workbench.data.archive import write_npz


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder with data/small.npz: 12 x 12 pictures of four kinds of bars and blobs, with noise."""
    root = tmp_path_factory.mktemp("project")
    (root / "data").mkdir()
    generator = np.random.default_rng(0)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = generator.integers(0, 4, count).astype(np.uint8)
        images = generator.integers(0, 90, (count, 12, 12)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            at = generator.integers(3, 8)
            if label == 0:
                image[at : at + 2] = 230
            elif label == 1:
                image[:, at : at + 2] = 230
            elif label == 2:
                image[at - 2 : at + 3, at - 2 : at + 3] = 230
            else:
                np.fill_diagonal(image, 230)
        return images, labels

    train, test = draw(240), draw(120)
    classes = np.array(["row", "column", "square", "diagonal"])
    write_npz(
        root / "data" / "small.npz",
        {"train_images": train[0], "train_labels": train[1], "test_images": test[0], "test_labels": test[1], "classes": classes},
    )
    return root


class Bars(Learner):
    """The smallest complete learner."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=3, batch=32, lr=1e-2)


@pytest.fixture
def bars() -> type[Bars]:
    """The learner of this folder's tests."""
    return Bars
