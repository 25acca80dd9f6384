"""Callbacks: nine events, bound once a run, called in list order.

A callback stops a run with ``state.stop = "why"``; no exception is control flow. It may read and change anything in
the state, which is the loop's only memory.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import FieldError

if TYPE_CHECKING:
    from workbench.training.state import State

EVENTS = (
    "begin",
    "epoch_begin",
    "step_begin",
    "after_loss",
    "after_backward",
    "step_end",
    "epoch_end",
    "evaluated",
    "end",
)
_METHODS = (*EVENTS, "state_dict", "load_state_dict")


class Callback:
    """Base of all callbacks: override the events that matter; the others cost nothing.

    Every event is given the run's ``state``, which is all that the loop knows: ``model``, ``optimizer``, ``data``,
    ``batch``, ``loss``, ``step`` of ``steps``, ``epoch``, ``metrics``, ``history`` and more; see
    :class:`workbench.training.state.State`. A reason put into ``state.stop`` ends the run.

    One that remembers something between steps (an average of the weights, the best value so far) and belongs to a
    learner gives it out in :meth:`state_dict` and takes it in :meth:`load_state_dict`; then a resumed run is bit-equal.

    Raises :class:`FieldError` while a subclass is being created for a method one or two letters off an event, which
    would never be called.
    """

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        for name, value in vars(cls).items():
            close = difflib.get_close_matches(name, _METHODS, n=1, cutoff=0.85)
            if callable(value) and name not in _METHODS and close and not name.startswith("_"):
                what = "event" if close[0] in EVENTS else "method of a callback"
                raise FieldError(
                    f"{cls.__name__}.{name} is no {what}; did you mean '{close[0]}'?",
                    hint="Start a helper's name with _",
                )

    def begin(self, state: State) -> None:
        """Before the first step: model, optimizer and data are ready, a checkpoint is already loaded.

        What this changes in a run that is resumed (``state.step`` above 0) is put back to the checkpoint afterwards.
        """

    def epoch_begin(self, state: State) -> None:
        """Before an epoch's first batch, after train mode was switched on.

        A run that is resumed inside the epoch calls it again, for what it does to the model's modules; state, weights
        and callbacks are then put back to the checkpoint.
        """

    def step_begin(self, state: State) -> None:
        """``state.batch`` is set; the forward pass comes next."""

    def after_loss(self, state: State) -> None:
        """``state.loss`` is a scalar tensor on the device; what is put in its place is what backward sees.

        Reading it with ``item()`` costs a synchronisation.
        """

    def after_backward(self, state: State) -> None:
        """Gradients are complete for the whole batch and not yet clipped."""

    def step_end(self, state: State) -> None:
        """The weights have been updated and ``state.step`` counts this step."""

    def epoch_end(self, state: State) -> None:
        """After an epoch's last step; ``state.history`` holds its numbers."""

    def evaluated(self, state: State) -> None:
        """After an evaluation; ``state.metrics`` holds its numbers."""

    def end(self, state: State) -> None:
        """After the last evaluation, or after ``state.stop``."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers between steps: tensors, plain values, and dicts, lists and tuples of these."""
        return {}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Puts back ``values``, what :meth:`state_dict` gave, before :meth:`begin`; tensors are on their old device.

        May be called more than once, each time with tensors of its own.
        """


def listed(given: Any, where: str) -> tuple[Callback, ...]:
    """The callbacks that ``where`` gave; raises :class:`FieldError` for what is no list of them."""
    if not isinstance(given, Iterable):
        raise FieldError(f"it gives a {type(given).__name__}", where=where, hint="Return a list of callbacks")
    found = tuple(given)
    for each in found:
        if not isinstance(each, Callback):
            name = getattr(each, "__name__", type(each).__name__)
            made = isinstance(each, type) and issubclass(each, Callback)
            hint = f"Write {name}(), which makes one" if made else "Derive its class from Callback"
            raise FieldError(f"{name} is no callback", where=where, hint=hint)
    return found


class Hooks:
    """The events of a list of callbacks, bound once; an event that nobody overrides is an empty tuple."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._bound = {
            event: tuple(_overridden(each, event) for each in callbacks if _has(each, event)) for event in EVENTS
        }

    def __getitem__(self, event: str) -> tuple[Callable[[State], None], ...]:
        return self._bound[event]

    def explain(self) -> str:
        """One line an event: what runs there, in order."""
        return "\n".join(
            f"{event:15}" + ", ".join(getattr(hook, "__qualname__", repr(hook)) for hook in hooks)
            for event, hooks in self._bound.items()
        )


def _has(callback: Callback, event: str) -> bool:
    return getattr(type(callback), event) is not getattr(Callback, event)


def _overridden(callback: Callback, event: str) -> Callable[[State], None]:
    bound: Callable[[State], None] = getattr(callback, event)
    return bound
