"""An end when validation no longer gets better."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch

from workbench.errors import FieldError, nearest
from workbench.parts import arguments
from workbench.training.callbacks import Callback
from workbench.training.state import State


class EarlyStop(Callback):
    """Stops when a validation number has not got better for some epochs, and brings the best weights back.

    It needs ``validate = "epoch"`` in the learner, which holds the validation items out of training; the test items are
    never looked at. Of callbacks that stop a run at ``epoch_end`` it comes last in the list.

    Args:
        patience: epochs without a better number after which the run ends.
        min_delta: by how much a number has to be better to count, in its own units.
        metric: e.g. ``"validation/loss"``; "" is the target's measure.
        mode: ``"min"`` where smaller is better, as it is of all measures; ``"max"`` for numbers such as R2 or BLEU.
        keep_best: whether the run's result has the weights of the best epoch; else those of the last one.

    Raises:
        FieldError: a value without sense; at the run's start, a learner that does not validate.
    """

    @arguments
    def __init__(
        self,
        patience: int = 3,
        *,
        min_delta: float = 0.0,
        metric: str = "",
        mode: Literal["min", "max"] = "min",
        keep_best: bool = True,
    ) -> None:
        if patience < 1:
            raise FieldError(f"EarlyStop.patience is {patience}; it takes a whole number from 1")
        if not min_delta >= 0:
            raise FieldError(f"EarlyStop.min_delta is {min_delta}; it takes a number from 0")
        self.patience, self.min_delta, self.metric = patience, min_delta, metric
        self.mode, self.keep_best = mode, keep_best
        self.best, self.best_epoch, self.waited = math.inf, 0, 0
        self.weights: dict[str, torch.Tensor] = {}

    def begin(self, state: State) -> None:
        """Forgets the run before; raises :class:`FieldError` for a learner that gives it nothing to go by."""
        if state.learner.validate == "never":
            raise FieldError(
                "EarlyStop has no validation to go by",
                where=type(state.learner).__name__,
                hint="Set validate = 'epoch'",
            )
        self.best, self.best_epoch, self.waited, self.weights = math.inf, 0, 0, {}

    def evaluated(self, state: State) -> None:
        """Compares the epoch's number with the best; the evaluation after training is none of its business.

        Raises :class:`FieldError` for a ``metric`` that there is not.
        """
        if not state.inside:
            return
        name = self.metric or f"validation/{state.learner.expects.target.names[0]}"
        if name not in state.metrics:
            raise FieldError(f"EarlyStop.metric is '{name}'{nearest(name, state.metrics)}")
        value = state.metrics[name] if self.mode == "min" else -state.metrics[name]
        value = math.inf if math.isnan(value) else value  # whatever follows is better than no number
        if value < self.best - self.min_delta or not self.best_epoch:
            self.best, self.best_epoch, self.waited = value, state.epoch + 1, 0
            if self.keep_best:
                self.weights = {each: tensor.clone() for each, tensor in state.evaluated_weights().items()}
            return
        self.waited += 1
        if self.waited >= self.patience and not state.stop:
            epochs = f"{self.waited} epoch{'s' * (self.waited > 1)}"
            state.stop = f"{name} was best in epoch {self.best_epoch} and not better for {epochs}"

    def epoch_end(self, state: State) -> None:
        """At the run's end, the best epoch's weights are the ones to be evaluated."""
        if self.weights and (state.stop or state.step == state.steps):
            state.stand_in, state.measured = self.weights, True

    def state_dict(self) -> dict[str, Any]:
        """The best number, when it was, how long ago, and its weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited, "weights": self.weights}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """All four."""
        self.best, self.best_epoch = values["best"], values["best_epoch"]
        self.waited, self.weights = values["waited"], values["weights"]
