"""Optimizers: every parameter once, weight decay for matrices only, a factor a group."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from workbench import FineTune, OneCycle
from workbench.training.optim import auto_weight_decay, build_optimizer, set_lr


@pytest.fixture
def network() -> nn.ModuleDict:
    """A stem, a block and a head with matrices, kernels and vectors."""
    return nn.ModuleDict(
        {
            "stem": nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)),
            "block": nn.Sequential(nn.Conv2d(4, 4, 3, bias=False), nn.GroupNorm(2, 4)),
            "head": nn.Linear(4, 2),
        }
    )


def groups(network: nn.ModuleDict) -> list[tuple[str, list[nn.Module]]]:
    """From input to head."""
    return [(name, [module]) for name, module in network.items()]


@pytest.mark.parametrize("name", ["adamw", "sgd", "muon"])
def test_every_parameter_is_there_once_frozen_or_not(network: nn.ModuleDict, name: str) -> None:
    network["stem"].requires_grad_(False)
    optimizer = build_optimizer(groups(network), OneCycle(lr=0.1, optimizer=name))
    held = [id(each) for group in optimizer.param_groups for each in group["params"]]
    assert sorted(held) == sorted(map(id, network.parameters()))


def test_vectors_do_not_decay_and_everything_else_does(network: nn.ModuleDict) -> None:
    optimizer = build_optimizer(groups(network), OneCycle(lr=0.1, weight_decay=0.3))
    decay = {id(each): group["weight_decay"] for group in optimizer.param_groups for each in group["params"]}
    found = {name: decay[id(each)] for name, each in network.named_parameters()}
    assert {name for name, value in found.items() if value == 0.3} == {"stem.0.weight", "block.0.weight", "head.weight"}
    assert set(found.values()) == {0.0, 0.3}


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_scales_and_biases_of_another_shape_do_not_decay_either(name: str) -> None:
    block = nn.Conv2d(4, 4, 3, bias=False)
    block.layer_scale = nn.Parameter(torch.ones(4, 1, 1))  # as ConvNeXt has them
    block.relative_position_bias_table = nn.Parameter(torch.ones(9, 2))  # as Swin has them
    layers = groups(nn.ModuleDict({"block": block, "head": nn.Linear(4, 1)}))
    optimizer = build_optimizer(layers, OneCycle(lr=0.1, weight_decay=0.3, optimizer=name))
    kept = [each.shape for group in optimizer.param_groups if not group["weight_decay"] for each in group["params"]]
    assert kept == [(4, 1, 1), (9, 2), (1,)]


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_a_step_with_no_gradient_shrinks_what_decays_and_leaves_the_rest(network: nn.ModuleDict, name: str) -> None:
    optimizer = build_optimizer(groups(network), OneCycle(lr=0.1, weight_decay=0.5, optimizer=name))
    before = {key: value.clone() for key, value in network.named_parameters()}
    for each in network.parameters():
        each.grad = torch.zeros_like(each)
    network["block"].zero_grad(set_to_none=True)
    optimizer.step()
    shrunk = {key for key, value in network.named_parameters() if not torch.equal(value, before[key])}
    # a parameter without a gradient, as frozen ones are, is skipped whatever its decay
    assert shrunk == {"stem.0.weight", "head.weight"}


def test_the_learning_rate_is_the_schedules_times_the_groups_factor(network: nn.ModuleDict) -> None:
    optimizer = build_optimizer(groups(network), FineTune(lr=0.1, body_lr=0.25))
    assert all(group["lr"] == 0.1 for group in optimizer.param_groups)
    set_lr(optimizer, 0.02)
    rates = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    for name, each in network.named_parameters():
        assert rates[id(each)] == pytest.approx(0.02 if name.startswith("head") else 0.005)


def test_a_layers_rate_falls_with_its_distance_from_the_head(network: nn.ModuleDict) -> None:
    optimizer = build_optimizer(groups(network), FineTune(lr=0.1, body_lr=0.5, layer_decay=0.4))
    set_lr(optimizer, 1.0)
    rates = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    found = {name.split(".")[0]: rates[id(each)] for name, each in network.named_parameters()}
    assert found == pytest.approx({"head": 1.0, "block": 0.5 * 0.4, "stem": 0.5 * 0.4**2})
    assert len(optimizer.param_groups) == 6


def test_layers_with_equal_settings_share_a_group(network: nn.ModuleDict) -> None:
    assert len(build_optimizer(groups(network), FineTune(lr=0.1)).param_groups) == 4
    assert len(build_optimizer(groups(network), OneCycle(lr=0.1)).param_groups) == 2
    assert len(build_optimizer(groups(network), OneCycle(lr=0.1, weight_decay=0.0)).param_groups) == 1


def test_sgd_has_nesterov_momentum_and_adamw_decoupled_decay(network: nn.ModuleDict) -> None:
    sgd = build_optimizer(groups(network), OneCycle(lr=0.1, optimizer="sgd"))
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["momentum"], sgd.defaults["nesterov"]) == (0.9, True)
    assert isinstance(build_optimizer(groups(network), OneCycle(lr=0.1)), torch.optim.AdamW)


def test_a_layer_that_thaws_gets_its_momentum_beside_those_that_have_theirs(network: nn.ModuleDict) -> None:
    other = copy.deepcopy(network)
    ours = build_optimizer(groups(network), OneCycle(lr=0.1, weight_decay=0.0, optimizer="sgd"))
    theirs = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9, nesterov=True, foreach=False)
    draw = torch.Generator().manual_seed(0)
    for step in range(4):
        for (name, one), two in zip(network.named_parameters(), other.parameters(), strict=True):
            one.grad = two.grad = torch.randn(one.shape, generator=draw) if step > 1 or "head" in name else None
        ours.step()
        theirs.step()
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-7)


def test_an_automatic_weight_decay_averages_weights_over_the_run() -> None:
    assert auto_weight_decay(OneCycle(lr=1e-3), steps=10_000, pretrained=False)[0] == 0.1
    value, why = auto_weight_decay(OneCycle(lr=1e-2, optimizer="muon"), steps=2_000, pretrained=False)
    assert (value, why) == (
        0.05,
        "1 / (lr x 2,000 steps) = 0.05, kept from 0.01 to 0.3: weights average over the run",
    )


@pytest.mark.parametrize(
    ("lr", "steps", "value"), [(1e-3, 100, 0.3), (0.1, 100_000, 0.01)], ids=["a short run", "a long run"]
)
def test_it_stays_within_its_bounds(lr: float, steps: int, value: float) -> None:
    assert auto_weight_decay(OneCycle(lr=lr), steps=steps, pretrained=False)[0] == value


def test_trained_weights_and_sgd_have_a_rule_of_their_own() -> None:
    assert auto_weight_decay(FineTune(lr=1e-3), steps=1_000, pretrained=True)[0] == 0.01
    assert auto_weight_decay(OneCycle(lr=0.1, optimizer="sgd"), steps=1_000, pretrained=False)[0] == 5e-4
