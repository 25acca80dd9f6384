"""Batches cover the items in the order given; prepare does its steps in the stated order."""

import pytest
import torch

from workbench.data.augment import Augment
from workbench.data.items import Items
from workbench.data.loading import Batch, Batches
from workbench.data.pictures import centre, prepare
from workbench.errors import FieldError
from workbench.streams import permutation


def items(n: int = 10, channels: int = 1, side: int = 8) -> Items:
    inputs = (torch.arange(n * channels * side * side) * 37 % 256).to(torch.uint8).view(n, channels, side, side)
    return Items(inputs, torch.arange(n), tuple(f"{k:016x}" for k in range(n)))


def batch(**fields: int) -> Batch:
    return next(iter(Batches(items(**fields), batch=64)))


def test_a_pass_has_every_item_once_and_keeps_the_rest() -> None:
    order = permutation(3, "order", 0, n=10)
    seen = list(Batches(items(), batch=4, order=order))
    assert [len(each) for each in seen] == [4, 4, 2] == [len(each.y) for each in seen]
    assert torch.cat([each.index for each in seen]).tolist() == order.tolist()
    for each in seen:
        assert torch.equal(each.x, items().inputs[each.index]) and torch.equal(each.y, each.index)


def test_start_goes_on_where_a_pass_was_left() -> None:
    order = permutation(3, "order", 1, n=10)
    whole, rest = Batches(items(), batch=3, order=order), Batches(items(), batch=3, order=order, start=2)
    assert len(whole) == 4 and len(rest) == 2
    assert [each.index.tolist() for each in rest] == [each.index.tolist() for each in whole][2:]


def test_split_keeps_every_item() -> None:
    whole = batch()
    pieces = whole.split(4)
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert torch.equal(torch.cat([piece.x for piece in pieces]), whole.x)
    assert torch.equal(torch.cat([piece.index for piece in pieces]), whole.index)


def test_batch_below_one() -> None:
    with pytest.raises(FieldError, match="batch is 0"):
        Batches(items(), batch=0)


def test_normalised_in_units_of_one() -> None:
    whole = batch(channels=3)
    x = prepare(whole, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 0.125))
    assert x.dtype == torch.float32
    by_hand = (whole.x.float() / 255 - torch.tensor([0.1, 0.2, 0.3])[:, None, None]) / torch.tensor([0.5, 0.25, 0.125])[
        :, None, None
    ]
    assert torch.equal(x, by_hand)


def test_grey_becomes_colour_before_it_is_normalised() -> None:
    x = prepare(batch(), mean=(0.0, 0.5, 0.0), std=(1.0, 1.0, 2.0), channels=3)
    assert x.shape == (10, 3, 8, 8)
    torch.testing.assert_close(x[:, 1] + 0.5, x[:, 0])
    torch.testing.assert_close(x[:, 2] * 2, x[:, 0])


def test_evaluation_takes_the_middle() -> None:
    whole = batch(side=12)
    x = prepare(whole, mean=(0.0,), std=(1.0,), size=8)
    assert torch.equal(x, whole.x[..., 2:10, 2:10].float() / 255)
    assert centre(whole.x, None) is whole.x


def test_augmented_only_when_asked_and_before_normalising() -> None:
    whole = batch()
    mirrored = prepare(whole, mean=(0.5,), std=(1.0,), augment=Augment(flip=True), seed=1, epoch=2) + 0.5
    plain = whole.x.float() / 255
    flipped = [n for n in range(10) if not torch.allclose(mirrored[n], plain[n], atol=1e-4)]
    assert 0 < len(flipped) < 10
    for n in flipped:
        torch.testing.assert_close(mirrored[n], plain[n].flip(-1), atol=1e-4, rtol=0)


def test_colour_does_not_fit_a_grey_network() -> None:
    with pytest.raises(FieldError, match="channels=1"):
        prepare(batch(channels=3), mean=(0.0,), std=(1.0,), channels=1)
    with pytest.raises(FieldError, match="3 means"):
        prepare(batch(), mean=(0.0,) * 3, std=(1.0,) * 3)
