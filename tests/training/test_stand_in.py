"""The stand-in: in the model's place for as long as an evaluation, and for good when training has ended."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from workbench.training.stand_in import settle, standing_in
from workbench.training.state import State


@pytest.fixture
def begun(pictures: Path) -> tuple[Bars, State]:
    """A learner with a stand-in that has other weights."""
    learner = Bars(0, root=pictures, device="cpu")
    state = learner.begin()
    learner.train_mode(state.model)
    state.stand_in = {
        name: value * 2 if value.is_floating_point() else value.clone()
        for name, value in state.model.state_dict().items()
    }
    return learner, state


def test_it_stands_in_for_as_long_as_it_is_asked_to(begun: tuple[Bars, State]) -> None:
    learner, state = begun
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    weight = next(iter(before))
    with pytest.raises(KeyError), standing_in(learner, state):
        assert torch.equal(state.model.state_dict()[weight], before[weight] * 2)
        raise KeyError
    assert all(torch.equal(value, before[name]) for name, value in state.model.state_dict().items())
    assert state.model.training


def test_its_statistics_are_measured_once_and_become_its_own(begun: tuple[Bars, State]) -> None:
    learner, state = begun
    given = dict(state.stand_in)
    with standing_in(learner, state):
        inside = {name: value.clone() for name, value in state.model.state_dict().items()}
    assert state.measured
    assert {name for name in given if not torch.equal(given[name], inside[name])} == {
        name for name, _ in state.model.named_buffers()
    }
    assert all(torch.equal(value, inside[name]) for name, value in state.stand_in.items())
    changed = {name: value + 1 for name, value in inside.items()}
    state.stand_in = changed
    settle(learner, state)
    assert all(torch.equal(value, changed[name]) for name, value in state.model.state_dict().items())


def test_without_one_the_model_stays_what_it_is(pictures: Path) -> None:
    learner = Bars(0, root=pictures, device="cpu")
    state = learner.begin()
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    with standing_in(learner, state):
        assert state.evaluated_weights().keys() == before.keys()
    settle(learner, state)
    assert all(torch.equal(value, before[name]) for name, value in state.model.state_dict().items())
