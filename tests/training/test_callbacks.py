"""Callbacks: bound once, in list order, and free where nobody listens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import Bars
from workbench import Callback
from workbench.errors import FieldError
from workbench.training.callbacks import EVENTS, Hooks, listed
from workbench.training.state import State


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
    named = {name for name in vars(Callback) if not name.startswith("_")}
    assert len(EVENTS) == 9 and named - set(EVENTS) == {"state_dict", "load_state_dict"} and set(EVENTS) <= named


@pytest.mark.parametrize("micro", [None, 20])
def test_a_loss_that_a_callback_changes_is_the_one_that_trains(pictures: Path, micro: int | None) -> None:
    class Nothing(Callback):
        """Takes the loss away."""

        def after_loss(self, state: State) -> None:
            """Zero, with a gradient of zero."""
            assert state.loss is not None
            state.loss = state.loss * 0.0

    arm = Bars.but(fit__epochs=1, fit__optimizer="sgd", fit__weight_decay=0.0, fit__micro=micro)
    start = arm(0, root=pictures).begin().model.state_dict()
    result = arm(0, root=pictures).run(callbacks=[Nothing()])
    assert all(torch.equal(value, start[name]) for name, value in result.model.named_parameters())
    assert {p.value for p in result.history if p.key == "train/loss"} == {0.0}


def test_an_event_that_is_misspelt_is_refused_when_the_class_is_made() -> None:
    with pytest.raises(FieldError, match=r"Ends\.step_ends is no event; did you mean 'step_end'"):
        type("Ends", (Callback,), {"step_ends": lambda self, state: None})


@pytest.mark.parametrize("wrong", ["state_dct", "load_statedict"])
def test_so_is_a_misspelt_way_to_be_resumed(wrong: str) -> None:
    with pytest.raises(
        FieldError, match=rf"Mine\.{wrong} is no method of a callback; did you mean '(load_)?state_dict'"
    ):
        type("Mine", (Callback,), {wrong: lambda self: {}})


def test_a_helper_of_another_name_is_welcome() -> None:
    assert type("Mine", (Callback,), {"plot": lambda self: None, "_step_ends": lambda self: None})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([First], r"First is no callback\. Write First\(\), which makes one"),
        ([print], "print is no callback. Derive its class from Callback"),
        (First([]), "it gives a First. Return a list of callbacks"),
        (None, "it gives a NoneType. Return a list"),
    ],
    ids=["a class", "a function", "one alone", "nothing"],
)
def test_what_is_no_list_of_callbacks_is_told(given: Any, told: str, pictures: Path) -> None:
    arm = type("Arm", (Bars,), {"__doc__": "x", "callbacks": lambda self: given})
    learner = arm(0, root=pictures, device="cpu")
    for ask in (learner.run, learner.explain):
        with pytest.raises(FieldError, match=r"Arm\.callbacks\(\): " + told):
            ask()
    with pytest.raises(FieldError, match="callbacks: " + told):
        Bars(0, root=pictures, device="cpu").run(callbacks=given)
    assert listed((each for each in [First([])]), "here")
