"""Callbacks: bound once, in list order, and free where nobody listens."""

from __future__ import annotations

from typing import Any

import pytest

from workbench import Callback
from workbench.training.callbacks import EVENTS, Hooks


class First(Callback):
    """Listens to two events."""

    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def begin(self, state: Any) -> None:
        """One."""
        self.seen.append("first begin")

    def step_end(self, state: Any) -> None:
        """Two."""
        self.seen.append("first step_end")


class Second(First):
    """Inherits one of them and replaces the other."""

    def begin(self, state: Any) -> None:
        """Its own."""
        self.seen.append("second begin")


def test_hooks_run_in_list_order_and_inherited_ones_count() -> None:
    seen: list[str] = []
    hooks = Hooks([Second(seen), First(seen)])
    for event in ("begin", "step_end"):
        for hook in hooks[event]:
            hook(None)  # type: ignore[arg-type]
    assert seen == ["second begin", "first begin", "first step_end", "first step_end"]


def test_an_event_that_nobody_overrides_is_empty() -> None:
    hooks = Hooks([First([])])
    assert {event for event in EVENTS if hooks[event]} == {"begin", "step_end"}
    with pytest.raises(KeyError):
        hooks["step_ends"]


def test_explain_shows_what_runs_where() -> None:
    lines = Hooks([Second([]), First([])]).explain().splitlines()
    assert len(lines) == len(EVENTS) == 9
    assert lines[0].split(maxsplit=1) == ["begin", "Second.begin, First.begin"]


def test_every_event_is_a_method_of_the_base_and_the_other_way_round() -> None:
    assert set(EVENTS) == {name for name in vars(Callback) if not name.startswith("_")}
