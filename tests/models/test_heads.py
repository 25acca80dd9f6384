"""Heads are fresh from their own stream, and a network's last linear layer gives way to them."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from workbench.data.signature import Signature
from workbench.errors import FieldError
from workbench.models.heads import cut_head, features_of, fresh_head, same_head
from workbench.models.vision import Network
from workbench.streams import Seeds


def test_fresh_head_has_a_stream_of_its_own() -> None:
    one, two, other = (fresh_head(8, 3, seeds) for seeds in (Seeds(init=1), Seeds(init=1, order=9), Seeds(init=2)))
    assert torch.equal(one.weight, two.weight) and not torch.equal(one.weight, other.weight)


def test_cut_head_leaves_features() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 6), nn.ReLU(), nn.Sequential(nn.Dropout(), nn.Linear(6, 4)))
    name, head = cut_head(network, "x")
    assert name == "3.1" and head.out_features == 4
    assert network.eval()(torch.zeros(2, 12)).shape == (2, 6)
    with pytest.raises(FieldError, match="does not end in a linear layer"):
        cut_head(nn.Sequential(nn.Conv2d(3, 4, 3)), "x")


def test_a_convolution_of_single_pixels_is_a_head_where_nothing_else_is() -> None:
    network = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    whole = network(torch.ones(2, 3, 8, 8))
    name, head = cut_head(network, "x")
    assert name == "1" and features_of(head) == 6 and network(torch.ones(2, 3, 8, 8)).shape == (2, 6)
    torch.testing.assert_close(head(network(torch.ones(2, 3, 8, 8))[..., None, None]).flatten(1), whole)
    assert same_head(head, 9).weight.shape == (9, 6, 1, 1) and same_head(nn.Linear(6, 4), 9).weight.shape == (9, 6)


def test_copy_has_groups_of_its_own() -> None:
    model = Network("resnet8").build(Signature("image", 4, channels=1), seeds=Seeds.of(0), root=Path())
    twin = copy.deepcopy(model)
    mine, other = ({id(m) for _, modules in each.groups() for m in modules} for each in (model, twin))
    assert not mine & other and [name for name, _ in twin.groups()] == [name for name, _ in model.groups()]
