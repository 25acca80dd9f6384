"""State: losses wait on the device, and the first that is not finite ends the run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from workbench.errors import DivergedError
from workbench.training.state import State


def fresh(steps: int) -> State:
    """A state without data: only its counters and its history matter here."""
    model = nn.Linear(1, 1)
    unused: Any = None
    optimizer = torch.optim.SGD(model.parameters())
    return State(unused, model, optimizer, unused, torch.device("cpu"), steps_per_epoch=steps, steps=steps)


def remember(state: State, losses: list[float]) -> None:
    """As the loop does: the step counts before its loss is kept."""
    for loss in losses:
        state.step += 1
        state.remember_loss(torch.tensor(loss))


def test_losses_wait_until_fifty_are_there_or_somebody_asks() -> None:
    state = fresh(steps=60)
    remember(state, [float(n) for n in range(1, 50)])
    assert state.history == []
    remember(state, [50.0])
    assert [(p.step, p.value) for p in state.history] == [(n, float(n)) for n in range(1, 51)]
    remember(state, [51.0])
    state.flush()
    state.flush()
    assert len(state.history) == 51
    assert all(point.key == "train/loss" and point.time > 1.6e12 for point in state.history)


def test_a_long_run_keeps_about_two_hundred_losses_and_the_last() -> None:
    state = fresh(steps=1_007)
    remember(state, [0.5] * 1_007)
    state.flush()
    steps = [point.step for point in state.history]
    assert 200 <= len(steps) <= 210
    assert steps[-1] == 1_007


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_the_first_loss_that_is_not_finite_is_named_by_its_step(bad: float) -> None:
    state = fresh(steps=90)
    remember(state, [1.0, 2.0, bad, 3.0, bad])
    with pytest.raises(DivergedError, match=rf"the loss is {bad} at step 3 of 90\. Lower fit.lr, or set fit.clip"):
        state.flush()
    assert [point.step for point in state.history] == [1, 2]
    state.flush()


def test_each_point_is_handed_out_once() -> None:
    state = fresh(steps=9)
    state.record({"a": 1.0, "b": 2.0})
    assert [(p.key, p.value, p.step) for p in state.take_fresh()] == [("a", 1.0, 0), ("b", 2.0, 0)]
    state.step = 4
    state.record({"a": 3.0})
    assert [(p.key, p.value, p.step) for p in state.take_fresh()] == [("a", 3.0, 4)]
    assert state.take_fresh() == []
    assert len(state.history) == 3
