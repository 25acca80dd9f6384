"""Averages: their formulas on a real run, their batch statistics, and an exact resume."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import Bars
from tests.training.test_resuming import Saves, interrupted, undisturbed
from workbench import Callback, Constant, Norm
from workbench.errors import FieldError
from workbench.training.averaging import Averaging
from workbench.training.state import State


class Collects(Callback):
    """Every step's weights, for an average by hand."""

    def __init__(self) -> None:
        self.seen: list[dict[str, torch.Tensor]] = []

    def step_end(self, state: State) -> None:
        """A copy."""
        self.seen.append({name: value.detach().clone() for name, value in state.model.named_parameters()})


class Averaged(Bars):
    """With a moving average, validated."""

    validate = "epoch"

    def callbacks(self) -> Sequence[Callback]:
        return [Averaging(decay=0.9)]


class Swa(Bars):
    """With a mean over the second half."""

    fit = Constant(epochs=3, batch=32, lr=1e-2)

    def callbacks(self) -> Sequence[Callback]:
        return [Averaging("swa", start=0.5)]


@torch.no_grad()
def ema(seen: list[dict[str, torch.Tensor]], name: str) -> torch.Tensor:
    """By the formula, with the decay's warm-up."""
    average = seen[0][name].double()
    for step, weights in enumerate(seen[1:], 2):
        decay = min(0.9, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weights[name].double()
    return average


@pytest.mark.parametrize("arm", [Averaged, Swa], ids=["ema", "swa"])
def test_the_result_has_the_averages_weights(arm: type[Bars], pictures: Path) -> None:
    collects = Collects()
    model = arm(0, root=pictures, device="cpu").run(callbacks=[collects]).model
    total = len(collects.seen)
    for name, value in model.named_parameters():
        late = torch.stack([each[name].double() for each in collects.seen[total // 2 :]])
        expected = ema(collects.seen, name) if arm is Averaged else late.mean(0)
        torch.testing.assert_close(value.detach().double(), expected, rtol=1e-4, atol=1e-6)
        assert not torch.equal(value, collects.seen[-1][name])


def test_training_itself_does_not_notice_it(pictures: Path) -> None:
    with_it, without = Collects(), Collects()
    averaged, plain = Averaged(0, root=pictures), Bars.but(validate="epoch")(0, root=pictures)
    runs = [averaged.run(callbacks=[with_it]), plain.run(callbacks=[without])]
    for one, other in zip(with_it.seen, without.seen, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    numbers = [[p.value for p in run.history if p.key == "validation/loss"] for run in runs]
    assert all(one != other for one, other in zip(*numbers, strict=True)), "validation has to see the average"


def test_batch_statistics_are_the_averages_own(pictures: Path) -> None:
    arm = Swa.but(diagnostics=("recalibrated",))
    metrics = arm(0, root=pictures, device="cpu").run().metrics
    assert metrics["statistics/distance"] < 1e-6
    assert metrics["recalibrated/loss"] == pytest.approx(metrics["test/loss"], rel=1e-5)


def test_statistics_that_a_policy_keeps_are_kept(pictures: Path) -> None:
    arm = Swa.but(model__norm=Norm(stats="running"), fit__epochs=1)
    learner = arm(0, root=pictures, device="cpu")
    fresh = {name: value.clone() for name, value in learner.begin().model.named_buffers()}
    after = dict(learner.run().model.named_buffers())
    assert all(torch.equal(after[name], value) for name, value in fresh.items())


def test_before_its_start_there_is_no_average(pictures: Path) -> None:
    class Stops(Callback):
        """Before the average begins."""

        def step_end(self, state: State) -> None:
            """Well before half of the run."""
            if state.step == 5:
                state.stop = "enough"

    collects = Collects()
    model = Swa(0, root=pictures, device="cpu").run(callbacks=[collects, Stops()]).model
    assert all(torch.equal(value, collects.seen[-1][name]) for name, value in model.named_parameters())


@pytest.mark.parametrize(("step", "event"), [(4, "step_end"), (8, "epoch_end"), (13, "step_end"), (20, "step_end")])
@pytest.mark.parametrize("arm", [Averaged, Swa], ids=["ema", "swa"])
def test_it_resumes_bit_for_bit(arm: type[Bars], step: int, event: str, pictures: Path, tmp_path: Path) -> None:
    if arm is Averaged:  # six steps an epoch: a fifth of the items is held out
        step = {8: 6, 20: 17}.get(step, step)
    rest = interrupted(arm, pictures, Saves(tmp_path / "c.safetensors", step, event))
    assert rest == undisturbed(arm, pictures)


def test_given_to_run_it_averages_just_as_well(pictures: Path) -> None:
    given = Swa.but("Given")
    given.callbacks = Bars.callbacks  # type: ignore[method-assign]
    model = given(0, root=pictures, device="cpu").run(callbacks=[Averaging("swa", start=0.5)]).model
    own = Swa(0, root=pictures, device="cpu").run().model
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), own.parameters(), strict=True))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "emma"}, r"Averaging\.kind is 'emma'; did you mean 'ema'"),
        ({"decay": 1.0}, r"Averaging\.decay is 1\.0"),
        ({"kind": "swa", "start": 1.0}, r"Averaging\.start is 1\.0"),
    ],
)
def test_a_value_without_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        Averaging(**fields)


def test_so_is_a_second_average(pictures: Path) -> None:
    class Twice(Bars):
        """One too many."""

        def callbacks(self) -> Sequence[Callback]:
            return [Averaging(), Averaging("swa")]

    with pytest.raises(FieldError, match="two Averaging callbacks"):
        Twice(0, root=pictures).run()
    for own, given in ([Averaging()], [Averaging()]), ([], [Averaging(), Averaging("swa")]):
        arm = type("Arm", (Bars,), {"__doc__": "x", "callbacks": lambda self, own=own: own})
        with pytest.raises(FieldError, match="two Averaging callbacks"):
            arm(0, root=pictures).run(callbacks=given)
