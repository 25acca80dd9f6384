"""Norm: every cell of the table of frameworks, and recalibration that touches nothing but statistics."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.models.test_norm_peers import PEERS
from workbench.data.signature import Signature
from workbench.errors import DataError, FieldError
from workbench.models.groups import Scope, frozen_modules
from workbench.models.heads import VisionModel
from workbench.models.norm import (
    Norm,
    apply_norm,
    batch_norms,
    norm_factory,
    recalibrate,
    statistic_distance,
)
from workbench.models.vision import Network
from workbench.streams import Seeds

# uses running statistics, running ones move, affine trains, train and eval agree
POLICIES: list[tuple[Norm, bool, bool, bool, bool]] = [
    (Norm(), False, True, True, False),
    (Norm(affine=False), False, True, False, False),
    (Norm(stats="batch", affine=False), False, False, False, False),
    (Norm(stats="batch"), False, False, True, False),
    (Norm(stats="running", affine=False), True, False, False, True),
    (Norm(stats="running"), True, False, True, True),
]
# named after the frameworks that were seen to do the same
TABLE = [("; ".join(name for name, _, ours in PEERS if ours == each[0]) or "no peer", *each) for each in POLICIES]
SCOPES: list[Scope] = ["all", "last", "head"]


def build(norm: Norm, arch: str = "resnet8") -> VisionModel:
    model = Network(arch, norm=norm).build(Signature("image", 3, channels=1), seeds=Seeds.of(0), root=Path())
    for layer in batch_norms(model).values():
        assert layer.running_mean is not None and layer.running_var is not None
        layer.running_mean.fill_(0.5)
        layer.running_var.fill_(3.0)
    return model


def shifted(n: int = 16, seed: int = 0) -> torch.Tensor:
    return 3 + 5 * torch.randn(n, 1, 16, 16, generator=torch.Generator().manual_seed(seed))


def train_mode(model: nn.Module, norm: Norm, scope: Scope) -> None:
    model.train()
    apply_norm(model, norm, scope)


def governed(model: VisionModel, scope: Scope) -> dict[str, _BatchNorm]:
    inside = {id(layer) for module in frozen_modules(model, scope) for layer in module.modules()}
    return {name: layer for name, layer in batch_norms(model).items() if scope == "all" or id(layer) in inside}


def observe(layer: _BatchNorm) -> tuple[bool, bool, bool, bool]:
    """What the layer does with a batch: uses running, moves them, affine has a gradient, train equals eval."""
    assert layer.running_mean is not None and layer.running_var is not None
    x = 3 + 5 * torch.randn(32, layer.num_features, 4, 4, generator=torch.Generator().manual_seed(1))
    before = layer.running_mean.clone(), layer.running_var.clone()
    trained = layer(x)
    moved = not (torch.equal(before[0], layer.running_mean) and torch.equal(before[1], layer.running_var))
    evaluating = copy.deepcopy(layer).eval()
    for buffer, value in zip((evaluating.running_mean, evaluating.running_var), before, strict=True):
        assert buffer is not None
        buffer.copy_(value)
    uses_running = torch.allclose(trained, evaluating(x))
    return uses_running, moved, layer.weight.requires_grad and layer.bias.requires_grad, uses_running and not moved


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(("name", "norm", "running", "moved", "affine", "agree"), TABLE, ids=[row[0] for row in TABLE])
def test_table(name: str, norm: Norm, running: bool, moved: bool, affine: bool, agree: bool, scope: Scope) -> None:
    model = build(norm)
    # twice, with an evaluation in between: a policy set only once is undone by the first validation
    for _ in range(2):
        train_mode(model, norm, scope)
        layers = governed(model, scope)
        assert layers
        for layer in layers.values():
            assert observe(layer) == (running, moved, affine, agree)
        model.eval()


def test_the_page_tells_of_every_framework_what_was_seen() -> None:
    page = (Path(__file__).parents[2] / "docs/batch_norm.md").read_text().splitlines()
    rows = {cells[0]: cells[1:] for line in page if len(cells := line.strip("| ").split(" | ")) == 6}
    for name, _, ours in PEERS:
        running, *does = next(each[1:] for each in POLICIES if each[0] == ours)
        words = ["running" if running else "batch", *("yes" if each else "no" for each in does)]
        assert rows[name] == [*words, f"`{ours!r}`"], name


@pytest.mark.parametrize("norm", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
def test_unfrozen_block_is_ordinary(norm: Norm) -> None:
    model = build(norm.but(momentum=0.3))
    train_mode(model, norm.but(momentum=0.3), "last")
    rest = [layer for name, layer in batch_norms(model).items() if name not in governed(model, "last")]
    assert rest and all(observe(layer) == (False, True, True, False) and layer.momentum == 0.3 for layer in rest)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("affine", [True, False])
def test_who_gets_a_gradient(scope: Scope, affine: bool) -> None:
    norm = Norm(affine=affine)
    model = build(norm)
    train_mode(model, norm, scope)
    model(shifted()).square().sum().backward()
    frozen = {id(p) for module in frozen_modules(model, scope) for p in module.parameters()}
    owned = {id(p) for layer in governed(model, scope).values() for p in layer.parameters()}
    for name, parameter in model.named_parameters():
        expected = affine if id(parameter) in owned else id(parameter) not in frozen
        assert (parameter.grad is not None) == expected, name


@pytest.mark.parametrize("stats", ["batch", "running"])
def test_statistics_stay_bit_for_bit_over_training(stats: Any) -> None:
    norm = Norm(stats=stats)
    model = build(norm)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = {name: value.clone() for name, value in model.state_dict().items() if "running" in name}
    for step in range(4):
        train_mode(model, norm, "all")
        model(shifted(seed=step)).square().mean().backward()
        optimizer.step()
        model.eval()
        model(shifted(seed=99))
    assert all(torch.equal(before[name], model.state_dict()[name]) for name in before)


def test_momentum_is_the_weight_of_the_newest_batch() -> None:
    for momentum in (0.01, 0.1, 1.0):
        norm = Norm(momentum=momentum)
        layer = batch_norms(build(norm))["body.stem.1"]
        train_mode(layer, norm, "all")
        x = torch.randn(8, 16, 4, 4, generator=torch.Generator().manual_seed(0))
        layer(x)
        assert layer.running_mean is not None
        expected = (1 - momentum) * 0.5 + momentum * x.mean((0, 2, 3))
        torch.testing.assert_close(layer.running_mean, expected, atol=1e-6, rtol=1e-5)


def test_policy_can_change_and_comes_back() -> None:
    model = build(Norm())
    for norm in (Norm(stats="batch", affine=False), Norm(stats="running"), Norm(momentum=0.2)):
        train_mode(model, norm, "head")
    assert all(layer.training and layer.momentum == 0.2 for layer in batch_norms(model).values())
    train_mode(model, Norm(), "all")
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_other_layers_keep_the_mode_they_have() -> None:
    model = Network("mobilenet_v2").build(Signature("image", 3, channels=3), seeds=Seeds.of(0), root=Path()).eval()
    apply_norm(model, Norm())
    assert not any(layer.training for layer in model.modules() if isinstance(layer, nn.Dropout))
    assert all(layer.training for layer in batch_norms(model).values())


@pytest.mark.parametrize("affine", [True, False])
def test_group_norm_obeys_affine(affine: bool) -> None:
    norm = Norm(kind="group", affine=affine)
    model = Network("resnet8", norm=norm).build(Signature("image", 3, channels=1), seeds=Seeds.of(0), root=Path())
    train_mode(model, norm, "head")
    layers = [layer for layer in model.modules() if isinstance(layer, nn.GroupNorm)]
    assert layers and all(layer.weight.requires_grad is affine for layer in layers)
    assert not model.body.stem[0].weight.requires_grad  # type: ignore[index, union-attr]


def test_group_norm_divides_the_channels() -> None:
    make = norm_factory(Norm(kind="group"))
    assert [make(channels).num_groups for channels in (16, 24, 12, 7)] == [8, 8, 4, 1]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "group", "stats": "batch"}, "Norm.stats is 'batch'"),
        ({"kind": "none", "stats": "running"}, "Norm.stats is 'running'"),
        ({"kind": "none", "affine": False}, "Norm.affine is False"),
        ({"momentum": 0.0}, "Norm.momentum is 0.0"),
        ({"momentum": 1.5}, "Norm.momentum is 1.5"),
        ({"stats": "tracks"}, "did you mean 'track'"),
    ],
)
def test_combinations_that_make_no_sense(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(FieldError, match=words):
        Norm(**fields)


def test_recalibration_gives_the_population() -> None:
    model = build(Norm())
    batches = [shifted(seed=seed) for seed in range(5)]
    assert recalibrate(model, batches) == 9
    first = batch_norms(model)["body.stem.1"]
    with torch.no_grad():
        stem = [model.body.stem[0](batch) for batch in batches]  # type: ignore[index, operator]
    expected_mean = torch.stack([x.mean((0, 2, 3)) for x in stem]).mean(0)
    expected_variance = torch.stack([x.var((0, 2, 3)) for x in stem]).mean(0)
    assert first.running_mean is not None and first.running_var is not None
    torch.testing.assert_close(first.running_mean, expected_mean, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(first.running_var, expected_variance, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("norm", [row[1] for row in TABLE], ids=[row[0] for row in TABLE])
def test_recalibration_leaves_the_rest(norm: Norm) -> None:
    model = build(norm)
    train_mode(model, norm, "last")
    modes = [module.training for module in model.modules()]
    momenta = [layer.momentum for layer in batch_norms(model).values()]
    weights = {name: value.clone() for name, value in model.named_parameters()}
    recalibrate(model, iter([shifted()]))
    assert modes == [module.training for module in model.modules()]
    assert momenta == [layer.momentum for layer in batch_norms(model).values()]
    assert all(torch.equal(value, weights[name]) and value.grad is None for name, value in model.named_parameters())


def test_recalibration_heals_stale_statistics() -> None:
    model = build(Norm())
    batches = [shifted(seed=seed) for seed in range(4)]
    model.eval()
    stale = statistic_distance(model, batches)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert list(stale) == list(batch_norms(model)) and max(stale.values()) > 0.2
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    recalibrate(model, batches)
    assert max(statistic_distance(model, batches).values()) < 1e-5


def test_distance_is_in_population_deviations() -> None:
    model = build(Norm())
    batches = [shifted(seed=seed) for seed in range(3)]
    recalibrate(model, batches)
    layer = batch_norms(model)["body.stem.1"]
    assert layer.running_mean is not None and layer.running_var is not None
    layer.running_mean += 2 * layer.running_var.sqrt()
    assert statistic_distance(model, batches)["body.stem.1"] == pytest.approx(2, rel=1e-2)


def test_recalibration_is_without_dropout() -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm1d(4))
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)) + 2
    recalibrate(model, [x])
    torch.testing.assert_close(model[1].running_mean, x.mean(0))


def test_recalibration_goes_through_the_forward_pass_that_is_given() -> None:
    def twice(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return model(x * 2)

    model, called = build(Norm()), build(Norm())
    batches = [shifted(seed=seed) for seed in range(3)]
    recalibrate(model, batches, twice)
    recalibrate(called, [batch * 2 for batch in batches])
    assert all(torch.equal(one, two) for one, two in zip(model.buffers(), called.buffers(), strict=True))
    assert max(statistic_distance(model, batches, twice).values()) < 1e-5 < 0.1
    assert max(statistic_distance(model, batches).values()) > 0.1


def test_recalibration_without_batches_or_layers() -> None:
    model = build(Norm())
    with pytest.raises(DataError, match="no batches"):
        recalibrate(model, [])
    assert all(layer.num_batches_tracked == 0 and layer.running_var[0] == 3 for layer in batch_norms(model).values())
    assert recalibrate(nn.Linear(2, 2), [torch.zeros(1, 2)]) == 0


def test_recalibration_that_fails_restores_the_modes() -> None:
    model = build(Norm()).eval()
    with pytest.raises(RuntimeError):
        recalibrate(model, [torch.zeros(2, 7, 16, 16)])
    assert not any(module.training for module in model.modules())
    assert all(layer.momentum == 0.1 for layer in batch_norms(model).values())
