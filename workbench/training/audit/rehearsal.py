"""A run of one step on a few items: whether an arm's own stages, network and callbacks can be run at all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from workbench.errors import FieldError
from workbench.training.audit.look import twin_of
from workbench.training.audit.outputs import shapes_of
from workbench.training.audit.subject import Subject
from workbench.training.callbacks import Callback

if TYPE_CHECKING:
    from workbench.data.items import Items
    from workbench.training.learner import Learner
    from workbench.training.state import State

ITEMS = 16
"""Of each split at most: it is asked whether the code runs, not what it learns."""


def rehearse(learner: Learner) -> None:
    """Trains a copy for one step and evaluates one batch, as :meth:`Learner.run` does and with the same callbacks.

    Raises:
        Exception: whatever the run would raise, and :class:`FieldError` for an output, a metric or a loss of a shape
            that does not fit, which torch would say in words of its own.
    """
    twin_of(learner).run(callbacks=[_Short()])


class _Short(Callback):
    """Leaves a few items of each split, and stops after a step."""

    def begin(self, state: State) -> None:
        """The data are cut down here: until now everything saw all of them, as it will in a run."""
        subject = Subject(state.learner, state.data, None, state)
        for each in shapes_of(subject):
            raise FieldError(each.found, hint=each.hint)
        _require_loss(subject)
        held, test = state.data.validation, state.data.test
        state.data = dataclasses.replace(
            state.data,
            train=_one_batch(subject),
            validation=held and held.subset(subject.some(held, ITEMS)),
            test=test.subset(subject.some(test, ITEMS)),
        )

    def step_end(self, state: State) -> None:
        state.stop = "one step was asked for"


def _one_batch(subject: Subject) -> Items:
    """Mixed items, as stored ones may be sorted, in whole pieces: a single item over could not be normalised."""
    learner, items = subject.learner, subject.data.train
    count = min(ITEMS, learner.batch_size, len(items))
    if learner.micro and learner.micro < count:
        count -= count % learner.micro
    return items.subset(subject.some(items, count))


def _require_loss(subject: Subject) -> None:
    """Raises :class:`FieldError` unless the loss is a scalar with a gradient; a step of one's own needs none."""
    learner, state = subject.learner, subject.state
    assert state is not None
    if "step" in learner.stages():
        return
    loss = _loss(subject, state)
    if not isinstance(loss, torch.Tensor) or loss.ndim:
        found = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise FieldError(f"loss() gives {found}", hint="Return the mean over the batch, a scalar tensor")
    if not loss.requires_grad:
        hint = "Does it go through detach(), argmax() or no_grad()? Do fit.scope and groups() leave weights that train?"
        raise FieldError("the loss depends on no weight that trains", hint=hint)


def _loss(subject: Subject, state: State) -> Any:
    learner, items = subject.learner, _one_batch(subject)
    batch = subject.batch(items, torch.arange(len(items)))
    learner.train_mode(state.model)
    with learner.numbers.autocast():
        output = learner.forward(state.model, subject.inputs(batch, training=True))
    return learner.loss(learner.numbers.full(output), batch)
