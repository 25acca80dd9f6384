"""Evaluation: per-example metrics summed on the device, read once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from workbench import streams
from workbench.data.loading import Batch, Batches
from workbench.data.values import PAD, Padded, subset
from workbench.errors import FieldError
from workbench.models.norm import apply_norm
from workbench.training.result import Predictions

if TYPE_CHECKING:
    from workbench.data.items import Items
    from workbench.training.learner import Learner
    from workbench.training.state import State

BATCH = 256

Views = Callable[[Batch], Iterable[Batch]]
"""The same items seen several times."""


def evaluate(
    learner: Learner, state: State, items: Items, *, train_mode: bool = False, views: Views | None = None
) -> tuple[dict[str, float], Predictions]:
    """Means of the learner's per-example metrics over ``items``, and the predictions; the model stays as it was.

    Args:
        train_mode: normalise as in training (by the batch where the policy says so) in shuffled batches of the
            training size; dropout stays off.
        views: what gives several looks at a batch, whose outputs count as one, see :meth:`Target.merged`.
    """
    # all of it here, and no decorator: between the run and a user's mistake in a stage stand few frames
    target = learner.expects.target
    sums: dict[str, torch.Tensor] = {}
    found: list[tuple[torch.Tensor, ...]] = []
    kept: list[torch.Tensor] = []
    order = mixed_order(learner, items) if train_mode else None
    size = learner.batch_size if train_mode else evaluation_batch(learner)
    with torch.no_grad(), untouched(state.model) as model:
        if train_mode:
            # Only the normalisation layers change their mode.
            apply_norm(model, learner.norm, learner.trains)
        for batch in Batches(items, batch=size, device=state.device, order=order):
            output = answered(learner, model, batch, views)
            for name, values in _by_item(learner, learner.metrics(output, batch.y), len(batch)).items():
                sums[name] = sums.get(name, torch.zeros((), device=state.device)) + values.sum()
            found.append((batch.index, _plain(batch.y), *target.predict(output)))
            if (each := target.keep(output)) is not None:
                kept.append(each)
        scores = {name: float(total) / len(items) for name, total in sums.items()}
        whole = items.targets if order is None else subset(items.targets, order)
        scores |= target.summary(joined(kept) if kept else None, whole, scores)
    columns = (joined(column).cpu().numpy() for column in zip(*found, strict=True))
    return scores, Predictions(*columns)


def _by_item(learner: Learner, found: Any, items: int) -> Mapping[str, torch.Tensor]:
    """What the stage gave; raises :class:`FieldError` unless it is one value an item, as a batch's mean is not."""
    where = f"{type(learner).__name__}.metrics()"
    if not isinstance(found, Mapping):
        raise FieldError(f"it gives a {type(found).__name__}", where=where, hint="Return {name: values (b,)}")
    for name, values in found.items():
        shape = tuple(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
        if shape != (items,):
            raise FieldError(
                f"'{name}' is {shape} for {items} items",
                where=where,
                hint=f"Return one value an item, ({items},); the mean is taken over all of them",
            )
    return found


def answered(learner: Learner, model: nn.Module, batch: Batch, views: Views | None = None) -> torch.Tensor:
    """What the network gives for a batch as it evaluates, in float32; of several views of it, one output for all."""
    outputs = []
    for each in views(batch) if views else (batch,):
        x = learner.inputs(each, training=False)
        with learner.numbers.autocast():
            outputs.append(learner.numbers.full(learner.forward(model, x)))
    return outputs[0] if len(outputs) == 1 else learner.expects.target.merged(outputs)


def evaluation_batch(learner: Learner) -> int:
    """Items of one forward pass: 256, or the training batch where every token has as many outputs as a vocabulary."""
    return learner.batch_size if learner.expects.signature.kind in ("text", "pairs") else BATCH


def _plain(y: Any) -> torch.Tensor:
    return y.ids if isinstance(y, Padded) else cast(torch.Tensor, y)


def joined(parts: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tensors end to end; rows of different width are padded with :data:`PAD`."""
    width = max((part.shape[1] for part in parts if part.ndim > 1), default=0)
    if any(part.ndim > 1 and part.shape[1] != width for part in parts):
        parts = [_widened(part, width) for part in parts]
    return torch.cat(list(parts))


def _widened(part: torch.Tensor, width: int) -> torch.Tensor:
    wide = part.new_full((part.shape[0], width, *part.shape[2:]), PAD)
    wide[:, : part.shape[1]] = part
    return wide


def mixed_order(learner: Learner, items: Items) -> torch.Tensor:
    """A random order of its own stream: stored items may be sorted by class, and one class has other statistics."""
    return streams.permutation(learner.seeds.order, "evaluation order", n=len(items))


@contextlib.contextmanager
def untouched(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode; afterwards every mode, momentum and buffer is what it was, bit for bit.

    Momentum 0 would not do: the count of batches goes up all the same, and with it the hash of the weights.
    """
    modes = [(module, module.training, getattr(module, "momentum", None)) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield model.eval()
    finally:
        for module, training, momentum in modes:
            module.training = training
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = momentum
        for buffer, before in buffers:
            buffer.copy_(before)
