"""A network whose confidences are known to be right, and one whose are known to be wrong."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from tests.interpret.made import answers as made
from workbench.data.targets.multi_label import MultiLabel
from workbench.interpret.answers import Answers
from workbench.interpret.calibration import calibrate, likelihood, temperature


def drawn(count: int, *, scale: float = 1.0, seed: int = 0, split: str = "test") -> Answers:
    """Items whose classes are drawn from the softmax of their outputs, which are then multiplied by ``scale``."""
    draw = np.random.default_rng(seed)
    outputs = draw.normal(0, 2, (count, 4))
    shares = softmax(outputs, axis=1).cumsum(1)
    truth = (draw.random((count, 1)) > shares).sum(1).clip(max=3)
    return made(scale * outputs, truth, split=split)


def test_right_confidences_have_the_error_of_chance() -> None:
    found = calibrate(drawn(3000))
    assert found.by_chance[0] <= found.error <= found.by_chance[1] < 0.04
    assert found.temperature == pytest.approx(1, abs=0.06)
    assert "within what perfect confidences would show by chance" in found.notes()[0]


def test_a_network_too_sure_is_found_and_cooled() -> None:
    found = calibrate(drawn(3000, scale=3))
    assert found.error > 0.1 > found.by_chance[1]
    assert found.temperature == pytest.approx(3, rel=0.06)
    assert found.after < found.by_chance[1] + 0.02 and found.loss_after < found.loss
    assert "beyond" in found.notes()[0] and "(above 1: the network is too sure)" in found.notes()[1]


def test_validation_items_decide_where_there_are_some() -> None:
    found = calibrate(drawn(1000, scale=3), drawn(500, scale=2, seed=1, split="validation"))
    assert found.temperature == pytest.approx(2, rel=0.15) and found.fitted_on == "500 validation items"


def test_the_error_by_hand() -> None:
    sure = np.log(np.array([[0.9, 0.1]] * 20 + [[0.6, 0.4]] * 20))
    truth = [0] * 16 + [1] * 4 + [0] * 10 + [1] * 10
    found = calibrate(made(sure, truth))
    assert [each.items for each in found.bins] == [20, 20]
    assert [each.right for each in found.bins] == [0.5, 0.8]
    assert found.error == pytest.approx(0.1, abs=1e-6) and sum(found.spread) == 40


def test_bins_have_equal_mass() -> None:
    found = calibrate(drawn(1501))
    assert len(found.bins) == 15 and {each.items for each in found.bins} <= {100, 101}
    sures = [each.confidence for each in found.bins]
    assert sures == sorted(sures) and all(each.low <= each.right <= each.high for each in found.bins)


def test_the_temperature_is_the_best_one() -> None:
    answers = drawn(400, scale=2)
    logits, truth = answers.logits("a test").astype(np.float64), answers.truth
    best = temperature(logits, truth, single=True)
    least = likelihood(logits / best, truth, single=True)
    assert all(least <= likelihood(logits / (best * by), truth, single=True) for by in (0.9, 0.97, 1.03, 1.1))
    by_torch = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth))
    assert likelihood(logits, truth, single=True) == pytest.approx(float(by_torch))


def test_every_label_counts() -> None:
    draw = np.random.default_rng(0)
    outputs = draw.normal(0, 2, (500, 3))
    truth = (draw.random((500, 3)) < 1 / (1 + np.exp(-outputs))).astype(np.float32)
    found = calibrate(made(2 * outputs, truth, target=MultiLabel()))
    assert sum(each.items for each in found.bins) == 1500
    assert found.temperature == pytest.approx(2, rel=0.15)
    by_torch = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(2 * outputs), torch.from_numpy(truth)
    )
    assert found.loss == pytest.approx(float(by_torch), rel=1e-5)
    # a label that is rightly held for unlikely is no mistake
    assert found.table().headers[:3] == ("items x labels", "mean probability", "share with the label")
    axes = found.figure().axes
    assert axes[0].get_ylabel() == "share with the label" and axes[1].get_xlabel() == "probability"


def test_it_draws(answers: Answers) -> None:
    figure = calibrate(answers).figure()
    assert figure.axes[0].get_ylabel() == "share right" and figure.axes[1].get_xlabel() == "confidence"
