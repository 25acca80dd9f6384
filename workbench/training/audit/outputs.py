"""Check 11: targets that are another kind than the head and the loss take them for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from workbench.data.items import Items
from workbench.data.targets import MultiLabel, Rating, Regression, SingleLabel
from workbench.data.targets.inference import FEW
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.values import Ragged
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject

_NAME = "target and head"

LOOKED = 3
"""Items that go through the network; two would not tell (b, b) from (b, 2) classes."""


def target_and_head(subject: Subject) -> Iterator[Finding]:
    """Values of the targets against the target's kind; then shapes of output, loss and metrics."""
    wrong = [f"{name} {text}" for name, items in _splits(subject) for text in _impossible(subject, items)]
    if wrong:
        hint = "Set data.target to what the values are, or correct them."
        yield Finding(_NAME, "wrong", f"{type(subject.data.target).__name__}: {'; '.join(wrong)}", hint)
        return
    doubts = list(_doubtful(subject))
    yield from doubts
    shapes = list(shapes_of(subject))
    yield from shapes
    if not doubts and not shapes:
        target, outputs = type(subject.data.target).__name__, subject.data.signature.outputs
        yield Finding(_NAME, "ok", f"{target}: {outputs:,} outputs, and the targets' values fit")


def _splits(subject: Subject) -> Iterator[tuple[str, Items]]:
    yield "training targets", subject.data.train
    yield "test targets", subject.data.test


def _impossible(subject: Subject, items: Items) -> Iterator[str]:
    """What makes the loss fail or mean nothing."""
    target, y, outputs = subject.data.target, items.targets, subject.data.signature.outputs
    if isinstance(target, SingleLabel | TokenSequence):
        values = y.flat if isinstance(y, Ragged) else y
        rank = 1 if isinstance(target, SingleLabel) else values.ndim
        if values.is_floating_point() or values.ndim != rank:
            yield f"are {_described(values)}; class numbers are needed"
        elif len(values) and not int(values.min()) >= (0 if rank == 1 else -1) <= int(values.max()) < outputs:
            yield f"reach from {int(values.min())} to {int(values.max())}, and there are {outputs:,} outputs"
        return
    if y.shape != (len(items), len(subject.data.classes)) or not y.is_floating_point():
        yield f"are {_described(y)}; float32 of shape ({len(items)}, {len(subject.data.classes)}) is needed"
    elif not bool(y.isfinite().all()):
        yield f"have {int((~y.isfinite()).sum()):,} values that are no finite number"
    elif isinstance(target, MultiLabel) and not bool(((y == 0) | (y == 1)).all()):
        yield f"reach from {float(y.min()):g} to {float(y.max()):g}; labels are 0 or 1"
    elif isinstance(target, Rating) and target.limits is not None:
        low, high = target.limits
        if float(y.min()) < low - 1e-6 or float(y.max()) > high + 1e-6:
            yield f"reach from {float(y.min()):g} to {float(y.max()):g}; the limits are {low:g} and {high:g}"


def _doubtful(subject: Subject) -> Iterator[Finding]:
    """Values that look like another kind of target; whoever named the target knows whether numbers are classes."""
    target, y, classes = subject.data.target, subject.data.train.targets, subject.data.classes
    told = subject.learner.data.target != "auto"
    if isinstance(target, Regression) and not told:
        different = torch.unique(y)
        if len(different) <= FEW and bool((different == different.round()).all()):
            found = f"Regression on {len(different)} different whole numbers"
            yield Finding(_NAME, "note", found, "If they are classes, set data.target=SingleLabel().")
    if isinstance(target, MultiLabel):
        if y.shape[1] == 1:
            found = "MultiLabel with one label, which an item has or has not"
            yield Finding(_NAME, "note", found, "Set data.target=SingleLabel(), or name the other labels' columns.")
        elif bool((y.sum(1) == 1).all()):
            found = f"MultiLabel, and each of {len(y):,} training items has exactly one of {y.shape[1]} labels"
            yield Finding(_NAME, "note", found, "If labels exclude each other, set data.target=SingleLabel().")
    if isinstance(target, SingleLabel) and not told and len(classes) > FEW and all(map(_is_number, classes)):
        found = f"SingleLabel with {len(classes):,} numbers as classes, which know no more and less"
        yield Finding(_NAME, "note", found, "If they are quantities, set data.target=Regression().")


def shapes_of(subject: Subject) -> Iterator[Finding]:
    """What the network, the loss and the metrics give for a few items, as evaluation has them."""
    learner, state, data = subject.learner, subject.state, subject.data
    assert state is not None
    batch = subject.batch(data.test, subject.some(data.test, LOOKED))
    wanted = data.target.width(len(data.classes))
    state.model.eval()
    with torch.no_grad(), learner.numbers.autocast():
        output = learner.numbers.full(learner.forward(state.model, subject.inputs(batch, training=False)))
    if output.shape[0] != len(batch) or output.shape[-1] != wanted:
        found = f"the network gives shape {tuple(output.shape)} for {len(batch)} items, not ({len(batch)}, {wanted:,})"
        yield Finding(_NAME, "wrong", found, "Build the head from signature.outputs, or look at forward().")
        return
    metrics = learner.metrics(output, batch.y)
    bad = [f"'{name}' of shape {tuple(each.shape)}" for name, each in metrics.items() if each.shape != (len(batch),)]
    if bad:
        found = f"metrics() gives {', '.join(bad)} for {len(batch)} items, so a small last batch counts as much"
        yield Finding(_NAME, "wrong", found, "Give one number an item, shape (b,): a split's score is their mean.")


def _described(values: Any) -> str:
    return f"{str(values.dtype).removeprefix('torch.')} of shape {tuple(values.shape)}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
