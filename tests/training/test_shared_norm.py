"""Shared batch normalisation is torch's, under torch's names; test_distributed says what two processes make of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from workbench.models.norm import Norm, apply_norm
from workbench.training.shared_norm import SharedBatchNorm, share_statistics, sharing


@pytest.fixture(scope="module")
def group() -> Iterator[None]:
    """A group of one process: every exchange is made, with nobody."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def network(**how: Any) -> nn.Sequential:
    """Layers of pictures and of vectors, some steps old."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(2, 5, 3, bias=False), nn.BatchNorm2d(5, **how), nn.ReLU(), nn.Flatten(),
        nn.Linear(20, 6), nn.Sequential(nn.BatchNorm1d(6, **how), nn.Dropout(0.0)),
    ).double()  # fmt: skip
    for _ in range(2):
        layers(torch.randn(4, 2, 4, 4, dtype=torch.float64) + 1)
    return layers


HOW: list[dict[str, Any]] = [
    {},
    {"momentum": None},
    {"affine": False},
    {"momentum": 0.0},
    {"track_running_stats": False},
]


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_output_gradients_and_running_statistics_are_torch_s(how: dict[str, Any], training: bool, group: None) -> None:
    ours = network(**how).train(training)
    theirs = copy.deepcopy(ours)
    before = copy.copy(ours.state_dict(keep_vars=True))
    assert share_statistics(ours) is ours and isinstance(ours[1], SharedBatchNorm)
    after = ours.state_dict(keep_vars=True)
    assert list(after) == list(before) and all(after[name] is value for name, value in before.items())
    x = torch.randn(7, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = []
    for model in (ours, theirs):
        given = x.clone().requires_grad_()
        (output,) = (model(each) for each, _ in sharing(model, [(given, 1.0)]))
        output.pow(3).sum().backward()
        found.append([output, given.grad, *(each.grad for each in model.parameters()), *model.buffers()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_a_process_without_an_item_counts_for_nothing(group: None) -> None:
    model = share_statistics(nn.Sequential(nn.BatchNorm1d(3)))
    with pytest.raises(ValueError, match="more than 1 value per channel"):  # here nobody else has one
        for piece, _ in sharing(model, [(torch.randn(5, 3), 0.0)]):
            model(piece)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        for piece, _ in sharing(model, [(torch.randn(1, 3), 1.0)]):
            model(piece)


def test_beyond_a_step_a_layer_exchanges_nothing() -> None:
    ours = share_statistics(network())
    theirs, x = network(), torch.randn(7, 2, 4, 4, dtype=torch.float64)
    for model in (ours, theirs):
        list(sharing(model, [(x, 1.0), (x, 0.5)]))
    assert not dist.is_initialized() or dist.get_world_size() == 1
    assert torch.equal(ours(x), theirs(x)) and torch.equal(ours[1].running_var, theirs[1].running_var)


def test_half_precision_is_summed_in_full(group: None) -> None:
    model = share_statistics(nn.Sequential(nn.BatchNorm1d(3)))
    x = torch.randn(64, 3).bfloat16() + 100
    ((output, _),) = [(model(piece), weight) for piece, weight in sharing(model, [(x, 1.0)])]
    assert output.dtype == torch.bfloat16
    torch.testing.assert_close(output.float(), nn.BatchNorm1d(3)(x.float()), rtol=1e-2, atol=1e-2)


def test_the_policy_finds_the_layers() -> None:
    model = share_statistics(network())
    layers = [each for each in model.modules() if isinstance(each, SharedBatchNorm)]
    apply_norm(model, Norm(stats="running", affine=False))
    assert len(layers) == 2 and not any(each.training or each.weight.requires_grad for each in layers)
    apply_norm(model, Norm(stats="batch"))
    assert all(each.training and each.momentum == 0 and each.weight.requires_grad for each in layers)
