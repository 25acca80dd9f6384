"""SingleLabel: loss, metrics and chance level are what their definitions say."""

import math

import pytest
import torch

from workbench.data.targets import SingleLabel

OUTPUT = torch.tensor([[2.0, 0.0, -1.0], [0.1, 0.2, 0.3], [5.0, 1.0, 0.0]])
TARGET = torch.tensor([0, 2, 1])


def test_loss_by_hand() -> None:
    probabilities = OUTPUT.softmax(1)
    by_hand = -probabilities[torch.arange(3), TARGET].log()
    assert SingleLabel().loss(OUTPUT, TARGET).item() == pytest.approx(by_hand.mean().item(), rel=1e-6)


def test_smoothing_by_hand() -> None:
    soft = torch.full((3, 3), 0.3 / 3)
    soft[torch.arange(3), TARGET] += 0.7
    by_hand = -(soft * OUTPUT.log_softmax(1)).sum(1).mean()
    assert SingleLabel().loss(OUTPUT, TARGET, smoothing=0.3).item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_pieces_weighed_by_count_equal_the_whole() -> None:
    target = SingleLabel()
    cuts = (slice(0, 1), slice(1, 3))
    pieces = [target.loss(OUTPUT[cut], TARGET[cut]) * target.count(TARGET[cut]) for cut in cuts]
    assert (sum(pieces) / target.count(TARGET)).item() == pytest.approx(
        SingleLabel().loss(OUTPUT, TARGET).item(), rel=1e-6
    )


def test_metrics_are_per_item() -> None:
    values = SingleLabel().metrics(OUTPUT, TARGET)
    assert tuple(values) == SingleLabel.names and values["error"].tolist() == [0.0, 0.0, 1.0]
    assert values["loss"].mean().item() == pytest.approx(SingleLabel().loss(OUTPUT, TARGET).item(), rel=1e-6)


def test_not_a_number_is_wrong() -> None:
    broken = torch.full((2, 3), torch.nan)
    assert SingleLabel().metrics(broken, torch.tensor([0, 1]))["error"].tolist() == [1.0, 1.0]


def test_low_precision_output_gives_a_float32_loss() -> None:
    loss = SingleLabel().loss(OUTPUT.bfloat16(), TARGET)
    assert loss.dtype == torch.float32


def test_decode() -> None:
    labels = SingleLabel().decode(OUTPUT, ("a", "b", "c"))
    assert [label for label, _ in labels] == ["a", "c", "a"]
    assert labels[0][1] == pytest.approx(OUTPUT.softmax(1)[0, 0].item())


def test_the_constant_predictor_knows_the_shares_of_training() -> None:
    train, test = torch.tensor([1, 1, 0]), torch.tensor([0, 0, 1, 2])
    scores = SingleLabel().constant(train, test)
    assert scores["error"] == 0.75
    seen = SingleLabel().constant(train, torch.tensor([0, 1]))
    assert seen["loss"] == pytest.approx((math.log(3) + math.log(1.5)) / 2)
    assert scores["loss"] > seen["loss"]  # a class that training lacks costs more, but is finite


def test_mixed_targets_cost_the_mix_of_both_losses() -> None:
    target = SingleLabel()
    one, two = target.soft(TARGET, 3), target.soft(TARGET.flip(0), 3)
    mixed = target.loss(OUTPUT, 0.3 * one + 0.7 * two)
    parts = 0.3 * target.loss(OUTPUT, TARGET) + 0.7 * target.loss(OUTPUT, TARGET.flip(0))
    assert mixed.item() == pytest.approx(parts.item(), rel=1e-6)


def test_the_head_has_one_output_a_class() -> None:
    assert SingleLabel().width(14) == 14


def test_views_are_merged_by_their_probabilities() -> None:
    other = OUTPUT.flip(0)
    merged = SingleLabel().merged([OUTPUT, other])
    torch.testing.assert_close(merged.softmax(1), (OUTPUT.softmax(1) + other.softmax(1)) / 2)
