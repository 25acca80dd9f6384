"""Arrays held in memory are known by their content; files that are damaged are named."""

from pathlib import Path

import numpy as np
import pytest
import torch

from workbench.data.array_files import Stored, content_keys, hold, planes, read_arrays
from workbench.errors import DataError


def stored(first_label: int = 0) -> Stored:
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    labels = np.array([first_label, 1, 0, 1, 0, 1])
    arrays = {"train_images": images[:4], "train_labels": labels[:4], "test_images": images[4:]}
    return Stored.of({**arrays, "test_labels": labels[4:], "classes": np.array(["a", "b"])}, "here")


def test_equal_content_has_an_equal_name() -> None:
    name = hold(stored())
    assert name == hold(stored()) and name != hold(stored(first_label=1))
    assert torch.equal(read_arrays(Path("nowhere"), name).train.images, stored().train.images)


def test_what_another_process_held_is_not_there() -> None:
    with pytest.raises(DataError, match="held by another process"):
        read_arrays(Path("nowhere"), "arrays:0123456789abcdef")


def test_planes() -> None:
    assert planes(np.zeros((2, 8, 8), np.uint8), "x", "").shape == (2, 1, 8, 8)
    assert planes(np.zeros((2, 8, 8, 3), np.uint8), "x", "").shape == (2, 3, 8, 8)
    with pytest.raises(DataError, match="x is float64 of shape"):
        planes(np.zeros((2, 8, 8)), "x", "")
    with pytest.raises(DataError, match="8 x 9; squares"):
        planes(np.zeros((2, 8, 9), np.uint8), "x", "")
    first, second = content_keys(np.stack([np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8)]))
    assert first != second and len(first) == 16
