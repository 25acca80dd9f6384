"""Optimizers over a model's layer groups.

Every parameter is in the optimizer from the start, frozen or not, so that the checkpoint's layout never changes;
a frozen one has ``requires_grad`` off, gets no gradient and is skipped by the update.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import torch
from torch import nn

from workbench.errors import FieldError
from workbench.training.muon import Muon
from workbench.training.recipes import Recipe

Groups = Sequence[tuple[str, Sequence[nn.Module]]]


def build_optimizer(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer; parameters with the same factor, weight decay and rule share a parameter group.

    Parameter groups carry ``factor``: their learning rate is ``recipe.lr * factor * schedule(progress)``. They are few,
    since an update costs about as much for a group as for a hundred small layers in it: at most four, unless
    ``layer_decay`` gives every layer group a factor of its own.
    """
    # a range test comes before the decay that follows from its rate
    decay = 0.0 if recipe.weight_decay == "auto" else 0.01 if recipe.weight_decay is None else recipe.weight_decay
    shared: dict[tuple[bool, float, float], list[nn.Parameter]] = {}
    for position, (_, modules) in enumerate(groups):
        depth = len(groups) - 1 - position
        factor = recipe.layer_decay**depth * (1.0 if recipe.body_lr is None or not depth else recipe.body_lr)
        for name, parameter, module in _with_owner(modules):
            vector = _is_vector(name, parameter)
            inner = recipe.optimizer == "muon" and depth > 0 and not vector and not isinstance(module, _EMBEDDINGS)
            shared.setdefault((inner, factor, 0.0 if vector else decay), []).append(parameter)
    settings: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for (inner, factor, weight_decay), parameters in shared.items():
        settings[inner].append({"params": parameters, "weight_decay": weight_decay, "factor": factor})
    lr = float(recipe.lr)
    if recipe.optimizer == "muon":
        return Muon(settings[True], settings[False], lr=lr)
    if recipe.optimizer == "sgd":
        return _SGD(settings[False], lr=lr, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(settings[False], lr=lr, fused=True)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Gives every parameter group ``lr`` times its own factor, which is 1 in an optimizer that knows of none."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("factor", 1.0)


def refuse_left_out(model: nn.Module, groups: Groups, *, where: str) -> None:
    """Raises :class:`FieldError` for parameters in no layer group: no update would reach them, yet gradients would.

    They would grow from step to step, and with them the norm that ``fit.clip`` looks at.
    """
    held = {id(each) for _, modules in groups for module in modules for each in module.parameters()}
    out = [name for name, each in model.named_parameters() if id(each) not in held]
    if out:
        others = f" and {len(out) - 1} more" if len(out) > 1 else ""
        raise FieldError(
            f"'{out[0]}'{others} of the network's parameters are in no layer group",
            where=f"{where}.groups()",
            hint="Name every part once; fit.scope says what trains",
        )


def auto_weight_decay(recipe: Recipe, *, steps: int, pretrained: bool) -> tuple[float, str]:
    """A weight decay for a recipe whose learning rate is known, and the reason in words.

    AdamW and Muon, from fresh weights: weights are a moving average of their updates over ``1 / (lr * weight_decay)``
    steps, which should be about as long as the run (Wang & Aitchison 2024, "How to set AdamW's weight decay as you
    scale model and dataset size"); kept from 0.01 to 0.3. From trained weights: 0.01, since decay takes away
    what was learnt before. SGD: 5e-4 (Zagoruyko & Komodakis 2016, "Wide residual networks").

    Args:
        steps: of the whole run.
    """
    if recipe.optimizer == "sgd":
        return 5e-4, "what is usual with SGD"
    if pretrained:
        return 0.01, "little, since the weights are trained already"
    found = 1.0 / (float(recipe.lr) * steps)
    value = float(f"{min(max(found, 0.01), 0.3):.1g}")
    return value, f"1 / (lr x {steps:,} steps) = {found:.2g}, kept from 0.01 to 0.3: weights average over the run"


class _SGD(torch.optim.SGD):
    """Torch's SGD, whose fused update fails where a layer thaws beside others that have momentum already."""

    def _init_group(
        self,
        group: MutableMapping[str, Any],
        params: list[torch.Tensor],
        grads: list[torch.Tensor],
        momentum_buffer_list: list[torch.Tensor | None],
    ) -> bool:
        sparse = super()._init_group(group, params, grads, momentum_buffer_list)  # type: ignore[no-untyped-call]
        if any(each is not None for each in momentum_buffer_list):
            for position, each in enumerate(momentum_buffer_list):
                if each is None:  # momentum 0 makes the first update what it would have been without any
                    momentum_buffer_list[position] = torch.zeros_like(params[position])
        return bool(sparse)


_EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


def _is_vector(name: str, parameter: nn.Parameter) -> bool:
    """What neither decays nor is a matrix for Muon: a vector, also one with further sides of length 1 so that it meets
    its input (ConvNeXt's scales), and a bias, also a table of them (Swin's, of positions)."""
    sides = parameter.shape
    return len(sides) < 2 or "bias" in name or (len(sides) > 2 and max(sides) == parameter.numel())


def _with_owner(modules: Sequence[nn.Module]) -> Iterator[tuple[str, nn.Parameter, nn.Module]]:
    """Every parameter once, in the modules' order, with its name in the module that has it, and that module."""
    seen: set[int] = set()
    for outer in modules:
        for module in outer.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield name, parameter, module
