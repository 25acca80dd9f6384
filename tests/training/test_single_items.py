"""A step on one item: refused before training where it would fail, and only there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Bars
from workbench import Callback, Norm
from workbench.errors import FieldError
from workbench.training.checkpoint import weights_hash
from workbench.training.range_test import range_test
from workbench.training.single_items import _has_single, refuse_single_items
from workbench.training.state import State

# Pictures of 8 pixels shrink to one in resnet8, which is where one item has one value a channel.
Tiny = Bars.but("Tiny", data__size=8, data__train=65, fit__epochs=1)


class Began(Callback):
    """Notes whether training began."""

    began = False

    def begin(self, state: State) -> None:
        """Before the first step."""
        self.began = True


def test_it_is_refused_before_training_with_a_batch_that_works(pictures: Path) -> None:
    watch = Began()
    with pytest.raises(FieldError) as found:
        Tiny(0, root=pictures).run(callbacks=[watch])
    assert str(found.value) == (
        "Tiny: batches of 32 from 65 items leave a step on one item, and batch normalisation cannot take one value "
        "a channel. Set fit.batch to 31, or use Norm(stats='running')"
    )
    assert not watch.began
    assert Tiny.but(fit__batch=31)(0, root=pictures).run().metrics


@pytest.mark.parametrize(
    "changes",
    [
        {"data__size": 12},
        {"data__train": 66},
        {"model__norm": Norm(stats="running")},
        {"model__norm": Norm(kind="group")},
        {"model__norm": Norm(kind="none")},
    ],
    ids=["larger maps", "a last batch of two", "running statistics", "group", "none"],
)
def test_what_trains_is_not_refused(pictures: Path, changes: dict[str, Any]) -> None:
    assert Tiny.but(**changes)(0, root=pictures).run().metrics


@pytest.mark.parametrize("changes", [{"data__train": 66, "fit__batch": 1}, {"data__train": 64, "fit__micro": 31}])
def test_batches_and_pieces_of_one_are_refused_too(pictures: Path, changes: dict[str, Any]) -> None:
    if changes.get("fit__micro"):
        # 32 in pieces of 31 and 1
        with pytest.raises(FieldError, match=r"Leave fit.micro out"):
            Tiny.but(**changes)(0, root=pictures).run()
    else:
        with pytest.raises(FieldError, match=r"Set fit.batch to 2,"):
            Tiny.but(**changes)(0, root=pictures).run()


def test_the_range_test_says_the_same(pictures: Path) -> None:
    with pytest.raises(FieldError, match="leave a step on one item"):
        range_test(Tiny(0, root=pictures))


def test_looking_leaves_the_model_bit_equal(pictures: Path) -> None:
    learner = Bars.but(data__train=65)(0, root=pictures)
    state = learner.begin()
    before = weights_hash(state.model)
    refuse_single_items(learner, state)
    assert weights_hash(state.model) == before


@pytest.mark.parametrize("items", [1, 2, 31, 32, 33, 64, 65])
@pytest.mark.parametrize("batch", [1, 2, 8, 32, 64])
@pytest.mark.parametrize("micro", [None, 1, 3, 7, 31, 64])
def test_single_pieces_are_counted_as_the_loop_cuts_them(items: int, batch: int, micro: int | None) -> None:
    batches = [min(batch, items - start) for start in range(0, items, batch)]
    pieces = [min(micro or batch, size - start) for size in batches for start in range(0, size, micro or batch)]
    assert _has_single(items, batch, micro) == (1 in pieces)
