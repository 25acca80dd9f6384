"""The recurrent body: what is dropped, and that everything learns."""

import pytest
import torch

from workbench.models.lstm import LSTMBody

IDS = torch.tensor([[2, 4, 5, 6], [2, 7, 4, 4]])


def body(dropout: float = 0.4) -> LSTMBody:
    torch.manual_seed(0)
    return LSTMBody(vocabulary=12, width=32, layers=2, dropout=dropout)


def test_recurrent_weights_are_dropped_and_still_learn() -> None:
    made = body().train()
    made(IDS).sum().backward()
    gradient = made.get_parameter("layers.0.weight_hh_l0").grad
    assert gradient is not None
    assert 0.4 < float((gradient == 0).double().mean()) < 0.6  # half of them were not there
    assert all(each.grad is not None for each in made.parameters())


def test_a_dropped_number_is_missing_at_every_place_of_its_text() -> None:
    states = body().train()(IDS)
    missing = states == 0
    assert missing.any() and torch.equal(missing.any(dim=1), missing.all(dim=1))
    assert not torch.equal(missing[0], missing[1])


def test_a_dropped_word_is_missing_wherever_it_stands() -> None:
    made = LSTMBody(vocabulary=400, width=32, layers=1, dropout=0.7).train()
    words = torch.arange(400)
    vectors = made._embedded(torch.stack((words, words.flip(0))))
    missing = (vectors == 0).all(dim=-1)
    assert torch.equal(missing[0], missing[1].flip(0))
    assert float(missing[0].double().mean()) == pytest.approx(0.7 / 4, abs=0.06)


def test_nothing_is_dropped_in_evaluation_nor_at_rate_0() -> None:
    made = body().eval()
    assert torch.equal(made(IDS), made(IDS)) and not bool((made(IDS) == 0).any())
    still = body(0.0)
    assert torch.allclose(still.train()(IDS), still.eval()(IDS), atol=1e-6)
