"""A vision transformer taken apart computes what torchvision's does, and its places fit other sizes."""

import torch
from torch import nn
from torchvision.models import VisionTransformer

from workbench.models.groups import body_groups, ungrouped
from workbench.models.patches import PatchBody, resized_places


def test_the_body_computes_what_torchvision_does_and_every_parameter_is_in_a_block() -> None:
    torch.manual_seed(0)
    network = VisionTransformer(16, 8, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=16, dropout=0.1).eval()
    network.heads = nn.Sequential(nn.Identity())
    body = PatchBody(network).eval()
    x = torch.randn(3, 3, 16, 16)
    assert torch.equal(body(x), network(x))
    groups = body_groups(body)
    assert ungrouped(body, groups) == [] and [name for name, _ in groups] == ["stem", "block1", "block2"]
    assert sum(each.numel() for each in body.parameters()) == sum(each.numel() for each in network.parameters())


def test_places_of_the_corners_and_of_the_class_token_stay() -> None:
    places = torch.randn(1, 1 + 9, 4, generator=torch.Generator().manual_seed(0))
    assert resized_places(places, 3) is places
    grown = resized_places(places, 5)
    assert grown.shape == (1, 26, 4)
    for old, new in ((0, 0), (1, 1), (3, 5), (7, 21), (9, 25)):
        torch.testing.assert_close(grown[0, new], places[0, old])
    strange = torch.zeros(1, 8, 4)
    assert resized_places(strange, 5) is strange
