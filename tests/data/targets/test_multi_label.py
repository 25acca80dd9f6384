"""MultiLabel: loss and scores are what their definitions say."""

import itertools

import pytest
import torch
from sklearn import metrics as reference

from workbench.data.targets.multi_label import MultiLabel
from workbench.errors import FieldError

OUTPUT = torch.tensor([[2.0, -1.0, 0.3], [-0.5, 0.4, -3.0], [1.0, 1.0, -1.0], [-2.0, 0.1, 0.2]])
Y = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def test_loss_by_hand() -> None:
    p = OUTPUT.sigmoid()
    by_hand = -(Y * p.log() + (1 - Y) * (1 - p).log())
    assert MultiLabel().loss(OUTPUT, Y).item() == pytest.approx(by_hand.mean().item(), rel=1e-6)
    values = MultiLabel().metrics(OUTPUT, Y)
    torch.testing.assert_close(values["loss"], by_hand.mean(1))


def test_smoothing_by_hand() -> None:
    p, soft = OUTPUT.sigmoid(), Y * 0.8 + 0.1
    by_hand = -(soft * p.log() + (1 - soft) * (1 - p).log()).mean()
    assert MultiLabel().loss(OUTPUT, Y, smoothing=0.2).item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_pieces_weighed_by_count_equal_the_whole() -> None:
    target = MultiLabel()
    pieces = [target.loss(OUTPUT[cut], Y[cut]) * target.count(Y[cut]) for cut in (slice(0, 1), slice(1, 4))]
    assert (sum(pieces) / 4).item() == pytest.approx(target.loss(OUTPUT, Y).item(), rel=1e-6)


@pytest.mark.parametrize("threshold", [0.5, 0.7])
def test_scores_are_scikit_learns(threshold: float) -> None:
    target = MultiLabel(threshold=threshold)
    truth, probability = Y.int().numpy(), OUTPUT.sigmoid().numpy()
    given = (probability >= threshold).astype(int)
    values = target.metrics(OUTPUT, Y)
    assert tuple(values) == MultiLabel.names and all(each.shape == (4,) for each in values.values())
    assert values["hamming_loss"].mean().item() == pytest.approx(reference.hamming_loss(truth, given))
    assert values["subset_error"].mean().item() == pytest.approx(reference.zero_one_loss(truth, given))
    found = target.summary(target.keep(OUTPUT), Y, {})
    assert found["mAP"] == pytest.approx(reference.average_precision_score(truth, probability))
    assert found["mAP_error"] == 1 - found["mAP"]
    assert found["f1_macro"] == pytest.approx(reference.f1_score(truth, given, average="macro"))
    assert found["f1_micro"] == pytest.approx(reference.f1_score(truth, given, average="micro"))


def test_a_label_that_nobody_has_is_left_out_of_the_mean_average_precision() -> None:
    without = torch.cat((Y, torch.zeros(4, 1)), dim=1)
    output = torch.cat((OUTPUT, torch.ones(4, 1)), dim=1)
    target = MultiLabel()
    found = target.summary(target.keep(output), without, {})
    assert found["mAP"] == target.summary(target.keep(OUTPUT), Y, {})["mAP"]
    assert "mAP" not in target.summary(target.keep(output), torch.zeros(4, 4), {})


def test_not_a_number_is_wrong() -> None:
    assert MultiLabel().metrics(torch.full((1, 3), torch.nan), torch.zeros(1, 3))["hamming_loss"].tolist() == [1.0]


def test_predict_and_decode() -> None:
    labels, sure = MultiLabel().predict(OUTPUT)
    assert labels[0].tolist() == [1, 0, 1]
    p = OUTPUT[0].sigmoid()
    assert sure[0].item() == pytest.approx((p[0] * (1 - p[1]) * p[2]).item(), rel=1e-6)
    shown = MultiLabel().decode(OUTPUT, ("round", "green", "sour"))
    assert list(shown[0][0]) == ["round", "sour"] and shown[0][0]["sour"] == pytest.approx(p[2].item())
    assert shown[0][1] == pytest.approx(sure[0].item())


def test_the_constant_predictor_knows_the_shares_of_training() -> None:
    found = MultiLabel().constant(Y, Y)
    # label 0 is on every other item, label 1 too (a half counts as given), label 2 on one of four
    assert found["hamming_loss"] == pytest.approx((2 + 2 + 1) / 12)
    assert found["subset_error"] == 0.5  # the commonest set, {label 0}, fits two of four
    assert found["mAP"] == pytest.approx((0.5 + 0.5 + 0.25) / 3)
    assert found["mAP_error"] == 1 - found["mAP"]
    assert found["loss"] > 0 and MultiLabel().loss(OUTPUT, Y).item() < found["loss"]


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8])
def test_no_constant_set_of_labels_is_better_in_training(threshold: float) -> None:
    share = torch.tensor([0.4, 0.05, 0.9, 0.3, 0.25])
    y = (torch.rand(400, 5, generator=torch.Generator().manual_seed(0)) < share).float()
    found = MultiLabel(threshold=threshold).constant(y, y)
    sets = [torch.tensor(each).expand(len(y), -1) for each in itertools.product([0.0, 1.0], repeat=5)]
    assert found["hamming_loss"] == pytest.approx(min(float((each != y).float().mean()) for each in sets))
    for average in ("macro", "micro"):
        best = max(reference.f1_score(y, each, average=average, zero_division=0) for each in sets)
        assert found[f"f1_{average}"] == pytest.approx(best)


def test_soft_targets_are_the_targets() -> None:
    assert torch.equal(MultiLabel().soft(Y, 3), Y)
    assert MultiLabel().width(5) == 5 and MultiLabel().fitted(Y) == MultiLabel()


def test_what_it_refuses() -> None:
    with pytest.raises(FieldError, match=r"MultiLabel.threshold is 1.0"):
        MultiLabel(threshold=1.0)
    with pytest.raises(FieldError, match=r"MultiLabel.separator is ''"):
        MultiLabel(separator="")


def test_views_are_merged_by_their_probabilities() -> None:
    other = OUTPUT.flip(0)
    merged = MultiLabel().merged([OUTPUT, other])
    torch.testing.assert_close(merged.sigmoid(), (OUTPUT.sigmoid() + other.sigmoid()) / 2)
