"""Early stopping: what it goes by, when it stops, which weights come back, and an exact resume."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import Bars
from tests.training.test_resuming import Saves, interrupted, outcome, undisturbed
from workbench import Callback, Constant
from workbench.errors import FieldError
from workbench.training.averaging import Averaging
from workbench.training.state import State
from workbench.training.stopping import EarlyStop


class Stopping(Bars):
    """Restless steps, so that validation gets worse again."""

    fit = Constant(epochs=6, batch=32, lr=2e-2)
    validate = "epoch"

    def callbacks(self) -> Sequence[Callback]:
        return [EarlyStop(patience=1, metric="validation/loss")]


class Remembers(Callback):
    """Every epoch's weights, and the text with which the run stopped."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, torch.Tensor]] = []
        self.stop = ""

    def epoch_end(self, state: State) -> None:
        """A copy."""
        self.epochs.append({name: value.clone() for name, value in state.model.state_dict().items()})
        self.stop = state.stop


def losses(result: Any) -> list[float]:
    return [p.value for p in result.history if p.key == "validation/loss"]


def test_it_stops_after_its_patience_and_brings_the_best_weights_back(pictures: Path) -> None:
    remembers = Remembers()
    result = Stopping(0, root=pictures, device="cpu").run(callbacks=[remembers])
    numbers = losses(result)
    best = numbers.index(min(numbers))
    assert len(numbers) == best + 2 < 6, "it has to stop before the end, or nothing is tested"
    after = result.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in remembers.epochs[best].items())
    assert remembers.stop == f"validation/loss was best in epoch {best + 1} and not better for 1 epoch"


def test_without_keeping_the_best_the_last_weights_stay(pictures: Path) -> None:
    class Last(Stopping):
        """The last ones."""

        def callbacks(self) -> Sequence[Callback]:
            return [EarlyStop(patience=1, metric="validation/loss", keep_best=False)]

    remembers = Remembers()
    after = Last(0, root=pictures, device="cpu").run(callbacks=[remembers]).model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in remembers.epochs[-1].items())


def test_a_run_that_reaches_its_end_has_the_best_weights_too(pictures: Path) -> None:
    class Patient(Stopping):
        """Never stops."""

        def callbacks(self) -> Sequence[Callback]:
            return [EarlyStop(patience=99)]

    remembers = Remembers()
    result = Patient.but(fit__epochs=3)(0, root=pictures, device="cpu").run(callbacks=[remembers])
    errors = [p.value for p in result.history if p.key == "validation/error"]
    best = errors.index(min(errors))
    assert len(errors) == 3 and best < 2
    after = result.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in remembers.epochs[best].items())


def test_a_difference_below_the_least_one_does_not_count(pictures: Path) -> None:
    class Demanding(Stopping):
        """Nothing is ever that much better."""

        def callbacks(self) -> Sequence[Callback]:
            return [EarlyStop(patience=1, min_delta=100.0)]

    assert len(losses(Demanding(0, root=pictures, device="cpu").run())) == 2


def test_bigger_may_be_better(pictures: Path) -> None:
    class Upwards(Stopping):
        """Looks for the worst loss, to see the direction."""

        def callbacks(self) -> Sequence[Callback]:
            return [EarlyStop(patience=99, metric="validation/loss", mode="max")]

    remembers = Remembers()
    result = Upwards(0, root=pictures, device="cpu").run(callbacks=[remembers])
    worst = losses(result).index(max(losses(result)))
    after = result.model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in remembers.epochs[worst].items())


class AveragedToo(Stopping):
    """The best average."""

    def callbacks(self) -> Sequence[Callback]:
        return [Averaging(decay=0.8), *super().callbacks()]


def test_with_an_average_the_best_average_comes_back(pictures: Path) -> None:
    result = AveragedToo(0, root=pictures, device="cpu").run()
    learner = AveragedToo(0, root=pictures, device="cpu")
    state = learner.begin()
    state.model.load_state_dict(result.model.state_dict())
    assert state.data.validation is not None
    from workbench.training.evaluation import evaluate

    assert evaluate(learner, state, state.data.validation)[0]["loss"] == min(losses(result))


