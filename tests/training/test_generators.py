"""Python's, NumPy's and torch's own generators: seeded for a run, given back afterwards, set where they were."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.conftest import Bars
from workbench import Callback
from workbench.training.device import reproducible
from workbench.training.generators import generator_states, own_generators, set_generators
from workbench.training.range_test import range_test
from workbench.training.state import State

CPU = torch.device("cpu")


def draw() -> list[float]:
    """One number each, and one that NumPy makes in pairs, so that half of a pair is left over."""
    return [random.random(), random.gauss(), np.random.rand(), np.random.randn(), float(torch.rand(())), 1.0]


def drawn(seed: int, *purpose: str) -> list[float]:
    with reproducible("seeded", torch.get_num_threads(), CPU), own_generators(seed, *purpose, device=CPU):
        return draw()


def test_what_is_drawn_depends_on_the_seed_and_the_purpose_alone() -> None:
    first = drawn(3, "run")
    draw()
    assert first == drawn(3, "run")
    assert not set(first[:-1]) & set(drawn(4, "run")) and not set(first[:-1]) & set(drawn(3, "range test"))
    assert len(set(first)) == 6, "three generators, three streams"


def test_the_callers_come_back_after_an_exception() -> None:
    draw()
    states = generator_states(CPU)
    expected = draw()
    set_generators(states, CPU)
    with (
        pytest.raises(ZeroDivisionError),
        reproducible("seeded", torch.get_num_threads(), CPU),
        own_generators(0, device=CPU),
    ):
        draw()
        raise ZeroDivisionError
    assert draw() == expected


class Draws(Callback):
    """What a callback gets from each generator at every event of the run."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def begin(self, state: State) -> None:
        """Before the first step."""
        self.seen += draw()

    def step_end(self, state: State) -> None:
        """After each."""
        self.seen += draw()


def test_two_runs_draw_the_same_and_the_caller_notices_neither(pictures: Path) -> None:
    one, other, third = Draws(), Draws(), Draws()
    states = generator_states(CPU)
    expected = draw()
    set_generators(states, CPU)
    Bars.but(fit__epochs=1)(0, root=pictures, device="cpu").run(callbacks=[one])
    assert draw() == expected
    learner = Bars.but(fit__epochs=1)(0, root=pictures, device="cpu")
    range_test(learner, steps=6)
    learner.run(callbacks=[other])
    assert one.seen == other.seen and len(one.seen) == 6 * 9
    Bars.but(fit__epochs=1)(1, root=pictures, device="cpu").run(callbacks=[third])
    assert one.seen[0] != third.seen[0]
