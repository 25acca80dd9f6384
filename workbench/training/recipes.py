"""Recipes: how a run learns, as validated parts."""

from __future__ import annotations

from typing import Literal

from workbench.errors import FieldError
from workbench.parts import Part
from workbench.training.schedules import ScheduleName


class Recipe(Part):
    """Everything about the optimisation of one run.

    ``"auto"`` values are resolved once, on the baseline, and shared by every arm; see
    :mod:`workbench.training.resolve`.

    Args:
        epochs: passes over the training items.
        batch: items a step; the last, smaller batch of an epoch is kept.
        lr: peak learning rate; ``"auto"`` runs a range test.
        weight_decay: decoupled (Loshchilov & Hutter 2019); never applied to biases and normalisation weights.
        schedule: the factor of ``lr`` over the run.
        optimizer: ``"adamw"`` or ``"sgd"`` (Nesterov momentum 0.9).
        scope: what trains: ``"all"``, the ``"last"`` block and the head, or the ``"head"`` alone.
        body_lr: factor of ``lr`` for everything below the head.
        smoothing: label smoothing (Szegedy et al. 2016).
        clip: largest global gradient norm; None leaves gradients alone.
        micro: items of one forward pass; gradients of a batch's pieces are summed by true item count.
    """

    epochs: int | Literal["auto"] = "auto"
    batch: int | Literal["auto"] = "auto"
    lr: float | Literal["auto"] = "auto"
    weight_decay: float = 0.01
    schedule: ScheduleName = "one_cycle"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    scope: Literal["all", "last", "head"] = "all"
    body_lr: float = 1.0
    smoothing: float = 0.0
    clip: float | None = None
    micro: int | None = None

    def check(self) -> None:
        name = type(self).__name__
        for field in ("epochs", "batch", "micro"):
            value = getattr(self, field)
            if isinstance(value, int) and value < 1:
                raise FieldError(f"{name}.{field} is {value}; it takes a whole number from 1")
        if not isinstance(self.lr, str) and not 0 < self.lr < 100:
            raise FieldError(f"{name}.lr is {self.lr}; it takes a number above 0")
        if not 0 <= self.smoothing < 1:
            raise FieldError(f"{name}.smoothing is {self.smoothing}; it takes a number from 0 to below 1")
        if self.weight_decay < 0 or self.body_lr < 0 or (self.clip is not None and self.clip <= 0):
            raise FieldError(f"{name}: weight_decay and body_lr take numbers from 0, clip a number above 0")


class OneCycle(Recipe):
    """Train with a one-cycle schedule: the default from random weights."""


class FineTune(Recipe):
    """Fine-tune a pre-trained network: one cycle, and a gentler rate below the fresh head."""

    body_lr: float = 0.3


class Constant(Recipe):
    """Train at one learning rate throughout."""

    schedule: ScheduleName = "constant"
