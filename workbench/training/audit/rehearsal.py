"""A run of one step on a few items: whether an arm's own stages, network and callbacks can be run at all."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

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
        Exception: whatever the run would raise, and :class:`FieldError` for an output or a metric of a shape that does
            not fit, which torch would say in words of its own.
    """
    twin_of(learner).run(callbacks=[_Short()])


class _Short(Callback):
    """Leaves a few items of each split, and stops after a step."""

    def begin(self, state: State) -> None:
        """The data are cut down here: until now everything saw all of them, as it will in a run."""
        subject = Subject(state.learner, state.data, None, state)
        for each in shapes_of(subject):
            raise FieldError(each.found, hint=each.hint)
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
