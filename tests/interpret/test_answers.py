"""Answers are the run's own, bit for bit."""

import numpy as np
import pytest

from tests.interpret.made import answers as made
from workbench.data.targets.regression import Regression
from workbench.interpret.answers import Answers
from workbench.interpret.view import DoesNotApply
from workbench.training.learner import Learner
from workbench.training.result import Result


def test_they_are_what_the_run_recorded(ended: tuple[Learner, Result], answers: Answers) -> None:
    result = ended[1]
    assert np.array_equal(answers.prediction, result.predictions.prediction)
    assert np.array_equal(answers.confidence, result.predictions.confidence)
    assert np.array_equal(answers.truth, result.predictions.target)
    assert answers.measure == "error"
    for name, values in answers.scores.items():
        assert float(values.mean()) == pytest.approx(result.metrics[f"test/{name}"], rel=1e-6)


def test_probabilities_are_those_of_the_target(answers: Answers) -> None:
    probabilities = answers.probabilities("a test")
    assert np.allclose(probabilities.sum(1), 1)
    assert np.allclose(probabilities.max(1), answers.confidence, atol=1e-6)


def test_numbers_have_none() -> None:
    target = Regression(mean=(0.0,), std=(1.0,))
    found = made([[0.5], [1.0]], np.array([[1.0], [1.0]], dtype=np.float32), target=target)
    bare = Answers(**{**vars(found), "outputs": None})
    assert bare.measure == "mae" and np.allclose(bare.loss, [0.25, 0])
    with pytest.raises(DoesNotApply, match="a test needs classes or labels, and the target is Regression"):
        bare.probabilities("a test")
