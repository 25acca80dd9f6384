"""Layer groups from input to head, and which of them a scope freezes."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from torch import nn

from workbench.errors import FieldError

Scope = Literal["all", "last", "head"]
"""What trains: everything, the last block and the head, or the head."""

Trained = Scope | int
"""The same, or how many groups train, counted from the head."""

Groups = list[tuple[str, list[nn.Module]]]

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
"""The layers that a normalisation policy speaks about."""


@runtime_checkable
class Grouped(Protocol):
    """A model that knows its layer groups."""

    def groups(self) -> Groups:
        """``("stem", ...), ("block1", ...), ..., ("head", ...)``; every parameter is in exactly one of them."""
        ...


def frozen_modules(model: nn.Module, scope: Trained) -> list[nn.Module]:
    """The modules that do not train under ``scope``: none, or all but the last two groups, the last one, the last n.

    Raises:
        FieldError: ``scope`` is not one, or the model has no groups although something is to be frozen.
    """
    if scope not in ("all", "last", "head") and not isinstance(scope, int):
        raise FieldError(f"scope is {scope!r}; it takes 'all', 'last' or 'head'")
    if scope == "all":
        return []
    if not isinstance(model, Grouped):
        raise FieldError(
            f"{type(model).__name__} has no groups() and scope is '{scope}'",
            hint="Give the model a groups() method, or use scope='all'.",
        )
    groups = model.groups()
    trained = scope if isinstance(scope, int) else 2 if scope == "last" else 1
    return [module for _, modules in groups[: max(0, len(groups) - trained)] for module in modules]


def body_groups(body: nn.Module) -> Groups:
    """The groups of a body made of a stem and blocks in sequence, as torchvision's are.

    A plain Sequential or ModuleList directly below the body is taken apart, since it only holds blocks.
    Normalisation and layers without weights join the group before them, and so does a last convolution of the stem's
    kind that follows the blocks (MobileNet, EfficientNet), so that "the last block" always is one.
    """
    units: list[list[nn.Module]] = []
    lead = True
    for child in body.children():
        flat = type(child) in (nn.Sequential, nn.ModuleList)
        for unit in child.children() if flat else (child,):
            rides = isinstance(unit, NORMS) or not any(True for _ in unit.parameters())
            # what stands before the first sequence, or before the first layer of another kind (Inception), is one stem
            lead = lead and not flat and (rides or not units or type(unit) is type(units[0][0]))
            if units and (rides or lead):
                units[-1].append(unit)
            else:
                units.append([unit])
    if len(units) > 2 and type(units[-1][0]) is type(units[0][0]) and not isinstance(units[-1][0], nn.Linear):
        last = units.pop()
        units[-1] += last
    return [("stem" if not number else f"block{number}", unit) for number, unit in enumerate(units)]


def ungrouped(model: nn.Module, groups: Groups) -> list[str]:
    """The names of parameters that are in no group, or in more than one."""
    held = [id(each) for _, modules in groups for module in modules for each in module.parameters()]
    return [name for name, each in model.named_parameters() if held.count(id(each)) != 1]
