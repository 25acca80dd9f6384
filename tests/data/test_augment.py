"""Augmentation depends on (seed, epoch, item) alone, and each field does what it says."""

from typing import Any

import pytest
import torch

from workbench.data.augment import Augment
from workbench.errors import FieldError

EVERYTHING = Augment(flip=True, crop=0.5, aspect=1.3, shift=0.1, rotate=15, brightness=0.2, contrast=0.2)


def pictures(n: int = 16, side: int = 16) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(0))


def run(part: Augment, images: torch.Tensor, *, epoch: int = 0, seed: int = 5, **options: Any) -> torch.Tensor:
    return part.apply(images, torch.arange(len(images)), seed=seed, epoch=epoch, **options)


@pytest.mark.parametrize("part", [EVERYTHING, Augment(), Augment(flip=True, shift=0.2)])
def test_no_batch_size_changes_a_picture(part: Augment) -> None:
    images, index = pictures(), torch.randperm(16, generator=torch.Generator().manual_seed(1))
    whole = run(part, images, size=12)
    shuffled = part.apply(images[index], index, seed=5, epoch=0, size=12)
    alone = torch.cat([part.apply(images[n : n + 1], torch.tensor([n]), seed=5, epoch=0, size=12) for n in range(16)])
    assert torch.equal(whole, alone) and torch.equal(whole[index], shuffled)


def test_epochs_and_seeds_differ_and_repeat() -> None:
    images = pictures()
    first = run(EVERYTHING, images)
    assert torch.equal(first, run(EVERYTHING, images))
    for other in (run(EVERYTHING, images, epoch=1), run(EVERYTHING, images, seed=6)):
        assert all(not torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_nothing_asked_nothing_changed() -> None:
    images = pictures()
    assert torch.equal(run(Augment(), images), images)


def test_margin_gives_real_crops() -> None:
    images = pictures(n=40)
    crops = run(Augment(), images, size=12)
    places = set()
    for image, crop in zip(images, crops, strict=True):
        found = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.allclose(image[:, top : top + 12, left : left + 12], crop, atol=1e-4)
        ]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) > 12 and {top for top, _ in places} == {0, 1, 2, 3, 4} == {left for _, left in places}


def test_shift_moves_whole_pixels_and_reflects() -> None:
    images = pictures(n=30)
    moved = run(Augment(shift=0.25), images)
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4), mode="reflect")
    symmetric = torch.cat([images[..., :4].flip(-1), images, images[..., -4:].flip(-1)], dim=-1)
    symmetric = torch.cat([symmetric[..., :4, :].flip(-2), symmetric, symmetric[..., -4:, :].flip(-2)], dim=-2)
    assert padded.shape == symmetric.shape
    for n in range(30):
        assert any(
            torch.allclose(symmetric[n, :, top : top + 16, left : left + 16], moved[n], atol=1e-4)
            for top in range(9)
            for left in range(9)
        )


def test_crop_zooms_in_by_at_most_its_area() -> None:
    ramp = torch.linspace(0, 1, 64).expand(200, 1, 64, 64)
    seen = run(Augment(crop=0.25), ramp)
    width = (seen[..., -1] - seen[..., 0]).mean((1, 2))
    assert width.min() >= 0.48 and width.max() <= 1.01 and width.min() < 0.55 and width.max() > 0.95


def test_rotation_of_a_disc_changes_nothing() -> None:
    y, x = torch.meshgrid(torch.arange(33) - 16, torch.arange(33) - 16, indexing="ij")
    disc = ((x**2 + y**2) / 512).float().expand(8, 1, 33, 33)
    inside = x**2 + y**2 < 200
    turned = run(Augment(rotate=180), disc)
    torch.testing.assert_close(turned[:, 0][:, inside], disc[:, 0][:, inside], atol=5e-3, rtol=0)
    assert not torch.allclose(run(Augment(rotate=180), pictures()), pictures(), atol=0.1)


def test_light_stays_in_range() -> None:
    bright = run(Augment(brightness=0.9, contrast=0.9), pictures())
    assert bright.min() >= 0 and bright.max() <= 1 and not torch.allclose(bright, pictures(), atol=0.05)


@pytest.mark.parametrize(
    ("field", "value"),
    [("crop", 0.0), ("crop", 1.2), ("aspect", 0.5), ("shift", 1.0), ("rotate", 200.0), ("contrast", -0.1)],
)
def test_amounts_out_of_range(field: str, value: float) -> None:
    with pytest.raises(FieldError, match=f"Augment.{field}"):
        Augment(**{field: value})