def test_validation_is_held_out_and_the_test_items_are_evaluated_once(pictures: Path) -> None:
    seen: list[int] = []

    class Counts(Stopping):
        """Remembers how many items each evaluation's batch had."""

        def callbacks(self) -> Sequence[Callback]:
            return ()

        def metrics(self, output: torch.Tensor, y: Any) -> dict[str, torch.Tensor]:
            seen.append(len(y))
            return super().metrics(output, y)

    learner = Counts.but(fit__epochs=3)(0, root=pictures, device="cpu")
    result = learner.run()
    state = learner.state
    assert state is not None and state.data.validation is not None
    held, total = len(state.data.validation), len(state.data.train) + len(state.data.validation)
    assert total == 240 and 30 < held < 70
    assert not set(state.data.train.keys) & set(state.data.validation.keys)
    assert seen == [held] * 3 + [120]
    assert [p.step for p in result.history if p.key == "test/error"] == [state.step]
    assert {name.split("/")[0] for name in result.metrics} == {"test"}


def test_any_number_is_better_than_none(pictures: Path) -> None:
    class Undefined(Bars):
        """Its measure has no value in the first epoch."""

        fit = Bars.fit.but(epochs=4)
        validate = "epoch"

        def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
            first = self.state is not None and self.state.epoch == 0
            return {"mine": torch.full((len(y),), float("nan") if first else float(self.progress))}

    stop = EarlyStop(patience=3, metric="validation/mine")
    Undefined(0, root=pictures, device="cpu").run(callbacks=[stop])
    assert stop.best_epoch == 2


def test_without_validation_it_is_refused_with_the_setting_to_change(pictures: Path) -> None:
    with pytest.raises(FieldError, match=r"EarlyStop has no validation to go by\. Set validate = 'epoch'"):
        Stopping.but(validate="never")(0, root=pictures).run()


def test_a_metric_that_is_not_there_gets_the_nearest(pictures: Path) -> None:
    class Wrong(Stopping):
        """A slip."""

        def callbacks(self) -> Sequence[Callback]:
            return [EarlyStop(metric="validation/los")]

    with pytest.raises(FieldError, match=r"'validation/los'; did you mean 'validation/loss'"):
        Wrong(0, root=pictures).run()


@pytest.mark.parametrize("used", [EarlyStop(patience=1), Averaging(decay=0.8)], ids=["early", "averaged"])
def test_an_instance_carries_nothing_from_one_run_into_the_next(used: Callback, pictures: Path) -> None:
    good, fresh = Bars.but(fit=Stopping.fit, validate="epoch"), copy.deepcopy(used)
    good(0, root=pictures, device="cpu").run(callbacks=[used])
    poor = good.but(fit__lr=1e-5)  # never as good as the first run's best
    again, alone = (outcome(poor(0, root=pictures, device="cpu").run(callbacks=[each])) for each in (used, fresh))
    assert again == alone


def test_an_instance_that_has_served_a_run_resumes_bit_for_bit(pictures: Path, tmp_path: Path) -> None:
    used = EarlyStop(patience=1, metric="validation/loss")

    class Again(Stopping):
        """With an instance that all its runs share."""

        def callbacks(self) -> Sequence[Callback]:
            return [used]

    Again(1, root=pictures, device="cpu").run()
    assert interrupted(Again, pictures, Saves(tmp_path / "c.safetensors", 15, "step_end")) == undisturbed(
        Stopping, pictures
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"patience": 0}, r"EarlyStop\.patience is 0"),
        ({"min_delta": -1.0}, r"EarlyStop\.min_delta is -1\.0"),
        ({"min_delta": float("nan")}, r"EarlyStop\.min_delta is nan"),
        ({"mode": "mix"}, r"EarlyStop\.mode is 'mix'"),
        ({"patience": "3"}, r"EarlyStop\.patience is '3'; write 3 without quotes"),
        ({"metrik": "validation/loss"}, r"'metrik' is not an argument of EarlyStop; did you mean 'metric'"),
    ],
)
def test_a_value_without_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        EarlyStop(**fields)


class SavesEvaluated(Saves):
    """Saves while an evaluation is told."""

    def evaluated(self, state: State) -> None:
        """Somebody's own."""
        self._save(state, "evaluated")


@pytest.mark.parametrize(
    ("step", "event"), [(5, "step_end"), (6, "step_end"), (6, "epoch_end"), (12, "evaluated"), (15, "step_end")]
)
@pytest.mark.parametrize("arm", [Stopping, AveragedToo], ids=["early", "averaged"])
def test_it_resumes_bit_for_bit(arm: type[Bars], step: int, event: str, pictures: Path, tmp_path: Path) -> None:
    rest = interrupted(arm, pictures, SavesEvaluated(tmp_path / "c.safetensors", step, event))
    assert rest == undisturbed(arm, pictures)
