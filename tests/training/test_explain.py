"""The loop in words: every stage and event in the order in which they run."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from workbench import Averaging, Callback, EarlyStop, GradualUnfreeze, Learner, Mix, Ratings, Table, Texts
from workbench.data.items import Data
from workbench.training.callbacks import EVENTS, Hooks
from workbench.training.explain import explain
from workbench.training.state import State

STAGES = ("inputs", "forward", "loss", "metrics", "groups", "optimizer", "step", "callbacks")


class Tells(Callback):
    """Notes every event."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen


for _event in EVENTS:
    setattr(Tells, _event, lambda self, state, event=_event: self._seen.append(event))


class Mine(Bars):
    """With a loss and two callbacks of its own."""

    validate = "epoch"
    fit = Bars.fit.but(epochs=1, batch=240, clip=1.0)

    def loss(self, output: torch.Tensor, batch: object) -> torch.Tensor:
        return super().loss(output, batch)  # type: ignore[arg-type]

    def callbacks(self) -> Sequence[Callback]:
        return [Averaging(), EarlyStop()]


def test_every_hook_is_in_its_place_in_list_order() -> None:
    text = Mine(0, device="cpu").explain([Later()])
    lines = [line.split(maxsplit=2) for line in text.splitlines() if line.lstrip().startswith("*")]
    hooks = {event: rest[0] if rest else "" for _, event, *rest in lines}
    assert hooks["step_end"] == "Averaging.step_end, Later.step_end"
    assert hooks["begin"] == "Averaging.begin, EarlyStop.begin"
    assert hooks["after_loss"] == ""


class Later(Callback):
    """Given to run."""

    def step_end(self, state: State) -> None:
        """Nothing."""


def test_every_stage_stands_with_the_class_whose_method_runs() -> None:
    found = {line.split()[0]: line.split()[-1] for line in str(explain(Mine(0, device="cpu"))).splitlines()}
    assert {name: found[name] for name in STAGES} == {
        **{name: f"Learner.{name}" for name in STAGES},
        "loss": "Mine.loss",
        "callbacks": "Mine.callbacks",
    }


@pytest.mark.parametrize("validate", ["never", "epoch"])
def test_the_events_of_a_run_come_in_the_order_that_it_tells(validate: str, pictures: Path) -> None:
    seen: list[str] = []
    arm = Bars.but(validate=validate, fit__epochs=1, fit__batch=240)
    learner = arm(0, root=pictures, device="cpu")
    learner.run(callbacks=[Tells(seen)])
    told = [line.split()[1] for line in str(learner.explain()).splitlines() if line.lstrip().startswith("*")]
    assert seen == told
    assert set(told) == set(EVENTS)


def test_what_is_switched_on_is_told_and_nothing_else() -> None:
    plain, full = (
        str(arm(0, device="cpu").explain())
        for arm in (Bars, Mine.but(recalibrate="after", diagnostics=("train",), fit__micro=7, fit__mix=Mix(mixup=0.2)))
    )
    for words in (
        "clip gradients to 1.0",
        "evaluate the validation items",
        "diagnostic train",
        "each piece",
        "mix the items",
    ):
        assert words in full and words not in plain
    assert full.count("batch-norm statistics") == 1 and "batch-norm statistics" not in plain
    assert "for each of 3 epochs:" in plain and "for each batch of 32 items:" in plain


@pytest.mark.parametrize(
    ("every", "before"), [(None, "everything from the middle of the run on"), (0.3, "after each 30% of the run")]
)
def test_what_is_unfrozen_when_is_told_as_it_comes(every: float | None, before: str, pictures: Path) -> None:
    first: dict[int, int] = {}

    class Counts(Callback):
        """Notes the first step in which so many groups train."""

        def step_begin(self, state: State) -> None:
            assert isinstance(state.learner.trains, int)
            first.setdefault(state.learner.trains, state.step + 1)

    arm = Bars.but(fit=GradualUnfreeze(epochs=2, batch=32, lr=1e-2, every=every))
    learner = arm(0, root=pictures, device="cpu")
    assert before in learner.explain() and "train one more layer group" not in Bars(0, device="cpu").explain()
    state = learner.run(callbacks=[Counts()]) and learner.state
    assert state is not None
    names = [name for name, _ in state.model.groups()][::-1]  # type: ignore[operator]
    told = [f"{name} from step {first[n]}" if n in first else f"{name} never" for n, name in enumerate(names, 1)]
    assert f"{', '.join(told)} ({state.steps} in all)" in learner.explain()
    assert ("never" in learner.explain()) is (every is not None)


@pytest.mark.parametrize(("rate", "told"), [(1e-2, False), ("auto", True)])
def test_the_range_test_is_told_where_a_run_makes_one(rate: float | str, told: bool, pictures: Path) -> None:
    seen: list[str] = []

    class Notes(Bars):
        """Notes its steps, and when the run's own callbacks are asked for."""

        def step(self, state: State, hooks: Hooks) -> None:
            seen.append("step")
            super().step(state, hooks)

        def callbacks(self) -> Sequence[Callback]:
            seen.append("callbacks")
            return ()

    learner = Notes.but(fit__lr=rate, fit__epochs=1)(0, root=pictures, device="cpu")
    before = str(learner.explain())
    seen.clear()
    learner.run()
    assert (seen[0] == "step") is told
    assert before == str(learner.explain())
    assert before.startswith("range test of the learning rate\nload data") is told


@pytest.mark.parametrize("data", [Table("data/x.csv", "y"), Ratings("data/x.csv"), Texts("data/x.csv")])
def test_where_a_rule_gives_the_rate_no_range_test_is_told(data: Data) -> None:
    rows = type("Rows", (Learner,), {"__doc__": "x", "data": data})
    assert rows.fit.lr == "auto" and "range test" not in rows(0, device="cpu").explain()


def test_a_prompt_shows_it_as_it_is() -> None:
    text = Bars(0, device="cpu").explain()
    assert repr(text) == str(text) == inspect.cleandoc(text)
    assert not any(line.endswith(" ") for line in text.splitlines())
