"""Splits: proportions hold, nothing is on both sides, additions do not reshuffle."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.items import Items
from workbench.data.splits import check_classes, first_by_key, hold_out, shares, stratified
from workbench.errors import DataError, FieldError
from workbench.streams import numpy_generator


def items(targets: list[int], first: int = 0) -> Items:
    keys = tuple(f"{(n + first) * 2654435761 % 2**64:016x}" for n in range(len(targets)))
    return Items(torch.zeros(len(targets), 1, 8, 8, dtype=torch.uint8), torch.tensor(targets), keys)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.floats(0, 1))
def test_shares_are_proportional(counts: list[int], place: float) -> None:
    total = len(counts) + round(place * (sum(counts) - len(counts)))
    given_ = shares(counts, total)
    assert sum(given_) == total
    assert all(1 <= share <= count for share, count in zip(given_, counts, strict=True))
    if min(counts) * total >= sum(counts):
        exact = [total * count / sum(counts) for count in counts]
        assert all(abs(share - real) < 1 for share, real in zip(given_, exact, strict=True))


def test_stratified_draws_differ_by_stream_and_are_unique() -> None:
    targets = torch.arange(90) % 3
    one, two = (stratified(targets, 30, np.random.default_rng(seed)) for seed in (0, 1))
    assert len(set(one.tolist())) == 30 and one.tolist() == sorted(one.tolist()) and not torch.equal(one, two)
    assert torch.bincount(targets[one]).tolist() == [10, 10, 10]


def test_stratified_refuses_what_is_not_there() -> None:
    with pytest.raises(FieldError, match="there are 9"):
        stratified(torch.arange(9) % 3, 10, np.random.default_rng(0))
    with pytest.raises(FieldError, match="fewer than the 3"):
        stratified(torch.arange(9) % 3, 2, np.random.default_rng(0))


def test_hold_out_is_a_partition_with_every_class() -> None:
    whole = items([0] * 20 + [1] * 10 + [2] * 2)
    kept, held = hold_out(whole, 0.2, "validation")
    assert set(kept.keys) | set(held.keys) == set(whole.keys) and not set(kept.keys) & set(held.keys)
    assert torch.bincount(held.targets).tolist() == [4, 2, 1]


def test_hold_out_does_not_depend_on_the_order() -> None:
    whole = items([0, 1] * 20)
    turned = whole.subset(torch.arange(40).flip(0))
    assert set(hold_out(whole, 0.25, "test")[1].keys) == set(hold_out(turned, 0.25, "test")[1].keys)


def test_items_added_move_no_more_than_as_many() -> None:
    few, many = items([0] * 100), items([0] * 105)
    before, after = (set(hold_out(each, 0.3, "test")[1].keys) for each in (few, many))
    assert len(before - after) <= 5


def test_purposes_are_independent() -> None:
    whole = items([0] * 400)
    one, two = (set(hold_out(whole, 0.5, purpose)[1].keys) for purpose in ("test", "validation"))
    assert 60 < len(one & two) < 140


def test_single_item_class_cannot_be_held_out() -> None:
    with pytest.raises(DataError, match="class 1 has one item"):
        hold_out(items([0, 0, 1]), 0.5, "validation")
    with pytest.raises(DataError, match="class 'dog' has one item"):
        hold_out(items([0, 0, 1]), 0.5, "validation", classes=("cat", "dog"))


def test_held_out_without_looking_at_classes() -> None:
    whole = items([0] * 39 + [1])
    kept, held = hold_out(whole, 0.25, "validation", by_class=False)
    assert len(held) == 10 and len(kept) == 30
    with pytest.raises(DataError, match="class 1 has one item"):
        hold_out(whole, 0.25, "validation")


def test_a_single_class_is_refused() -> None:
    with pytest.raises(DataError, match="photos: every item is of class 'cat'"):
        check_classes(items([0] * 4), items([0] * 2), ("cat",), "photos")


def test_first_by_key() -> None:
    whole = items([0] * 10)
    assert sorted(first_by_key(whole, 4).keys) == sorted(whole.keys)[:4]
    assert first_by_key(whole, None) is whole
    with pytest.raises(FieldError, match="there are 10"):
        first_by_key(whole, 11)


def test_class_without_items_is_named() -> None:
    check_classes(items([0, 1]), items([1, 0]), ("a", "b"), "x.npz")
    with pytest.raises(DataError, match=r"x\.npz: no test item of class 'b'"):
        check_classes(items([0, 1]), items([0]), ("a", "b"), "x.npz")


def test_items_without_one_class_each_are_one_stratum() -> None:
    numbers = torch.rand(10, 1, generator=torch.Generator().manual_seed(0))
    found = Items(torch.zeros(10, 1, 8, 8, dtype=torch.uint8), numbers, tuple(f"{n:016x}" for n in range(10)))
    kept, held = hold_out(found, 0.3, "test")
    assert len(held) == 3 and set(kept.keys) | set(held.keys) == set(found.keys)
    assert len(stratified(numbers, 4, numpy_generator(0, "subset"))) == 4
    check_classes(kept, held, ("price",), "here")


def test_equal_contents_are_held_out_together() -> None:
    whole = items([0] * 40)
    twice = Items(whole.inputs, torch.tensor([0, 1] * 20), whole.keys[:20] * 2)
    kept, held = hold_out(twice, 0.3, "test")
    assert len(held) == 12 and not set(kept.keys) & set(held.keys)
