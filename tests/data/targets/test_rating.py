"""Rating: a number that stays between its limits."""

import math

import pytest
import torch

from workbench.data.targets.rating import Rating
from workbench.errors import FieldError

TRAIN = torch.tensor([[1.0], [5.0], [4.0], [4.0]])
Y = torch.tensor([[4.0], [2.0]])


def test_limits_are_those_of_the_training_targets() -> None:
    assert Rating().fitted(TRAIN).limits == (1.0, 5.0)
    assert Rating(limits=(0.5, 5)).fitted(TRAIN).limits == (0.5, 5)


def test_answers_reach_the_limits_and_stay_within() -> None:
    target = Rating(limits=(1, 5))
    values, sure = target.predict(torch.tensor([[-20.0], [0.0], [20.0], [math.log(11)]]))
    assert values.flatten().tolist() == pytest.approx([1.0, 3.0, 5.0, 5.0], abs=1e-5) and bool(sure.isnan().all())
    assert target.decode(torch.tensor([[0.0]]), ("stars",))[0][0] == pytest.approx(3.0)


def test_outputs_are_what_gives_these_answers() -> None:
    target, wanted = Rating(limits=(1, 5)), torch.tensor([[1.0], [2.25], [5.0]])
    torch.testing.assert_close(target.values(target.outputs(wanted)), wanted)
    with pytest.raises(FieldError, match="no limits yet"):
        Rating().outputs(wanted)


def test_views_are_merged_by_their_answers() -> None:
    target, views = Rating(limits=(1, 5)), [torch.tensor([[-1.0], [0.5]]), torch.tensor([[1.5], [-0.5]])]
    wanted = (target.values(views[0]) + target.values(views[1])) / 2
    torch.testing.assert_close(target.values(target.merged(views)), wanted)
    torch.testing.assert_close(
        target.values(target.merged([torch.tensor([[90.0]]), torch.tensor([[-90.0]])])), torch.tensor([[3.0]])
    )


def test_scores_by_hand() -> None:
    target, output = Rating(limits=(1, 5)), torch.tensor([[0.0], [0.0]])  # 3 stars
    scores = target.metrics(output, Y)
    assert tuple(scores) == Rating.names and all(each.shape == (2,) for each in scores.values())
    assert scores["mse"].tolist() == pytest.approx([1, 1], abs=1e-5)
    assert scores["mae"].tolist() == pytest.approx([1, 1], abs=1e-5)
    assert target.loss(output, Y).item() == pytest.approx(1 / 16, abs=1e-6)
    found = target.summary(target.keep(output), Y, {})
    assert found["rmse"] == pytest.approx(1.0, abs=1e-5) and found["r2"] == pytest.approx(0.0, abs=1e-5)


def test_beyond_the_limits_the_loss_still_pulls_back() -> None:
    output = torch.tensor([[20.0]], requires_grad=True)
    target = Rating(limits=(1, 5))
    assert target.metrics(output, torch.tensor([[5.0]]))["mse"].item() == 0.0
    assert target.loss(output, torch.tensor([[5.0]])).item() == pytest.approx(0.01, abs=1e-5)


def test_the_constant_predictor_knows_mean_and_median_of_training() -> None:
    found = Rating().constant(TRAIN, Y)  # mean 3.5, median 4
    assert found["mse"] == pytest.approx((0.25 + 2.25) / 2) and found["mae"] == pytest.approx(1.0)
    assert found["rmse"] == pytest.approx(math.sqrt(1.25)) and found["loss"] == pytest.approx(1.25 / 16)


def test_what_it_refuses() -> None:
    with pytest.raises(FieldError, match=r"Rating.limits is"):
        Rating(limits=(5, 1))
    with pytest.raises(FieldError, match=r"reach from 1 to 5. Widen the limits"):
        Rating(limits=(2, 5)).fitted(TRAIN)
    with pytest.raises(FieldError, match=r"every training target is 3"):
        Rating().fitted(torch.full((4, 1), 3.0))
    with pytest.raises(FieldError, match=r"Use Regression"):
        Rating().width(2)
    with pytest.raises(FieldError, match=r"no limits yet"):
        Rating().loss(torch.zeros(2, 1), Y)
    with pytest.raises(FieldError, match="no labels to smooth"):
        Rating(limits=(1, 5)).loss(torch.zeros(2, 1), Y, smoothing=0.1)
