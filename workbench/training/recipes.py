"""Recipes: how a run learns, as validated parts."""

from __future__ import annotations

import math
from typing import Literal

from workbench.data.mixing import Mix
from workbench.errors import FieldError
from workbench.models.groups import Scope, Trained
from workbench.parts import Part
from workbench.training.schedules import SCHEDULES, ScheduleName, restarts


class Recipe(Part):
    """Everything about the optimisation of one run.

    ``"auto"`` values are resolved once, on the baseline, and shared by every arm; see
    :mod:`workbench.training.resolve`.

    Args:
        epochs: passes over the training items.
        batch: items a step; the last, smaller batch of an epoch is kept.
        lr: peak learning rate; ``"auto"`` runs a range test, or takes what a rule says (rows, ratings, whole texts).
        weight_decay: decoupled (Loshchilov & Hutter 2019), with SGD a part of the gradient (L2); never applied to
            biases and normalisation weights. ``"auto"``: see :func:`workbench.training.optim.auto_weight_decay`. None:
            "auto" where ``lr`` is, else 0.01.
        schedule: the factor of ``lr`` over the run: "one_cycle", "constant", "cosine", "restarts" or "step_decay".
        optimizer: ``"adamw"``; ``"sgd"`` (Nesterov momentum 0.9); ``"muon"`` (Jordan et al. 2024) for matrices and
            kernels between input and head, with AdamW for embeddings, the head and vectors.
        scope: what trains: ``"all"``, the ``"last"`` block and the head, or the ``"head"`` alone.
        body_lr: factor of ``lr`` for everything below the head; None is 0.3 where pictures meet a network
            with weights (a gentler rate below the fresh head), else 1: texts did worse with a slower body.
        layer_decay: factor of ``lr`` for each layer group further from the head: ``lr * layer_decay**depth``, times
            ``body_lr`` below the head (discriminative learning rates, Howard & Ruder 2018, section 3.2).
        smoothing: label smoothing (Szegedy et al. 2016).
        mix: MixUp and CutMix of pictures and their classes or labels, e.g. ``Mix(mixup=0.2)``; None mixes nothing.
        clip: largest global gradient norm; None leaves gradients alone.
        micro: items of one forward pass; gradients of a batch's pieces are summed by true item count. None: the whole
            batch; ``"auto"``: halved until a step fits into the GPU's memory. Where batch normalisation normalises by
            the batch, it does so by the piece.

    Raises:
        FieldError: a number that is out of its range.
    """

    epochs: int | Literal["auto"] = "auto"
    batch: int | Literal["auto"] = "auto"
    lr: float | Literal["auto"] = "auto"
    weight_decay: float | Literal["auto"] | None = None
    schedule: ScheduleName = "one_cycle"
    optimizer: Literal["adamw", "sgd", "muon"] = "adamw"
    scope: Scope = "all"
    body_lr: float | None = None
    layer_decay: float = 1.0
    smoothing: float = 0.0
    mix: Mix | None = None
    clip: float | None = None
    micro: int | Literal["auto"] | None = None

    def check(self) -> None:
        """Refuse numbers that are out of their range."""
        name = type(self).__name__
        for field in ("epochs", "batch", "micro"):
            value = getattr(self, field)
            if isinstance(value, int) and value < 1:
                raise FieldError(f"{name}.{field} is {value}; it takes a whole number from 1")
        if not isinstance(self.lr, str) and not 0 < self.lr < 100:
            raise FieldError(f"{name}.lr is {self.lr}; it takes a number above 0 and below 100")
        if not 0 <= self.smoothing < 1:
            raise FieldError(f"{name}.smoothing is {self.smoothing}; it takes a number from 0 to below 1")
        if not 0 < self.layer_decay <= 1:
            raise FieldError(f"{name}.layer_decay is {self.layer_decay}; it takes a number above 0 and up to 1")
        for field in ("weight_decay", "body_lr"):
            value = getattr(self, field)
            if not isinstance(value, str) and not 0 <= (value or 0) < math.inf:
                raise FieldError(f"{name}.{field} is {value}; it takes a number from 0")
        if self.clip is not None and not self.clip > 0:
            raise FieldError(f"{name}.clip is {self.clip}; it takes a number above 0, or None for no clipping")

    def factor(self, progress: float) -> float:
        """The factor of ``lr`` when the share ``progress`` of the run's steps is done."""
        return SCHEDULES[self.schedule](progress)

    def trained(self, progress: float, groups: int) -> Trained:
        """What trains when the share ``progress`` of the run's steps is done, in a model of so many layer groups."""
        return self.scope

    @property
    def finds_decay(self) -> bool:
        """Whether the weight decay is found: it follows from the rate, so it is found with it unless it is given."""
        return self.weight_decay == "auto" or (self.weight_decay is None and self.lr == "auto")

    def thaws(self, step: int, steps: int, groups: int) -> bool:
        """Whether in step ``step`` (from 0) of ``steps`` something else trains than in the step before.

        ``groups``: how many layer groups the model has.
        """
        before, now = (self.trained(max(0, each) / steps, groups) for each in (step - 1, step))
        return before != now


