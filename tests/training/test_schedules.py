"""Schedules: pure functions of progress, bounded, with their peak where they say."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.training.schedules import (
    SCHEDULES,
    ScheduleName,
    constant,
    cosine,
    one_cycle,
    restarts,
    step_decay,
)

progress = st.floats(0.0, 1.0)


@given(progress, st.sampled_from(sorted(SCHEDULES)))
def test_a_factor_is_from_0_to_1_and_a_function_of_progress_alone(at: float, name: str) -> None:
    first = SCHEDULES[name](at)
    SCHEDULES[name](1.0 - at)
    assert 0.0 <= first <= 1.0 + 1e-12
    assert SCHEDULES[name](at) == first


@given(st.lists(progress, min_size=2, max_size=20), st.floats(0.05, 0.9))
def test_one_cycle_rises_to_its_peak_and_falls_from_it(points: list[float], warmup: float) -> None:
    values = {at: one_cycle(at, warmup=warmup) for at in sorted(points)}
    for (one, before), (other, after) in pairwise(values.items()):
        if other <= warmup:
            assert before <= after + 1e-12
        if one >= warmup:
            assert before >= after - 1e-12
    assert one_cycle(warmup, warmup=warmup) == pytest.approx(1.0)


@given(st.floats(0.001, 0.5), st.floats(0.0, 0.01))
def test_one_cycle_begins_and_ends_where_it_is_told(start: float, end: float) -> None:
    assert one_cycle(0.0, start=start) == pytest.approx(start)
    assert one_cycle(1.0, end=end) == pytest.approx(end, abs=1e-12)


@given(progress, progress)
def test_cosine_falls_and_is_symmetric(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert cosine(low) >= cosine(high) - 1e-12
    assert cosine(low) + cosine(1.0 - low) == pytest.approx(1.0)


@given(progress)
def test_constant_is_1(at: float) -> None:
    assert constant(at) == 1.0


@pytest.mark.parametrize(("growth", "starts"), [(1.0, [0, 1 / 3, 2 / 3]), (2.0, [0, 1 / 7, 3 / 7])])
def test_restarts_fall_from_1_to_the_end_again_and_again_in_cycles_that_grow(
    growth: float, starts: list[float]
) -> None:
    ends = [*starts[1:], 1.0]
    for start, end in zip(starts, ends, strict=True):
        assert restarts(start, cycles=3, growth=growth, end=0.1) == pytest.approx(1.0)
        assert restarts((start + end) / 2, cycles=3, growth=growth, end=0.1) == pytest.approx(0.55)
        assert restarts(end - 1e-7, cycles=3, growth=growth, end=0.1) == pytest.approx(0.1)
    assert restarts(1.0, cycles=3, growth=growth, end=0.1) == pytest.approx(0.1)


@given(progress)
def test_one_cycle_of_restarts_is_the_cosine(at: float) -> None:
    assert restarts(at, cycles=1) == cosine(at)


@given(st.integers(2, 6), st.integers(1, 200))
def test_a_restart_on_a_whole_step_is_on_that_step(cycles: int, length: int) -> None:
    steps = length * cycles
    found = [step for step in range(steps) if restarts(step / steps, cycles=cycles, growth=1.0) == 1.0]
    assert found == [length * number for number in range(cycles)]


def test_step_decay_falls_by_its_factor_where_it_is_told() -> None:
    assert [step_decay(at) for at in (0.0, 0.49, 0.5, 0.74, 0.75, 1.0)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    assert step_decay(0.3, at=(0.3,), factor=0.5) == 0.5


def test_every_name_that_a_recipe_takes_has_a_schedule() -> None:
    assert set(SCHEDULES) == set(get_args(ScheduleName))
