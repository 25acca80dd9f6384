"""Mix: shares follow their distribution, belong to items, and say how much of a picture is its own."""

import pytest
import torch
from scipy import stats

from workbench.data.mixing import Mix, partners
from workbench.errors import FieldError

INDEX = torch.arange(4_000)


def blended(mix: Mix, n: int = 4_000, side: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """White pictures mixed with black ones."""
    white = torch.ones(n, 1, side, side)
    return mix.blend(white, torch.zeros_like(white), INDEX[:n], seed=0, epoch=0)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_of_mixup_are_of_the_papers_distribution(alpha: float) -> None:
    pictures, share = blended(Mix(mixup=alpha), side=8)
    assert stats.kstest(share.double().numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01
    torch.testing.assert_close(pictures, share[:, None, None, None].expand_as(pictures))


def test_cutmix_pastes_one_box_and_its_share_is_what_is_left() -> None:
    pictures, share = blended(Mix(cutmix=1.0), n=500)
    assert set(pictures.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(pictures.mean((1, 2, 3)), share)
    for picture in pictures[:50, 0]:
        gone = (picture == 0).nonzero()
        if len(gone):
            high, wide = (gone.amax(0) - gone.amin(0) + 1).tolist()
            assert high * wide == len(gone)
    assert 0 <= float(share.min()) < 0.2 and float(share.max()) > 0.9


def test_boxes_that_are_not_cut_at_the_edge_have_the_drawn_area() -> None:
    # alpha 100 draws shares around a half: boxes of sides floor(16 / sqrt(2)) = 11 or so
    pictures, _ = blended(Mix(cutmix=100.0), n=2_000)
    inner = [
        p
        for p in pictures[:, 0]
        if bool((p[0] == 1).all() & (p[-1] == 1).all() & (p[:, 0] == 1).all() & (p[:, -1] == 1).all())
    ]
    counts = {int((p == 0).sum()) for p in inner}
    assert inner and counts <= {side**2 for side in range(9, 14)}


def test_both_take_half_of_the_items_each() -> None:
    pictures, share = blended(Mix(mixup=0.2, cutmix=1.0), n=2_000)
    flat = pictures.flatten(1)
    faded = (flat.amin(1) == flat.amax(1)) & (flat.amin(1) > 0) & (flat.amin(1) < 1)
    torch.testing.assert_close(flat.mean(1), share)
    assert 0.4 < float(faded.float().mean()) < 0.6


def test_what_is_drawn_belongs_to_the_item() -> None:
    mix = Mix(mixup=0.4, cutmix=1.0)
    x, others = torch.rand(2, 64, 3, 8, 8, generator=torch.Generator().manual_seed(0)).unbind(0)
    index = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    whole, share = mix.blend(x, others, index, seed=3, epoch=2)
    piece, part = mix.blend(x[10:20], others[10:20], index[10:20], seed=3, epoch=2)
    assert torch.equal(whole[10:20], piece) and torch.equal(share[10:20], part)
    assert not torch.equal(mix.blend(x, others, index, seed=3, epoch=3)[1], share)
    layout = torch.channels_last
    assert mix.blend(x.contiguous(memory_format=layout), others, index, seed=3, epoch=2)[0].is_contiguous(
        memory_format=layout
    )


def test_partners_are_one_ring() -> None:
    ring = partners(INDEX[:50] * 7, seed=0, epoch=0)
    place, seen = 0, []
    for _ in range(50):
        seen.append(place)
        place = int(ring[place])
    assert place == 0 and sorted(seen) == list(range(50))
    assert not torch.equal(ring, partners(INDEX[:50] * 7, seed=0, epoch=1))
    assert partners(INDEX[:1], seed=0, epoch=0).tolist() == [0]


@pytest.mark.parametrize("fields", [{}, {"mixup": -1.0}, {"cutmix": 101.0}])
def test_what_it_refuses(fields: dict[str, float]) -> None:
    with pytest.raises(FieldError, match="mixes nothing" if not fields else f"Mix.{next(iter(fields))}"):
        Mix(**fields)
