"""Evaluation leaves no trace, and says what the normalisation of training would have said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from tests.training.conftest import Bars
from workbench import Callback, Norm
from workbench.errors import FieldError
from workbench.training.checkpoint import weights_hash
from workbench.training.evaluation import evaluate, mixed_order
from workbench.training.state import State


class Looking(Callback):
    """Evaluates in the middle of an epoch, both ways."""

    def step_end(self, state: State) -> None:
        """Twice a run."""
        if state.step in (5, 11):
            for train_mode in (False, True):
                evaluate(state.learner, state, state.data.train, train_mode=train_mode)


@pytest.mark.parametrize("norm", [Norm(), Norm(stats="batch"), Norm(stats="running"), Norm(kind="group")])
def test_a_run_that_is_looked_at_is_the_run_that_is_not(pictures: Path, norm: Norm) -> None:
    arm = Bars.but(model__norm=norm, fit__epochs=2)
    plain, watched = arm(0, root=pictures).run(), arm(0, root=pictures).run(callbacks=[Looking()])
    assert weights_hash(watched.model) == weights_hash(plain.model)
    assert watched.metrics == plain.metrics


@pytest.mark.parametrize("train_mode", [False, True])
def test_buffers_modes_and_momenta_stay_bit_for_bit(pictures: Path, train_mode: bool) -> None:
    learner = Bars(0, root=pictures)
    state = learner.begin()
    learner.train_mode(state.model)
    before = weights_hash(state.model)
    modes = [(module.training, getattr(module, "momentum", None)) for module in state.model.modules()]
    evaluate(learner, state, state.data.train, train_mode=train_mode)
    assert weights_hash(state.model) == before
    assert [(module.training, getattr(module, "momentum", None)) for module in state.model.modules()] == modes


def test_what_breaks_in_the_middle_leaves_no_trace_either(pictures: Path) -> None:
    class Broken(Bars):
        """Its metrics fail."""

        def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
            raise ZeroDivisionError

    learner = Broken(0, root=pictures)
    state = learner.begin()
    learner.train_mode(state.model)
    before = weights_hash(state.model)
    with pytest.raises(ZeroDivisionError):
        evaluate(learner, state, state.data.train, train_mode=True)
    assert weights_hash(state.model) == before
    assert state.model.training


def test_train_mode_normalises_by_the_batch_where_the_policy_does(pictures: Path) -> None:
    def loss(norm: Norm, train_mode: bool) -> float:
        learner = Bars.but(model__norm=norm)(0, root=pictures)
        state = learner.begin()
        return evaluate(learner, state, state.data.train, train_mode=train_mode)[0]["loss"]

    # fresh statistics are 0 and 1, which the batch's are not
    assert loss(Norm(), True) != loss(Norm(), False)
    assert loss(Norm(stats="running"), True) == pytest.approx(loss(Norm(stats="running"), False), rel=1e-5)


def test_batches_of_training_statistics_are_mixed_and_the_predictions_say_which_is_which(pictures: Path) -> None:
    learner = Bars(0, root=pictures)
    state = learner.begin()
    items = state.data.train
    order = mixed_order(learner, items)
    assert sorted(order.tolist()) == list(range(len(items)))
    assert torch.equal(order, mixed_order(Bars(0, root=pictures), items))
    assert not torch.equal(order, mixed_order(Bars(1, root=pictures), items))
    _, mixed = evaluate(learner, state, items, train_mode=True)
    _, stored = evaluate(learner, state, items)
    assert mixed.index.tolist() == order.tolist()
    assert stored.index.tolist() == list(range(len(items)))
    assert mixed.target.tolist() == items.targets[order].tolist()


def test_the_means_weigh_every_item_alike(pictures: Path) -> None:
    learner = Bars(0, root=pictures)
    state = learner.begin()
    part = state.data.train.subset(torch.arange(7))
    each = [evaluate(learner, state, part.subset(torch.tensor([n])))[0]["loss"] for n in range(7)]
    assert evaluate(learner, state, part)[0]["loss"] == pytest.approx(sum(each) / 7, rel=1e-4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            lambda right: {"hit": right.float().mean()},
            r"'hit' is \(\) for 240 items. Return one value an item, \(240,\)",
        ),
        (lambda right: {"hit": right[:, None]}, r"'hit' is \(240, 1\) for 240 items"),
        (lambda right: {"hit": 0.5}, "'hit' is float for 240 items"),
        (lambda right: None, "it gives a NoneType. Return {name: values"),
    ],
    ids=["a mean", "a column", "a number", "nothing"],
)
def test_what_is_no_value_an_item_is_refused(given: Callable[..., Any], told: str, pictures: Path) -> None:
    class Own(Bars):
        """Counts on its own."""

        def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
            return cast("dict[str, torch.Tensor]", given(output.argmax(1) == y))

    learner = Own(0, root=pictures, device="cpu")
    state = learner.begin()
    with pytest.raises(FieldError, match=r"Own\.metrics\(\): " + told):
        evaluate(learner, state, state.data.train)
