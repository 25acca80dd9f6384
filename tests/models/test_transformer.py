"""The attending body: places are told apart, and the attention that is shown is the one that is used."""

import torch
from torch.nn import functional

from workbench.models.transformer import Layer, TransformerBody

IDS = torch.tensor([[2, 4, 5, 6]])


def body(layers: int = 1) -> TransformerBody:
    torch.manual_seed(0)
    return TransformerBody(vocabulary=12, width=64, layers=layers, dropout=0.0).eval()


def test_the_attention_that_is_shown_is_the_one_that_is_used() -> None:
    made = body()
    (weights,) = made.attention(IDS)
    assert weights.shape == (1, 2, 4, 4)
    layer = made.layers[0]
    assert isinstance(layer, Layer)
    x, turn = made._begin(IDS)
    _, _, value = layer._split(x, turn)
    seen = x + layer.out((weights @ value).transpose(1, 2).flatten(2))
    after = seen + layer.outer(functional.gelu(layer.inner(layer.between(seen))))
    assert torch.allclose(after, layer(x, turn), atol=1e-5)


def test_the_order_of_tokens_matters() -> None:
    made = body()
    one, two = made(torch.tensor([[4, 5, 6]])), made(torch.tensor([[5, 4, 6]]))
    assert not torch.allclose(one[0, 2], two[0, 2], atol=1e-4)


def test_attention_depends_on_how_far_apart_tokens_are_not_on_where() -> None:
    made = body()
    early = made.attention(torch.tensor([[4, 5, 6, 7]]))[0]
    late = made.attention(torch.tensor([[8, 9, 10, 4, 5, 6, 7]]))[0]
    ratio = early[0, :, 3, :3] / early[0, :, 3, 3:]
    assert torch.allclose(late[0, :, 6, 3:6] / late[0, :, 6, 6:], ratio, rtol=1e-3)


def test_the_last_normalisation_belongs_to_the_last_layer() -> None:
    made = body(2)
    names = [name for name, _ in made.groups()]
    assert names == ["embedding", "layer1", "layer2"] and made.groups()[-1][1][-1] is made.norm
    assert not bool(torch.isnan(made(IDS)).any())
