"""What is asked of a learner tells the truth about its run, and changes nothing about it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from workbench.errors import FieldError
from workbench.training.checkpoint import weights_hash


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
