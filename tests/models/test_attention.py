import pytest
import torch

from workbench.models.attention import SCORES, Additive, weights

STATES = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))
QUERIES = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))


def test_additive_scores_are_those_of_the_paper() -> None:
    additive = Additive(8)
    scores = additive(QUERIES, additive.keys(STATES))
    one = torch.tanh(additive.query.weight @ QUERIES[1, 2] + additive.key.weight @ STATES[1, 4] + additive.key.bias)
    assert scores[1, 2, 4].item() == pytest.approx((additive.score.weight[0] @ one).item(), rel=1e-5)


@pytest.mark.parametrize("name", SCORES)
def test_nothing_behind_the_end_is_looked_at(name: str) -> None:
    score = SCORES[name](8)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    looks = weights(score(QUERIES, score.keys(STATES)), mask)  # type: ignore[operator]
    assert looks.shape == (2, 3, 5) and torch.allclose(looks.sum(dim=-1), torch.ones(2, 3))
    assert looks[1, :, 2:].eq(0).all() and looks[0].gt(0).all()
