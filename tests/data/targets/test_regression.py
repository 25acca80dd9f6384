"""Regression: learnt in standardised units, shown in the data's own."""

import math

import pytest
import torch
from sklearn import metrics as reference

from workbench.data.targets.regression import Regression
from workbench.errors import FieldError

TRAIN = torch.tensor([[10.0, 0.0], [20.0, 4.0], [30.0, 2.0], [60.0, 2.0]])
Y = torch.tensor([[20.0, 1.0], [40.0, 3.0], [30.0, 8.0]])
OUTPUT = torch.tensor([[0.5, -1.0], [-0.2, 0.4], [1.5, 0.0]])


def test_statistics_are_those_of_the_training_targets() -> None:
    found = Regression().fitted(TRAIN)
    assert found.mean == pytest.approx((30.0, 2.0)) and found.std == pytest.approx((math.sqrt(350), math.sqrt(2)))
    assert found.fitted(Y) == found
    assert Regression().fitted(torch.tensor([[3.0], [3.0]])).std == (1.0,)


@pytest.mark.parametrize("criterion", ["mse", "huber", "l1"])
def test_loss_by_hand(criterion: str) -> None:
    target = Regression(criterion=criterion).fitted(TRAIN)
    off = OUTPUT - (Y - TRAIN.mean(0)) / TRAIN.std(0, correction=0)
    huber = torch.where(off.abs() < 1, off.square() / 2, off.abs() - 0.5)
    by_hand = {"mse": off.square(), "huber": huber, "l1": off.abs()}[criterion]
    assert target.loss(OUTPUT, Y).item() == pytest.approx(by_hand.mean().item(), rel=1e-5)
    torch.testing.assert_close(target.metrics(OUTPUT, Y)["loss"], by_hand.mean(1))


def test_scores_are_scikit_learns_in_the_datas_own_units() -> None:
    target = Regression().fitted(TRAIN)
    values, sure = target.predict(OUTPUT)
    assert values[0, 0].item() == pytest.approx(30 + 0.5 * math.sqrt(350), rel=1e-6) and bool(sure.isnan().all())
    scores = target.metrics(OUTPUT, Y)
    assert tuple(scores) == Regression.names and scores["mae"].shape == (3,)
    truth, shown = Y.numpy(), values.numpy()
    assert scores["mae"].mean().item() == pytest.approx(reference.mean_absolute_error(truth, shown), rel=1e-6)
    found = target.summary(target.keep(OUTPUT), Y, {})
    assert found["rmse"] == pytest.approx(math.sqrt(reference.mean_squared_error(truth, shown)), rel=1e-6)
    assert found["r2"] == pytest.approx(reference.r2_score(truth, shown), rel=1e-6)


def test_no_spread_no_r_squared() -> None:
    target = Regression().fitted(TRAIN[:, :1])
    assert target.summary(torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0], [2.0]]), {}) == {"rmse": 1.0}


def test_the_constant_predictor_knows_mean_and_median_of_training() -> None:
    train, test = TRAIN[:, :1], Y[:, :1]  # mean 30, median 25
    found = Regression().constant(train, test)
    assert found["mae"] == pytest.approx((5 + 15 + 5) / 3)
    assert found["rmse"] == pytest.approx(math.sqrt((100 + 100 + 0) / 3)) and found["r2"] == pytest.approx(0.0)
    assert found["loss"] == pytest.approx((100 + 100 + 0) / 3 / 350, rel=1e-5)
    train = torch.tensor([[0.0], [0.0], [0.0], [40.0]])  # median 0, mean 10, variance 300
    assert Regression(criterion="l1").constant(train, test)["loss"] == pytest.approx(30 / math.sqrt(300), rel=1e-5)


def test_decode() -> None:
    one = Regression().fitted(TRAIN[:, :1]).decode(OUTPUT[:1, :1], ("age",))
    assert one[0][0] == pytest.approx(30 + 0.5 * math.sqrt(350)) and math.isnan(one[0][1])
    several = Regression().fitted(TRAIN).decode(OUTPUT[2:], ("age", "size"))
    assert several[0][0]["size"] == pytest.approx(2.0)


def test_what_it_refuses() -> None:
    with pytest.raises(FieldError, match=r"no mean and std yet. Call fitted"):
        Regression().loss(OUTPUT, Y)
    with pytest.raises(FieldError, match=r"Regression has no labels to smooth"):
        Regression().fitted(TRAIN).loss(OUTPUT, Y, smoothing=0.1)
    with pytest.raises(FieldError, match=r"Regression.mean is given without std"):
        Regression(mean=(0.0,))
    with pytest.raises(FieldError, match=r"numbers above 0"):
        Regression(mean=(0.0,), std=(0.0,))
    with pytest.raises(FieldError, match=r"there are 2 values"):
        Regression(mean=(0.0,), std=(1.0,)).fitted(TRAIN)
    with pytest.raises(FieldError, match="cannot be mixed"):
        Regression().soft(Y, 2)


def test_the_table_of_settings_names_the_units() -> None:
    rows = {name: value for name, value, _ in Regression().fitted(TRAIN).describe(("age", "size"))}
    assert rows["head"] == "2 outputs" and rows["standardise"] == "30 +- 18.71, 2 +- 1.414"


def test_views_are_merged_by_their_values() -> None:
    target = Regression().fitted(TRAIN)
    values = (target.values(OUTPUT) + target.values(OUTPUT.flip(0))) / 2
    torch.testing.assert_close(target.values(target.merged([OUTPUT, OUTPUT.flip(0)])), values)
