"""The memory of a running fit: what the loop, the stages and the callbacks share."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.errors import DivergedError

if TYPE_CHECKING:
    from workbench.data.items import Datasets
    from workbench.data.loading import Batch
    from workbench.training.callbacks import Callback
    from workbench.training.learner import Learner

_KEPT = ("epoch", "step", "inside", "stop", "fresh", "validated", "measured")


@dataclass(slots=True)
class Point:
    """One recorded number: its step counts optimizer steps from 1; ``time`` is in milliseconds since 1970."""

    key: str
    value: float
    step: int
    time: int


@dataclass
class State:
    """Everything that changes during a run. ``step`` and ``epoch`` count what is complete.

    ``callbacks`` are the learner's own, whose state a checkpoint keeps, ``passed`` those given to its run; ``inside``
    is True from an epoch's begin to the end of its last step and of the validation that follows it; ``validated`` is
    the last step that was validated after.
    ``stand_in`` holds the weights and buffers that are evaluated in place of the model's own, by name (empty: none do);
    ``measured`` says whether its batch-norm statistics belong to it.
    """

    learner: Learner
    model: nn.Module
    optimizer: torch.optim.Optimizer
    data: Datasets
    device: torch.device
    steps_per_epoch: int
    steps: int
    epoch: int = 0
    step: int = 0
    batch: Batch | None = None
    loss: torch.Tensor | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[Point] = field(default_factory=list)
    stop: str = ""
    fresh: int = 0
    inside: bool = False
    validated: int = 0
    stand_in: dict[str, torch.Tensor] = field(default_factory=dict)
    measured: bool = False
    callbacks: Sequence[Callback] = ()
    passed: Sequence[Callback] = ()
    _pending: list[tuple[int, int, torch.Tensor]] = field(default_factory=list)

    def stopped(self) -> bool:
        """Whether a callback has asked for the end."""
        return bool(self.stop)

    def evaluated_weights(self) -> dict[str, torch.Tensor]:
        """Weights and buffers, by name, that the last evaluation saw: the stand-in's, else the model's own."""
        return self.stand_in or self.model.state_dict()

    def remember_loss(self, loss: torch.Tensor) -> None:
        """Keeps the loss on the device; one transfer brings fifty of them to the host."""
        self._pending.append((self.step, _now(), loss))
        if len(self._pending) >= 50:
            self.flush()

    def flush(self) -> None:
        """Moves pending losses into the history; raises :class:`DivergedError` at the first that is not finite."""
        if not self._pending:
            return
        values = torch.stack([loss for _, _, loss in self._pending]).tolist()
        stride = max(1, self.steps // 200)
        for (step, moment, _), value in zip(self._pending, values, strict=True):
            if value != value or value in (float("inf"), float("-inf")):
                self._pending.clear()
                raise DivergedError(
                    f"the loss is {value} at step {step} of {self.steps}",
                    hint="Lower fit.lr, or set fit.clip",
                )
            if step % stride == 0 or step == self.steps:
                self.history.append(Point("train/loss", value, step, moment))
        self._pending.clear()

    def record(self, values: dict[str, float]) -> None:
        """Adds numbers to the history at the current step."""
        moment = _now()
        self.history.extend(Point(key, value, self.step, moment) for key, value in values.items())

    def take_fresh(self) -> list[Point]:
        """The points recorded since the last call, for whoever writes them down."""
        new = self.history[self.fresh :]
        self.fresh = len(self.history)
        return new

    def values(self) -> dict[str, Any]:
        """What a checkpoint keeps of it beside model, optimizer and callbacks, in tensors and plain values.

        Losses that wait on the device wait on in a resumed run: a checkpoint comes by the clock, and what a callback
        can see in ``history`` must not depend on when.
        """
        return {
            **{name: getattr(self, name) for name in _KEPT},
            "loss": self.loss,
            "metrics": dict(self.metrics),
            "stand_in": dict(self.stand_in),
            "history": [(point.key, point.value, point.step, point.time) for point in self.history],
            "pending": list(self._pending),
        }

    def restore(self, values: dict[str, Any]) -> None:
        """Puts back what :meth:`values` gave."""
        for name in (*_KEPT, "loss"):
            setattr(self, name, values[name])
        self.metrics, self.stand_in = dict(values["metrics"]), dict(values["stand_in"])
        self.history = [Point(*each) for each in values["history"]]
        self._pending = [tuple(each) for each in values["pending"]]


@contextlib.contextmanager
def whole(learner: Learner) -> Iterator[None]:
    """Of a run that does not come to its end, ``learner`` keeps no state: its network is not what a run would give."""
    try:
        yield
    except BaseException:
        learner.state = None
        raise


def _now() -> int:
    return time.time_ns() // 1_000_000
