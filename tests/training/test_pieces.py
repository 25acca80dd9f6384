"""Pieces: nothing is lost, nothing counts twice, and their gradients are the whole batch's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import Bars
from workbench import Norm
from workbench.data.loading import Batch, Batches
from workbench.training.callbacks import Hooks
from workbench.training.distributed import Ranks
from workbench.training.pieces import pieces


def batch(items: int) -> Batch:
    """So many, told apart by their position."""
    index = torch.arange(items)
    return Batch(index[:, None].float(), index % 3, index)


@given(st.integers(1, 40), st.one_of(st.none(), st.integers(1, 45)), st.integers(1, 5))
def test_every_item_is_in_one_piece_of_one_process_and_the_weights_add_up_to_1(
    items: int, micro: int | None, world: int
) -> None:
    whole = batch(items)
    seen: list[int] = []
    total = 0.0
    for rank in range(world):
        found = pieces(whole, micro, len, Ranks(rank, world))
        assert len(found) == -(-items // (micro or items))  # in every process: they exchange something on each
        for piece, weight in found:
            assert 1 <= len(piece) <= (micro or items)
            total += weight
            seen += piece.index.tolist() if weight else []
    assert sorted(seen) == list(range(items))
    assert total == pytest.approx(1.0)


def test_a_piece_weighs_by_what_is_counted_and_not_by_its_items() -> None:
    tokens = pieces(batch(5), 2, lambda y: int((y + 1).sum()), Ranks())
    assert [weight for _, weight in tokens] == pytest.approx([3 / 9, 4 / 9, 2 / 9])


def test_a_whole_batch_is_left_as_it_is() -> None:
    whole = batch(8)
    for micro in (None, 8, 9):
        assert pieces(whole, micro, len, Ranks()) == [(whole, 1.0)]


@pytest.mark.parametrize("micro", [1, 7, 16, 31])
def test_accumulated_gradients_are_the_big_batchs(pictures: Path, micro: int) -> None:
    found = []
    for size in (None, micro):
        arm = Bars.but(model__norm=Norm(kind="group"), fit__micro=size)
        learner = arm(0, root=pictures, device="cpu")
        state = learner.begin()
        learner.train_mode(state.model)
        state.batch = next(iter(Batches(state.data.train, batch=32)))
        gradients: list[torch.Tensor] = []
        hooks = Hooks([])
        hooks._bound["after_backward"] = (
            lambda state, kept=gradients: kept.extend(each.grad.clone() for each in state.model.parameters()),
        )
        learner.step(state, hooks)
        found.append((state.loss, gradients))
    (loss, whole), (other, pieced) = found
    torch.testing.assert_close(loss, other, rtol=1e-5, atol=0)
    for one, two in zip(whole, pieced, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
