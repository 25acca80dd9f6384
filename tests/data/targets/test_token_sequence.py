"""A token at every place: what is counted, what is left out, and the unigram model as the constant."""

import math

import pytest
import torch

from workbench.data.targets.token_sequence import NOTHING, TokenSequence
from workbench.data.values import Padded, Ragged

TARGET = TokenSequence()


def logits(tokens: list[list[int]], sure: float = 3.0, size: int = 6) -> torch.Tensor:
    """Outputs whose likeliest tokens are these."""
    return sure * torch.nn.functional.one_hot(torch.tensor(tokens), size).float()


def test_places_without_a_target_count_nowhere() -> None:
    output = logits([[4, 5, 4], [5, 5, 5]])
    y = torch.tensor([[4, 4, NOTHING], [5, NOTHING, NOTHING]])
    found = TARGET.metrics(output, y)
    assert found["error"].tolist() == [0.5, 0.0]
    right = math.log(math.exp(3) + 5) - 3
    assert found["loss"].tolist() == pytest.approx([right + 1.5, right])
    assert float(TARGET.loss(output, y)) == pytest.approx(right + 1.0)


def test_padded_targets_are_the_same_as_marked_ones() -> None:
    output = logits([[4, 5, 4], [5, 5, 5]])
    padded, marked = Padded.of([[4, 4], [5]]), torch.tensor([[4, 4], [5, NOTHING]])
    assert torch.equal(TARGET.loss(output[:, :2], padded), TARGET.loss(output[:, :2], marked))
    assert TARGET.count(padded) == 3 and TARGET.count(torch.zeros(2, 5)) == 10


def test_pieces_weighed_by_their_count_equal_the_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    output, y = torch.randn(5, 7, 6, generator=generator), torch.randint(0, 6, (5, 7), generator=generator)
    pieces = [(output[:3], y[:3]), (output[3:], y[3:])]
    total = sum(TARGET.loss(*piece) * TARGET.count(piece[1]) for piece in pieces) / TARGET.count(y)
    assert float(total) == pytest.approx(float(TARGET.loss(output, y)))
    assert float(TARGET.metrics(output, y)["loss"].mean()) == pytest.approx(float(TARGET.loss(output, y)))


def test_an_output_that_is_not_a_number_is_wrong() -> None:
    output = torch.full((1, 2, 6), math.nan)
    assert TARGET.metrics(output, torch.zeros(1, 2, dtype=torch.int64))["error"].tolist() == [1.0]


def test_perplexity_is_exp_of_the_loss() -> None:
    assert TARGET.summary(None, None, {"loss": math.log(50)})["perplexity"] == pytest.approx(50)
    assert TARGET.summary(None, None, {"loss": 1e4})["perplexity"] == math.inf


def test_the_constant_is_the_unigram_model_of_training() -> None:
    found = TARGET.constant(torch.tensor([[4, 4, 5, 4]]), torch.tensor([[4, 5, 5, NOTHING]]))
    # ids 0 to 3 never occur and count half a time each
    shares = {4: 3 / 6, 5: 1 / 6}
    assert found["error"] == pytest.approx(2 / 3)
    assert found["loss"] == pytest.approx(-(math.log(shares[4]) + 2 * math.log(shares[5])) / 3)
    assert TARGET.constant(Ragged.of([[4, 4], [5, 4]]), Ragged.of([[4, 5], [5]])) == found


def test_predictions_and_the_next_token() -> None:
    output = logits([[4, 5]], sure=50.0)
    token, sure = TARGET.predict(output)
    assert token.tolist() == [[4, 5]] and sure.tolist() == pytest.approx([1.0])
    assert TARGET.decode(output, ("a", "b", "c", "d", "e", "f")) == [("f", pytest.approx(1.0))]


def test_smoothing_spreads_the_target() -> None:
    output, y = logits([[4]], sure=50.0), torch.tensor([[4]])
    assert float(TARGET.loss(output, y, smoothing=0.1)) > float(TARGET.loss(output, y)) + 1
    assert [row[0] for row in TARGET.describe(("a", "b"))] == ["target", "head", "activation", "loss", "metric"]
