"""SingleLabel: loss, metrics and chance level are what their definitions say."""

import pytest
import torch

from workbench.data.targets import SingleLabel

OUTPUT = torch.tensor([[2.0, 0.0, -1.0], [0.1, 0.2, 0.3], [5.0, 1.0, 0.0]])
TARGET = torch.tensor([0, 2, 1])


def test_loss_by_hand() -> None:
    probabilities = OUTPUT.softmax(1)
    by_hand = -probabilities[torch.arange(3), TARGET].log()
    assert SingleLabel().loss_sum(OUTPUT, TARGET).item() == pytest.approx(by_hand.sum().item(), rel=1e-6)
    assert SingleLabel().loss(OUTPUT, TARGET).item() == pytest.approx(by_hand.mean().item(), rel=1e-6)


def test_smoothing_by_hand() -> None:
    soft = torch.full((3, 3), 0.3 / 3)
    soft[torch.arange(3), TARGET] += 0.7
    by_hand = -(soft * OUTPUT.log_softmax(1)).sum(1).mean()
    assert SingleLabel().loss(OUTPUT, TARGET, smoothing=0.3).item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_pieces_weighed_by_count_equal_the_whole() -> None:
    pieces = [SingleLabel().loss_sum(OUTPUT[cut], TARGET[cut]) for cut in (slice(0, 1), slice(1, 3))]
    assert (sum(pieces) / 3).item() == pytest.approx(SingleLabel().loss(OUTPUT, TARGET).item(), rel=1e-6)


def test_metrics_are_per_item() -> None:
    values = SingleLabel().metrics(OUTPUT, TARGET)
    assert tuple(values) == SingleLabel.names and values["error"].tolist() == [0.0, 0.0, 1.0]
    assert values["loss"].mean().item() == pytest.approx(SingleLabel().loss(OUTPUT, TARGET).item(), rel=1e-6)
    assert int(SingleLabel().errors(OUTPUT, TARGET)) == 1


def test_not_a_number_is_wrong() -> None:
    broken = torch.full((2, 3), torch.nan)
    assert int(SingleLabel().errors(broken, torch.tensor([0, 1]))) == 2


def test_low_precision_output_gives_a_float32_loss() -> None:
    loss = SingleLabel().loss(OUTPUT.bfloat16(), TARGET)
    assert loss.dtype == torch.float32


def test_decode() -> None:
    labels = SingleLabel().decode(OUTPUT, ("a", "b", "c"))
    assert [label for label, _ in labels] == ["a", "c", "a"]
    assert labels[0][1] == pytest.approx(OUTPUT.softmax(1)[0, 0].item())


def test_constant_error_is_the_majority_of_training() -> None:
    train, test = torch.tensor([1, 1, 0]), torch.tensor([0, 0, 1, 2])
    assert SingleLabel().constant_error(train, test) == 0.75
    assert SingleLabel().width(14) == 14
