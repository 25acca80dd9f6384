"""Optimizers over a model's layer groups.

Every parameter is in the optimizer from the start, frozen or not, so that the checkpoint's layout never changes;
a frozen one has ``requires_grad`` off, gets no gradient and is skipped by the update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from workbench.training.recipes import Recipe

Groups = Sequence[tuple[str, Sequence[nn.Module]]]


def build_optimizer(groups: Groups, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer; layers with the same factor and the same weight decay share a parameter group.

    Parameter groups carry ``factor``: their learning rate is ``recipe.lr * factor * schedule(progress)``. There are at
    most four, since an update costs about as much for a group as for a hundred small layers in it.
    """
    shared: dict[tuple[float, float], list[nn.Parameter]] = {}
    for position, (_, modules) in enumerate(groups):
        factor = 1.0 if position == len(groups) - 1 else recipe.body_lr
        decayed, plain = _by_decay(modules)
        for parameters, decay in ((decayed, recipe.weight_decay), (plain, 0.0)):
            if parameters:
                shared.setdefault((factor, decay), []).extend(parameters)
    settings: list[dict[str, Any]] = [
        {"params": parameters, "weight_decay": decay, "factor": factor}
        for (factor, decay), parameters in shared.items()
    ]
    lr = float(recipe.lr)
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(settings, lr=lr, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(settings, lr=lr, fused=True)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Gives every parameter group ``lr`` times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["factor"]


def _by_decay(modules: Sequence[nn.Module]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Matrices and kernels, which decay, and vectors (biases, normalisation weights), which do not."""
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    for module in modules:
        for parameter in module.parameters():
            (decayed if parameter.ndim > 1 else plain).append(parameter)
    return decayed, plain
