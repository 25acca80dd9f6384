"""The network layer by layer: shapes, parameters, what trains, and in which group."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.data.loading import Batches
from workbench.interpret.looking import group_names, layers, looking, tensors, watched
from workbench.interpret.view import Table, View
from workbench.training.state import State

_ITEMS = 4
_RECURRENT = ("LSTM", "GRU", "RNN")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        output: the shape of what it gives, ``b`` standing for the batch; "" when the forward pass does not call it.
        parameters: of its own; one that an earlier layer has already counted is not counted again.
        trains: "yes", "no", "partly", "" without parameters; for batch normalisation also what its statistics do.
        group: the layer group that it freezes and learns with.
    """

    name: str
    kind: str
    output: str
    parameters: int
    trainable: int
    trains: str
    group: str


@dataclass(frozen=True, repr=False)
class Summary(View):
    """Every layer of the network, in the order in which it holds them.

    Attributes:
        buffers: numbers that are kept and not learnt, such as running statistics.
        flops: floating-point operations of one item's forward pass, counting matrix products, convolutions and
            attention alone, a multiplication and an addition as two.
    """

    title: ClassVar[str] = "Network"
    layers: tuple[Layer, ...]
    buffers: int
    flops: int

    @property
    def parameters(self) -> int:
        """Of the whole network, shared ones once."""
        return sum(each.parameters for each in self.layers)

    @property
    def trainable(self) -> int:
        """Those that gradients reach."""
        return sum(each.trainable for each in self.layers)

    def table(self) -> Table:
        """A row a layer."""
        rows = [(e.name, e.kind, e.output or None, e.parameters, e.trains, e.group) for e in self.layers]
        return Table(("layer", "type", "output", "parameters", "trains", "group"), rows)

    def notes(self) -> list[str]:
        """The totals."""
        frozen, recurrent = self.parameters - self.trainable, any(e.kind in _RECURRENT for e in self.layers)
        return [
            f"{self.parameters:,} parameters ({4 * self.parameters / 1e6:,.2f} MB as float32): {self.trainable:,} "
            f"train, {frozen:,} are frozen; {self.buffers:,} numbers in buffers.",
            f"One item's forward pass: {self.flops / 1e6:,.3g} million floating-point operations in matrix products, "
            f"convolutions and attention{' (recurrent layers are not counted)' if recurrent else ''}.",
        ]


def summarise(state: State) -> Summary:
    """The summary of a network, seen by sending a few training items through it."""
    from torch.utils.flop_counter import FlopCounterMode

    shapes: dict[str, str] = {}
    batch = next(iter(Batches(state.data.train, batch=_ITEMS, device=state.device)))
    found = layers(state.model)

    def see(name: str, module: nn.Module, output: Any) -> None:
        shapes.setdefault(name, ", ".join(_shape(each, len(batch)) for each in tensors(output)))

    counter = FlopCounterMode(display=False)
    with looking(state) as model:
        x = state.learner.inputs(batch, training=False)
        with watched(found, see), counter:
            state.learner.forward(model, x)
    groups, moving, counted = group_names(state), _moving(state), set[int]()
    rows = []
    for name, module in found:
        own = [each for each in module.parameters(recurse=False) if id(each) not in counted]
        counted |= {id(each) for each in own}
        trainable = sum(each.numel() for each in own if each.requires_grad)
        rows.append(
            Layer(
                name=name or "(the network)",
                kind=type(module).__name__,
                output=shapes.get(name, ""),
                parameters=sum(each.numel() for each in own),
                trainable=trainable,
                trains=_trains(module, moving.get(name)),
                group=groups.get(id(module), ""),
            )
        )
    buffers = sum(each.numel() for each in state.model.buffers())
    return Summary(tuple(rows), buffers, counter.get_total_flops() // len(batch))


def _shape(value: torch.Tensor, items: int) -> str:
    return " x ".join("b" if size == items and not axis else str(size) for axis, size in enumerate(value.shape)) or "()"


def _trains(module: nn.Module, moving: bool | None) -> str:
    own = [each.requires_grad for each in module.parameters(recurse=False)]
    text = "" if not own else "yes" if all(own) else "partly" if any(own) else "no"
    if moving is None:
        return text
    statistics = "by the batch" if moving else "fixed"
    return f"{text or 'no weights'}, statistics {statistics}"


def _moving(state: State) -> dict[str, bool]:
    """Whether batch normalisation takes the batch's statistics in training, by layer: the policy, tried on a copy."""
    twin = copy.deepcopy(state.model)
    state.learner.train_mode(twin)
    return {
        name: module.training
        for name, module in twin.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
    }
