"""The rate is what the loop set, step by step; the loss is what it recorded."""

import pytest

from workbench import Callback, Learner
from workbench.interpret.curves import curves, smoothed
from workbench.interpret.view import DoesNotApply
from workbench.training.state import State


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


def test_it_draws_loss_and_rate(state: State) -> None:
    found = curves(state.history, state.learner.recipe, state.steps)
    upper, lower = found.figure().axes
    labels = [each.get_text() for each in upper.get_legend().get_texts()]
    assert labels == ["train/loss, smoothed", "test/loss"]
    assert lower.get_xlabel() == "optimizer step" and lower.get_ylabel() == "learning rate"
    assert "points" in found.text(20) and "learning rate" in found.text()


def test_smoothing_is_corrected_for_its_beginning() -> None:
    assert smoothed([2.0] * 5) == pytest.approx([2.0] * 5)
    assert smoothed([1.0, 0.0]) == pytest.approx([1.0, 0.9 / 1.9])


def test_nothing_recorded(state: State) -> None:
    with pytest.raises(DoesNotApply, match="nothing was recorded"):
        curves([], state.learner.recipe, 10)
