import torch
from torch import nn

from workbench.models.transformer_pairs import Heads, places


def test_places_are_sinusoids_from_anywhere() -> None:
    like = torch.zeros(1, 64)
    whole = places(0, 9, like)
    assert torch.allclose(places(4, 5, like), whole[4:])
    assert torch.equal(whole[0, :32], torch.zeros(32)) and torch.equal(whole[0, 32:], torch.ones(32))
    assert torch.allclose(whole[3, 0], torch.tensor(3.0).sin())


def test_heads_are_what_torch_calls_multihead_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = Heads(64), nn.MultiheadAttention(64, 2, batch_first=True)
    theirs.in_proj_weight.data = torch.cat((ours.query.weight, ours.pair.weight)).detach()
    theirs.in_proj_bias.data = torch.cat((ours.query.bias, ours.pair.bias)).detach()
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, source = torch.randn(3, 4, 64), torch.randn(3, 6, 64)
    mask = torch.arange(6)[None] < torch.tensor([6, 2, 4])[:, None]
    mixed, looks = theirs(x, source, source, key_padding_mask=~mask)
    pairs = ours.pairs(source)
    assert torch.allclose(ours(x, pairs, mask), mixed, atol=1e-6)
    assert torch.allclose(ours.looks(x, pairs[0], mask), looks, atol=1e-6)
