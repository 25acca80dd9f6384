"""Looking without touching: the network as it evaluates, under the run's own threads and kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from workbench.data.loading import Batch, Batches
from workbench.data.values import Padded, subset
from workbench.errors import FieldError
from workbench.training.device import reproducible
from workbench.training.evaluation import Views, answered, evaluation_batch
from workbench.training.generators import own_generators
from workbench.training.state import State

See = Callable[[str, nn.Module, Any], None]


@contextlib.contextmanager
def circumstances(state: State, *purpose: str) -> Iterator[None]:
    """Threads, kernels and random streams as in the run; the caller's own are put back."""
    learner = state.learner
    own = own_generators(learner.seeds.order, "interpret", *purpose, device=state.device)
    with reproducible(learner.level, learner.threads, state.device), own:
        yield


@contextlib.contextmanager
def looking(state: State) -> Iterator[nn.Module]:
    """The model in evaluation mode, without gradients; afterwards every mode is what it was."""
    modes = [(module, module.training) for module in state.model.modules()]
    compiled, state.model._compiled_call_impl = state.model._compiled_call_impl, None  # it would not see hooks
    try:
        with circumstances(state), torch.no_grad():
            yield state.model.eval()
    finally:
        state.model._compiled_call_impl = compiled
        for module, training in modes:
            module.training = training


def batches(state: State, split: str, *, most: int | None = None) -> Iterator[Batch]:
    """The items of a split as stored, in batches as evaluation makes them; at most the first ``most``.

    Raises:
        FieldError: there is no such split, or it is empty.
    """
    items = items_of(state, split)
    whole = torch.arange(len(items) if most is None else min(most, len(items)))
    yield from Batches(items, batch=evaluation_batch(state.learner), device=state.device, order=whole)


def output_of(state: State, model: nn.Module, batch: Batch, views: Views | None = None) -> torch.Tensor:
    """What the network gives for a batch in evaluation, in float32: the same numbers as the run's evaluation."""
    return answered(state.learner, model, batch, views)


def items_of(state: State, split: str) -> Any:
    """The items of ``"train"``, ``"validation"`` or ``"test"``."""
    known = dict(state.data.splits())
    if split not in known or not len(known[split]):
        what = "is empty" if split in known else "is not there"
        raise FieldError(f"the split '{split}' {what}; there is " + ", ".join(f"'{each}'" for each in known))
    return known[split]


def item_at(state: State, split: str, position: int) -> Any:
    """The stored inputs of the one item at ``position`` (from 0) in a split.

    Raises:
        FieldError: there is no such split or item.
    """
    items = items_of(state, split)
    if not 0 <= position < len(items):
        raise FieldError(f"there is no item {position} in the split '{split}'; the last one is {len(items) - 1}")
    return subset(items.inputs, torch.tensor([position]))


def layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules that compute something themselves, in their order: without children, or with weights of their own."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))
    ]


@contextlib.contextmanager
def watched(modules: list[tuple[str, nn.Module]], see: See) -> Iterator[None]:
    """Calls ``see(name, module, output)`` after each forward pass of each module; nothing stays behind."""

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def seen(module: nn.Module, _: Any, output: Any) -> None:
            see(name, module, output)

        return seen

    handles = [module.register_forward_hook(hook(name)) for name, module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensors(output: Any) -> list[torch.Tensor]:
    """The tensors in what a module gave: itself, or those in tuples, lists, dicts and padded sequences."""
    if isinstance(output, torch.Tensor):
        return [output]
    if isinstance(output, Padded):
        return [output.ids]
    if isinstance(output, nn.utils.rnn.PackedSequence):
        return [output.data]
    inner = list(output.values()) if isinstance(output, dict) else output
    if isinstance(inner, tuple | list):
        return [each for item in inner for each in tensors(item)]
    return []


def group_names(state: State) -> dict[int, str]:
    """The layer group of every module in one, by the module's id."""
    return {
        id(inner): name
        for name, modules in state.learner.groups(state.model)
        for module in modules
        for inner in module.modules()
    }
