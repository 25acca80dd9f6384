"""The learning-rate range test (Smith 2015/2017, "Cyclical learning rates for training neural networks", section 3.3).

It works on a copy of the model, with its own random streams, and leaves nothing behind: the run that follows is bit for
bit what it would have been without it.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from workbench import streams
from workbench.data.loading import Batches
from workbench.training import optim
from workbench.training.callbacks import Hooks
from workbench.training.device import reproducible, seed_step
from workbench.training.figures import new_figure
from workbench.training.generators import own_generators
from workbench.training.given import stepped
from workbench.training.single_items import refuse_single_items

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.training.learner import Learner


@dataclass(frozen=True, repr=False)
class RangeTest:
    """A range test's curve and what it suggests; a notebook shows its plot.

    Attributes:
        rates: learning rates tried, rising geometrically.
        losses: smoothed training loss at each (exponential average, bias-corrected).
        suggestion: the rate at the steepest descent of the loss over log(rate).
        why: the suggestion in words.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float
    why: str

    def plot(self) -> Figure:
        """A figure of the loss over the rate, which is logarithmic, with the suggestion marked.

        A notebook shows it where the cell ends with it; ``.savefig("range.pdf")`` is for a paper.
        """
        figure = new_figure(5.0, 3.2)
        axes = figure.add_subplot()
        axes.plot(self.rates, self.losses, color="black", linewidth=1.2)
        if self.rates:
            nearest = min(range(len(self.rates)), key=lambda n: abs(math.log(self.rates[n] / self.suggestion)))
            axes.axvline(self.suggestion, color="tab:red", linewidth=0.8, linestyle="--")
            axes.plot(self.suggestion, self.losses[nearest], "o", color="tab:red", label=f"{self.suggestion:.1e}")
            axes.legend(title="suggestion", frameon=False)
        axes.set_xscale("log")
        axes.set_xlabel("learning rate")
        axes.set_ylabel("training loss (smoothed)")
        axes.spines[["top", "right"]].set_visible(False)
        return figure

    def __repr__(self) -> str:
        return f"RangeTest: {self.suggestion:g}, {self.why} ({len(self.rates)} rates; plot() draws them)"

    def _repr_png_(self) -> bytes:
        shown: bytes = self.plot()._repr_png_()  # type: ignore[attr-defined]
        return shown


def range_test(
    learner: Learner, *, lowest: float = 1e-5, highest: float = 1.0, steps: int = 60, smoothing: float = 0.85
) -> RangeTest:
    """Raises the rate from ``lowest`` to ``highest`` over ``steps`` steps and watches the loss.

    Stops early when the loss is four times its minimum or not finite.
    """
    own = own_generators(learner.seeds.order, "range test", device=learner.device)
    with reproducible(learner.level, learner.threads, learner.device), own:
        learner = copy.copy(learner)  # what a run of it has learnt stays where it is
        state = learner.begin()
        refuse_single_items(learner, state)
        learner.train_mode(state.model)
        rates: list[float] = []
        losses: list[float] = []
        average = 0.0
        seed, hooks = streams.key(learner.seeds.order, "range test"), Hooks([])
        for step in range(steps):
            epoch, position = divmod(step, state.steps_per_epoch)
            items, size = state.data.train, learner.batch_size
            order = learner.data.order(items, seed=seed, epoch=epoch, batch=size)
            state.batch = next(iter(Batches(items, batch=size, device=state.device, order=order, start=position)))
            rate = lowest * (highest / lowest) ** (step / (steps - 1))
            optim.set_lr(state.optimizer, rate)
            seed_step(state.device, streams.key(seed, "step", step))
            learner.step(state, hooks)
            average = smoothing * average + (1 - smoothing) * float(stepped(learner, state.loss))
            smooth = average / (1 - smoothing ** (step + 1))
            if not math.isfinite(smooth) or (losses and smooth > 4 * min(losses)):
                break
            rates.append(rate)
            losses.append(smooth)
    suggestion, why = _steepest(rates, losses)
    return RangeTest(tuple(rates), tuple(losses), suggestion, why)


def _steepest(rates: list[float], losses: list[float]) -> tuple[float, str]:
    """The rate where the loss falls fastest over log(rate), before the minimum, rounded to two digits."""
    if len(rates) < 5:
        return rates[0] if rates else 1e-5, "the loss rose from the first steps on; this is the lowest rate tried"
    end = max(3, min(range(len(losses)), key=losses.__getitem__))
    slopes = torch.tensor(losses[: end + 1]).diff()
    # The first quarter of a range test is the average settling, not a descent.
    start = min(len(slopes) - 1, max(1, len(slopes) // 4))
    best = start + int(slopes[start:].argmin())
    if slopes[best] >= 0:
        return rates[0], "the loss never fell; this is the lowest rate tried"
    value = float(f"{rates[best]:.1e}")
    return value, f"steepest fall of the loss in a range test from {rates[0]:g} to {rates[-1]:.2g}"
