"""What is asked of a learner tells the truth about its run, and changes nothing about it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from workbench.errors import FieldError
from workbench.training.callbacks import Hooks
from workbench.training.checkpoint import weights_hash
from workbench.training.state import State


def test_asking_changes_no_bit_of_the_run(pictures: Path) -> None:
    plain = Bars.but(fit__lr="auto")(0, root=pictures)
    expected = weights_hash(plain.run().model)
    asked = Bars.but(fit__lr="auto")(0, root=pictures)
    before = torch.get_rng_state()
    settings, story = asked.settings(), asked.explain()
    asked.lr_find()
    asked.audit()
    assert torch.equal(torch.get_rng_state(), before)
    result = asked.run()
    assert weights_hash(result.model) == expected
    assert {each.name: each.value for each in settings.settings}["fit.lr"] == asked.recipe.lr
    assert "fit.lr" in str(settings) and "<td>" in settings._repr_html_() and "after_backward" in story
    assert asked.interpret().state is asked.state
    pictures_of_it = [asked.state.data.encoder.show(asked.state.data.test.inputs, place) for place in range(8)]
    before_asking = [each.answer for each in asked.predict(pictures_of_it)]
    asked.lr_find()
    asked.audit()
    asked.settings()
    assert [each.answer for each in asked.predict(pictures_of_it)] == before_asking
    answers = asked.predict([asked.state.data.encoder.show(asked.state.data.test.inputs, 0)])
    assert answers[0].answer in result.classes
    assert weights_hash(result.model) == expected


def test_a_learner_that_has_not_run_has_nothing_to_show(pictures: Path) -> None:
    with pytest.raises(FieldError, match=r"has not been run\. Call run\(\) first"):
        Bars(0, root=pictures).interpret()


def test_a_rate_that_is_auto_is_tested_once_whoever_asks(pictures: Path) -> None:
    steps: list[int] = []

    class Counts(Bars):
        """Counts its steps."""

        fit = Bars.fit.but(lr="auto", epochs=1)

        def step(self, state: State, hooks: Hooks) -> None:
            steps.append(state.step)
            super().step(state, hooks)

    learner = Counts(0, root=pictures, device="cpu")
    tested = learner.lr_find()
    assert len(steps) == len(tested.rates) == 60
    assert learner.lr_find() is tested is learner.settings().tested
    learner.run()
    assert len(steps) == 60 + 8 and learner.recipe.lr == tested.suggestion
    learner = Counts.but(fit__lr=1e-3)(0, root=pictures, device="cpu")
    assert learner.lr_find() is not learner.lr_find()
