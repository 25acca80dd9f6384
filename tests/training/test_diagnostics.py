"""Diagnostics: extra numbers about a trained model, which itself stays bit-equal."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from workbench import Norm
from workbench.data.loading import Batches
from workbench.data.views import views
from workbench.training.checkpoint import weights_hash
from workbench.training.diagnostics import DIAGNOSTICS, recalibrated, several_views, training_inputs
from workbench.training.evaluation import evaluate
from workbench.training.state import State

ALL = ("train", "train_mode", "recalibrated", "views")


@pytest.mark.parametrize("norm", [Norm(), Norm(stats="batch")])
def test_asking_changes_neither_the_weights_nor_the_other_numbers(pictures: Path, norm: Norm) -> None:
    arm = Bars.but(model__norm=norm, fit__epochs=1)
    plain, asked = arm(0, root=pictures).run(), arm.but(diagnostics=ALL)(0, root=pictures).run()
    assert weights_hash(asked.model) == weights_hash(plain.model)
    assert plain.metrics.items() <= asked.metrics.items()
    new = {f"{room}/{name}" for room in ALL for name in ("error", "loss")} | {"statistics/distance"}
    assert asked.metrics.keys() - plain.metrics.keys() == new


def test_what_is_measured_on_one_copy_depends_on_no_order(pictures: Path) -> None:
    learner = Bars(0, root=pictures)
    state = learner.begin()
    forwards = {name: DIAGNOSTICS[name](learner, state) for name in ALL}
    backwards = {name: DIAGNOSTICS[name](learner, state) for name in reversed(ALL)}
    assert forwards == backwards


def test_a_model_without_batch_statistics_has_none_to_recalibrate(pictures: Path) -> None:
    learner = Bars.but(model__norm=Norm(kind="group"))(0, root=pictures)
    assert recalibrated(learner, learner.begin()) == {}


def seen(pictures: Path, batch: int, items: int = 240) -> list[int]:
    """The sizes of the batches that statistics are estimated on."""
    learner = Bars.but(data__train=items, fit__batch=batch)(0, root=pictures)
    state: State = learner.begin()
    batches = list(training_inputs(learner, state))
    assert all(each.dtype == torch.float32 and each.shape[1:] == (1, 12, 12) for each in batches)
    return [len(each) for each in batches]


def test_statistics_are_estimated_on_batches_of_at_least_64(pictures: Path) -> None:
    assert seen(pictures, batch=8) == [64, 64, 64, 48]
    assert seen(pictures, batch=100) == [100, 100, 40]


def test_a_last_batch_of_one_item_does_not_weigh_as_much_as_the_others(pictures: Path) -> None:
    assert seen(pictures, batch=32, items=193) == [64, 64, 64]
    assert seen(pictures, batch=32, items=129) == [64, 64]


def test_several_views_of_a_picture_give_one_answer(pictures: Path) -> None:
    learner = Bars(0, root=pictures)
    result = learner.but(diagnostics=("views",))(0, root=pictures).run()
    assert result.metrics["views/error"] != 0.75 and result.metrics["views/loss"] != result.metrics["test/loss"]
    state = learner.begin()
    target, batch = learner.expects.target, next(iter(Batches(state.data.test, batch=16)))
    state.model.eval()
    with torch.no_grad():
        looks = [learner.forward(state.model, learner.inputs(each, training=False)) for each in views(batch, flip=True)]
    assert len(looks) == 12
    mean = torch.stack([each.softmax(1) for each in looks]).mean(0)
    torch.testing.assert_close(target.merged(looks).softmax(1), mean)
    values, _ = evaluate(learner, state, state.data.test, views=lambda each: views(each, flip=True))
    assert several_views(learner, state) == {f"views/{name}": value for name, value in values.items()}
