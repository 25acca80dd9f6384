"""Views show the same picture moved by whole pixels, enlarged, and mirrored where asked."""

import torch

from workbench.data.loading import Batch
from workbench.data.views import views

PICTURES = torch.randint(0, 256, (3, 2, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
BATCH = Batch(PICTURES, torch.arange(3), torch.arange(3))


def test_six_looks_and_their_mirror_images() -> None:
    plain, both = list(views(BATCH, flip=False)), list(views(BATCH, flip=True))
    assert len(plain) == 6 and len(both) == 12
    for number, each in enumerate(plain):
        assert each.x.shape == PICTURES.shape and each.x.dtype == torch.uint8
        assert torch.equal(both[2 * number].x, each.x) and torch.equal(both[2 * number + 1].x, each.x.flip(-1))
        assert torch.equal(each.y, BATCH.y) and torch.equal(each.index, BATCH.index)
    assert torch.equal(plain[0].x, PICTURES)


def test_shifts_are_whole_pixels_and_reflect_at_the_edge() -> None:
    up_left, _, _, down_right = (each.x for each in list(views(BATCH, flip=False))[1:5])
    assert torch.equal(up_left[..., :30, :30], PICTURES[..., 2:, 2:])
    assert torch.equal(down_right[..., 2:, 2:], PICTURES[..., :30, :30])
    assert torch.equal(down_right[..., 0, 2:], PICTURES[..., 2, :30])
    assert torch.equal(up_left[..., 31, :30], PICTURES[..., 29, 2:])


def test_the_enlarged_view_shows_the_middle() -> None:
    gradient = torch.arange(32, dtype=torch.uint8).mul(8).expand(1, 1, 32, 32).contiguous()
    enlarged = list(views(Batch(gradient, BATCH.y[:1], BATCH.index[:1]), flip=False))[5].x[0, 0, 0]
    # the first pixel now shows column 2 less 1/16 of a column (the centre of 7/8 of a pixel), in steps of 8
    assert abs(int(enlarged[0]) - 8 * (2 - 1 / 16)) <= 1 and abs(int(enlarged[31]) - 8 * (29 + 1 / 16)) <= 1
