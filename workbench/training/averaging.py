"""Averages of the weights along the run, which are evaluated in place of the last ones."""

from __future__ import annotations

import math
from typing import Literal

from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from workbench.errors import FieldError
from workbench.parts import arguments
from workbench.training.callbacks import Callback
from workbench.training.state import State

Kind = Literal["ema", "swa"]


class Averaging(Callback):
    """Averages weights and buffers after every step; every evaluation, and the run's result, are the average's.

    ``"ema"``: exponential moving average (Polyak & Juditsky 1992). ``"swa"``: the plain mean of all weights from a
    share of the run on (Izmailov et al. 2018, "Averaging weights leads to wider optima"), which needs a rate that does
    not fall to zero meanwhile: ``Constant``. Batch normalisation gets statistics that belong to the average. Training
    itself goes on with the model's own weights.

    Args:
        kind: "ema" or "swa".
        decay: of the moving average; 0.999 averages over about a thousand steps.
        warmup: whether the decay grows towards its value, ``min(decay, (1 + step) / (10 + step))``, so that the first
            weights are soon forgotten.
        start: share of the run after which "swa" begins; before that the model's own weights are evaluated.

    Raises:
        FieldError: a value without sense, or a second average in the same run.
    """

    @arguments
    def __init__(self, kind: Kind = "ema", *, decay: float = 0.999, warmup: bool = True, start: float = 0.75) -> None:
        if not 0 < decay < 1:
            raise FieldError(f"Averaging.decay is {decay}; it takes a number between 0 and 1")
        if not 0 <= start < 1:
            raise FieldError(f"Averaging.start is {start}; it takes a share of the run from 0 to below 1")
        self.kind, self.decay, self.warmup, self.start = kind, decay, warmup, start

    def begin(self, state: State) -> None:
        """Raises :class:`FieldError` for a second average: there is one stand-in."""
        if sum(isinstance(each, Averaging) for each in (*state.callbacks, *state.passed)) > 1:
            raise FieldError("two Averaging callbacks in one run", hint="Keep one of them")

    def step_end(self, state: State) -> None:
        """The new weights into the average. What it does depends on ``state`` alone, so nothing has to be kept."""
        number = state.step - (math.floor(self.start * state.steps) if self.kind == "swa" else 0)
        if number < 1:
            return
        live = state.model.state_dict()
        state.measured = False
        if number == 1:
            state.stand_in = {name: value.detach().clone() for name, value in live.items()}
            return
        moving = [name for name, value in live.items() if value.is_floating_point()]
        average = get_swa_multi_avg_fn() if self.kind == "swa" else get_ema_multi_avg_fn(self._decay(number))
        average([state.stand_in[name] for name in moving], [live[name] for name in moving], number - 1)
        for name in live.keys() - set(moving):
            state.stand_in[name].copy_(live[name])

    def _decay(self, step: int) -> float:
        return min(self.decay, (1 + step) / (10 + step)) if self.warmup else self.decay