class OneCycle(Recipe):
    """Train with a one-cycle schedule: the default (Smith & Topin 2017, "Super-convergence").

    The rate rises to ``lr`` over the first quarter of the run and falls to nothing. The fields of this and of every
    recipe are told by ``help(workbench.training.recipes.Recipe)``.
    """


class Restarts(Recipe):
    """Train with warm restarts: the rate falls to 0 and begins anew (SGDR, Loshchilov & Hutter 2017).

    ``cycles``: how often it falls in the run. ``growth``: how many times as long as the one before each cycle is
    (the paper's T_mult).

    Raises:
        FieldError: cycles without length, or another schedule, for which the cycles would be ignored.
    """

    schedule: ScheduleName = "restarts"
    cycles: int = 3
    growth: float = 2.0

    def check(self) -> None:
        """Refuse cycles without length, and another schedule, for which the cycles would be ignored."""
        super().check()
        if self.cycles < 1:
            raise FieldError(f"Restarts.cycles is {self.cycles}; it takes a whole number from 1")
        if not 0 < self.growth <= 100:
            raise FieldError(f"Restarts.growth is {self.growth}; it takes a number above 0, at most 100")
        if self.schedule != "restarts":
            raise FieldError(
                f"Restarts.schedule is '{self.schedule}', which has no cycles",
                hint=f"Use OneCycle(schedule='{self.schedule}')",
            )

    def factor(self, progress: float) -> float:
        """The factor of ``lr``, with this recipe's cycles."""
        return restarts(progress, cycles=self.cycles, growth=self.growth)


class FineTune(Recipe):
    """Fine-tune a pre-trained network: one cycle, and a gentler rate below the fresh head.

    The fields of this and of every recipe are told by ``help(workbench.training.recipes.Recipe)``.
    """

    body_lr: float | None = 0.3


class GradualUnfreeze(FineTune):
    """Fine-tune from the head downwards: one layer group more trains after each share of the run.

    Howard & Ruder 2018 ("ULMFiT", section 3.3) unfreeze one group an epoch. What trains is a function of progress
    alone, and the optimizer has all groups from the start, so a checkpoint fits wherever it was made. Normalisation
    layers of the groups that are still frozen follow the model's ``norm``; those of the others are ordinary.

    ``every``: the share of the run after which the next group trains; None spreads the groups so that from the middle
    of the run on everything trains.

    Raises:
        FieldError: a share without length, or a scope, which would freeze what is to be unfrozen.
    """

    every: float | None = None

    def check(self) -> None:
        """Refuse a share without length, and a scope, which would freeze what is to be unfrozen."""
        super().check()
        if self.every is not None and not 0 < self.every <= 1:
            raise FieldError(f"GradualUnfreeze.every is {self.every}; it takes a share of the run above 0 and up to 1")
        if self.scope != "all":
            raise FieldError(
                f"GradualUnfreeze.scope is '{self.scope}', but its scope grows from the head to everything",
                hint=f"Use FineTune(scope='{self.scope}')",
            )

    def trained(self, progress: float, groups: int) -> Trained:
        """How many layer groups train, counted from the head: 1 at first, at most all."""
        every = 0.5 / max(1, groups - 1) if self.every is None else self.every
        # 0.3 / 0.1 is a little below 3
        return min(groups, 1 + math.floor(progress / every + 1e-9))


class Constant(Recipe):
    """Train at one learning rate throughout.

    The fields of this and of every recipe are told by ``help(workbench.training.recipes.Recipe)``.
    """

    schedule: ScheduleName = "constant"
