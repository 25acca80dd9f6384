"""Pictures of every form become the same stored bytes, and are prepared the same way in every split."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.data.augment import Augment
from workbench.data.encoding import restored
from workbench.data.loading import Batch
from workbench.data.pictures import ImagePreparation, PictureEncoder
from workbench.errors import DataError

PICTURE = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)


def test_a_path_bytes_a_picture_and_an_array_are_the_same_item(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "png")
    path = tmp_path / "one.png"
    path.write_bytes(buffer.getvalue())
    encoder = PictureEncoder(12, 3)
    stored = encoder.encode([PICTURE, path, str(path), buffer.getvalue(), Image.fromarray(PICTURE)])
    assert stored.dtype == torch.uint8 and stored.shape == (5, 3, 12, 12)
    assert all(torch.equal(stored[0], each) for each in stored)
    assert np.array_equal(encoder.show(stored, 0), PICTURE)


def test_colour_turns_grey_and_grey_is_repeated() -> None:
    grey = PictureEncoder(12, 1).encode([PICTURE])
    luma = (PICTURE @ np.array([0.299, 0.587, 0.114])).round()
    assert np.abs(grey[0, 0].numpy().astype(float) - luma).max() <= 1
    colour = PictureEncoder(12, 3).encode([PICTURE[..., 0]])
    assert torch.equal(colour[0, 0], colour[0, 2])


def test_another_size_is_scaled_and_cut_to_the_middle_square() -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    stored = PictureEncoder(20, 1).encode([wide])
    assert stored.shape == (1, 1, 20, 20) and int(stored[0, 0, 10, 10]) == 200


@pytest.mark.parametrize(
    "item",
    [3, np.zeros((0, 0), np.uint8), np.zeros((2, 2, 2), np.uint8), np.zeros((4, 4)), "no/such/file.png", b"no picture"],
)
def test_what_is_no_picture_is_refused(item: object) -> None:
    with pytest.raises(DataError):
        PictureEncoder(12, 3).encode([item])


def test_an_encoder_survives_as_plain_values() -> None:
    values = json.loads(json.dumps(PictureEncoder(12, 1).describe()))
    again = restored("PictureEncoder", values)
    assert isinstance(again, PictureEncoder) and (again.side, again.channels) == (12, 1)


def test_only_training_is_augmented() -> None:
    x = PictureEncoder(12, 3).encode([PICTURE, PICTURE])
    batch = Batch(x, torch.zeros(2, dtype=torch.int64), torch.arange(2))
    how = ImagePreparation(12, 3, (0.5,) * 3, (0.25,) * 3, "a test's", Augment(flip=True, brightness=0.5))
    plain = how(batch, training=False, seed=0, epoch=0, progress=0.0)
    assert torch.allclose(plain, (x.float() / 255 - 0.5) / 0.25)
    changed = how(batch, training=True, seed=0, epoch=0, progress=0.0)
    assert not torch.equal(changed[0], plain[0])
    assert torch.equal(changed, how(batch, training=True, seed=0, epoch=0, progress=0.9))
