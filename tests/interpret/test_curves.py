"""The rate is what the recipe had the loop set, for the steps that were taken; the loss is what it recorded."""

import pytest

from workbench import Callback, Learner
from workbench.interpret.curves import curves, smoothed
from workbench.interpret.view import DoesNotApply
from workbench.training.state import Point, State


class Rates(Callback):
    """The rate of every step, as the optimizer had it."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def step_end(self, state: State) -> None:
        self.seen.append(max(group["lr"] / group["factor"] for group in state.optimizer.param_groups))


def test_the_rate_needs_no_record(bars: type[Learner], state: State) -> None:
    learner, rates = bars.but(fit__epochs=2)(0, device="cpu", root=state.learner.root), Rates()
    result = learner.run(callbacks=[rates])
    assert learner.state is not None
    found = curves(result.history, learner.recipe, learner.state.steps)
    assert [value for _, value in found.rates] == pytest.approx(rates.seen)
    assert [step for step, _ in found.rates] == list(range(1, 17))
    assert found.metrics["test/error"] == ((16, result.metrics["test/error"]),)


class Stop(Callback):
    """Ends a run after its third step."""

    def step_end(self, state: State) -> None:
        if state.step == 3:
            state.stop = "a test"


def test_steps_that_were_not_taken_have_no_rate(bars: type[Learner], state: State) -> None:
    learner, rates = bars(0, device="cpu", root=state.learner.root), Rates()
    result = learner.run(callbacks=[rates, Stop()])
    assert learner.state is not None and learner.state.steps > 3 == len(rates.seen)
    found = curves(result.history, learner.recipe, learner.state.steps)
    assert [step for step, _ in found.rates] == [1, 2, 3]
    assert [value for _, value in found.rates] == pytest.approx(rates.seen)
    assert found.figure().axes[1].lines[0].get_xdata().tolist() == [1, 2, 3]


def test_a_run_without_steps_draws_no_rate(state: State) -> None:
    history = [Point("test/loss", 1.5, 0, 0)]
    found = curves(history, state.learner.recipe, state.steps)
    assert found.rates == () and found.figure().axes[0].lines


def test_it_draws_loss_and_rate(state: State) -> None:
    found = curves(state.history, state.learner.recipe, state.steps)
    upper, lower = found.figure().axes
    labels = [each.get_text() for each in upper.get_legend().get_texts()]
    assert labels == ["train/loss, smoothed", "test/loss"]
    assert lower.get_xlabel() == "optimizer step" and lower.get_ylabel() == "learning rate"
    assert lower.get_title("left") == "As the recipe plans it, up to the last recorded step"
    for text in (found.text(20), found.text()):
        assert "The learning rate is not recorded: it is the recipe's plan" in text
    assert "points" in found.text(20) and "planned rate" in found.text()


def test_smoothing_is_corrected_for_its_beginning() -> None:
    assert smoothed([2.0] * 5) == pytest.approx([2.0] * 5)
    assert smoothed([1.0, 0.0]) == pytest.approx([1.0, 0.9 / 1.9])


def test_nothing_recorded(state: State) -> None:
    with pytest.raises(DoesNotApply, match="nothing was recorded"):
        curves([], state.learner.recipe, 10)
