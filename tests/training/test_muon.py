"""Muon: torch's own for matrices, the same on a kernel as on its matrix, and one optimizer to save and load."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from tests.training.test_resuming import Saves, interrupted, undisturbed
from workbench import OneCycle
from workbench.training.muon import Muon
from workbench.training.optim import build_optimizer, set_lr


def network() -> nn.ModuleDict:
    """Text in, with everything that Muon has to tell apart."""
    torch.manual_seed(0)
    return nn.ModuleDict(
        {
            "stem": nn.Embedding(7, 6),
            "block": nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5)),
            "kernel": nn.Conv2d(3, 4, (2, 3)),
            "head": nn.Linear(5, 2),
        }
    )


def built(model: nn.ModuleDict, **fields: float) -> torch.optim.Optimizer:
    """The optimizer that a recipe gives."""
    recipe = OneCycle(lr=0.1, optimizer="muon", **fields)  # type: ignore[arg-type]
    return build_optimizer([(name, [module]) for name, module in model.items()], recipe)


def give_gradients(model: nn.Module, seed: int) -> None:
    """The same numbers for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    for each in model.parameters():
        each.grad = torch.randn(each.shape, generator=generator)


def test_matrices_and_kernels_between_embedding_and_head_are_muons_and_all_else_is_adamws() -> None:
    model = network()
    optimizer = built(model)
    own = {id(p) for group in optimizer.param_groups if "ns_steps" in group for p in group["params"]}
    assert {name for name, p in model.named_parameters() if id(p) in own} == {"block.0.weight", "kernel.weight"}
    held = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(held) == sorted(map(id, model.parameters()))
    assert isinstance(optimizer, torch.optim.Optimizer) and len(optimizer.param_groups) == 3


@torch.no_grad()
def test_each_half_does_what_torchs_own_optimizer_does() -> None:
    model, other = network(), network()
    optimizer = built(model, weight_decay=0.3)
    inner = {"block.0.weight"}
    named = [(name, each) for name, each in other.named_parameters() if not name.startswith("kernel")]
    muon = torch.optim.Muon(
        [each for name, each in named if name in inner], lr=0.1, weight_decay=0.3, adjust_lr_fn="match_rms_adamw"
    )
    rest = [(each, 0.3 if each.ndim > 1 else 0.0) for name, each in named if name not in inner]
    adamw = torch.optim.AdamW([{"params": [each], "weight_decay": decay} for each, decay in rest], lr=0.1)
    for step in range(3):
        for each in (model, other):
            give_gradients(each, step)
        set_lr(optimizer, 0.1)
        optimizer.step()
        muon.step()
        adamw.step()
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        if not name.startswith("kernel"):
            torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@torch.no_grad()
def test_a_kernel_moves_as_its_matrix_does_whatever_its_order_in_memory(order: torch.memory_format) -> None:
    kernel = nn.Parameter(torch.randn(4, 3, 2, 5, generator=torch.Generator().manual_seed(1)).to(memory_format=order))
    matrix = nn.Parameter(kernel.detach().clone(memory_format=torch.contiguous_format).flatten(1))
    ours = Muon([{"params": [kernel], "weight_decay": 0.1, "factor": 1.0}], [], lr=0.05)
    theirs = torch.optim.Muon([matrix], lr=0.05, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for step in range(3):
        kernel.grad = torch.randn(4, 3, 2, 5, generator=torch.Generator().manual_seed(10 + step))
        matrix.grad = kernel.grad.flatten(1)
        ours.step()
        theirs.step()
    # columns in another order are summed in another order, in bfloat16
    torch.testing.assert_close(kernel.detach().flatten(1), matrix.detach(), rtol=0, atol=1e-3)
    assert kernel.is_contiguous(memory_format=order)


def test_a_parameter_without_a_gradient_is_left_alone() -> None:
    model = network()
    optimizer = built(model, weight_decay=0.5)
    give_gradients(model, 0)
    model["kernel"].zero_grad(set_to_none=True)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    optimizer.step()
    moved = {name for name, each in model.named_parameters() if not torch.equal(each, before[name])}
    assert moved == {name for name in before if not name.startswith("kernel")}
    assert model["kernel"].weight not in optimizer.state


def test_it_goes_on_from_its_state_as_if_it_had_never_been_saved() -> None:
    model, other = network(), network()
    one, two = built(model), built(other)
    for step in range(2):
        give_gradients(model, step)
        one.step()
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    other.load_state_dict(model.state_dict())
    set_lr(one, 0.03)
    set_lr(two, 0.03)
    for each in (model, other):
        give_gradients(each, 5)
    one.step()
    two.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_only_one_half_is_fine_too() -> None:
    linear = nn.Linear(3, 2, bias=False)
    give_gradients(linear, 0)
    before = linear.weight.detach().clone()
    build_optimizer([("head", [linear])], OneCycle(lr=0.1, optimizer="muon")).step()
    assert not torch.equal(linear.weight, before)


@pytest.mark.parametrize("step", [3, 13])
def test_a_run_with_it_learns_and_resumes_bit_for_bit(pictures: Path, tmp_path: Path, step: int) -> None:
    arm = Bars.but(fit=OneCycle(epochs=3, batch=32, lr=3e-2, optimizer="muon"))
    whole = undisturbed(arm, pictures)
    assert interrupted(arm, pictures, Saves(tmp_path / "c.safetensors", step, "step_end")) == whole
    assert whole[1]["test/error"] < 0.3
