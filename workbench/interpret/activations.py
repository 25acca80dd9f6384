"""What flows through the layers: activations over a pass, and gradients and updates of one training step on a copy."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn

from workbench.data.loading import Batch, Batches
from workbench.interpret import drawing
from workbench.interpret.looking import batches, circumstances, layers, looking, output_of, tensors, watched
from workbench.interpret.view import Table, View
from workbench.training import optim
from workbench.training.state import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 61
NEAR = 0.01
"""Near zero: within this share of the layer's root mean square."""
_MOST = 512
_MANY, _STEP = 100_000, 23
"""Of more values a batch than the first, the histogram and its edges take every so many: a number that divides the
side of no usual layer, so that all of its columns are seen."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One layer.

    Attributes:
        mean, deviation: over all that it gave; near_zero: the share within :data:`NEAR` root mean squares of 0.
        dead: the share of its units (channels, features) that were near zero for every item.
        counts: of :data:`BINS` equal bins from ``low`` to ``high``, with what is beyond in the outermost ones.
        gradient: norm of its parameters' gradient; weight: of its parameters; update: of what one optimizer step
            changes in them. NaN for a layer without parameters that train.
    """

    name: str
    kind: str
    mean: float
    deviation: float
    near_zero: float
    dead: float
    counts: tuple[int, ...]
    low: float
    high: float
    gradient: float
    weight: float
    update: float

    @property
    def ratio(self) -> float:
        """Update to weight."""
        return self.update / self.weight if self.weight > 0 else math.nan


@dataclass(frozen=True, repr=False)
class Activations(View):
    """Every layer that gave floating-point numbers, in the order in which it is first called; behind them those that
    nobody calls as a module although they train, such as a recurrent layer whose weights go to a function."""

    title: ClassVar[str] = "Activations and gradients"
    layers: tuple[Flow, ...]
    split: str
    items: int
    optimizer: str
    rate: float
    padded: bool = False

    def table(self) -> Table:
        """A row a layer."""
        heads = ("layer", "type", "mean", "deviation", "near zero", "dead", "gradient", "update/weight")
        rows = [
            (e.name, e.kind, *map(_number, (e.mean, e.deviation, e.near_zero, e.dead, e.gradient, e.ratio)))
            for e in self.layers
        ]
        return Table(heads, rows)

    def notes(self) -> list[str]:
        """What the columns mean."""
        padding = " What fills up the shorter texts of a batch counts, too." if self.padded else ""
        return [
            f"Activations over {self.items:,} items of the {self.split} split, in evaluation mode; near zero: within "
            f"{NEAR:.0%} of the layer's root mean square; dead: units near zero for every item.{padding}",
            f"Gradients of one training batch on a copy; update/weight is one step of {self.optimizer} at its peak "
            f"rate {self.rate:.3g}. A first step of AdamW moves every weight by about the rate, whatever its gradient.",
        ]

    def figure(self) -> Figure:
        """Mean and deviation, share near zero, histograms, gradient and update, over the layers."""
        names = [each.name for each in self.layers]
        width = min(16.0, max(7.2, 0.16 * len(names) + 2))
        with drawing.canvas(width, 9.0) as made:
            axes = made.subplots(4, 1, sharex=True)
            self._spread(axes[0])
            self._zero(axes[1])
            _histograms(axes[2], self.layers)
            self._gradients(axes[3])
            drawing.named_ticks(axes[3], names, most=int(width * 5))
            axes[3].set_xlabel("layer, in the order of the forward pass")
        return made

    def _spread(self, axes: Axes) -> None:
        at = range(len(self.layers))
        middle, spread = [e.mean for e in self.layers], [e.deviation for e in self.layers]
        axes.errorbar(at, middle, spread, fmt="o", markersize=3, color=drawing.COLOURS[0], elinewidth=1)
        axes.set_ylabel("activation")
        axes.set_title("Mean and standard deviation")
        drawing.plain(axes, "y")

    def _zero(self, axes: Axes) -> None:
        at = range(len(self.layers))
        axes.bar(at, [100 * e.near_zero for e in self.layers], color=drawing.COLOURS[4], label="near zero")
        dead = [100 * e.dead for e in self.layers]
        axes.plot(at, dead, "D", markersize=3, color=drawing.COLOURS[1], label="dead units")
        axes.set_ylabel("share (%)")
        axes.set_ylim(0, 100)
        axes.set_title("Activations near zero, and units that always are")
        _legend(axes)
        drawing.plain(axes, "y")

    def _gradients(self, axes: Axes) -> None:
        for place, (label, values) in enumerate(
            {
                "gradient norm": [e.gradient for e in self.layers],
                "update / weight": [e.ratio for e in self.layers],
            }.items()
        ):
            shown = [value if value > 0 else math.nan for value in values]
            colour, marker = drawing.COLOURS[place], drawing.MARKERS[place]
            axes.plot(range(len(shown)), shown, marker, color=colour, markersize=3.5, label=label)
        axes.set_yscale("log")
        axes.set_ylabel("norm or ratio")
        axes.set_title("One training step on a copy")
        _legend(axes)
        drawing.plain(axes, "y")


def _legend(axes: Axes) -> None:
    """Above the axes, where it hides no point."""
    axes.legend(frameon=False, fontsize=7, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)


def _histograms(axes: Axes, flows: tuple[Flow, ...]) -> None:
    import numpy as np

    counts = np.array([each.counts for each in flows], dtype=float).T
    shares = np.log10(np.maximum(counts / np.maximum(counts.sum(0, keepdims=True), 1), 1e-5))
    axes.imshow(shares, aspect="auto", origin="lower", cmap=drawing.SHADES, interpolation="nearest")
    axes.set_yticks([0, BINS // 2, BINS - 1], ["low", "middle", "high"])
    axes.set_ylabel("value")
    axes.set_title("Histogram of each layer, from 6 deviations below its mean to 6 above (dark: many)")


@dataclass
class _Sums:
    """What is added up for one layer; everything stays on the device until the end.

    Sums are of differences from ``middle``, the first batch's mean, in float32 within a batch and float64 over batches:
    squares of the values themselves would cancel where the mean is large.
    """

    kind: str
    middle: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    limit: torch.Tensor
    count: int = 0
    total: torch.Tensor | float = 0.0
    squares: torch.Tensor | float = 0.0
    counts: torch.Tensor | int = 0
    near: torch.Tensor | int = 0
    alive: list[torch.Tensor] = field(default_factory=list)

    def add(self, value: torch.Tensor) -> None:
        value = value.float()
        flat = value.reshape(-1)
        self.count += flat.numel()
        apart = flat - self.middle
        self.total = self.total + apart.sum().double()
        self.squares = self.squares + torch.dot(apart, apart).double()
        place = ((_some(flat) - self.low) * (BINS / (self.high - self.low))).clamp(0, BINS - 1).long()
        self.counts = self.counts + torch.bincount(place, minlength=BINS)
        size = torch.abs(flat, out=apart).view(value.shape)  # into the same memory: new pages cost as much as the sums
        self.near = self.near + torch.count_nonzero(size <= self.limit)
        if value.ndim > 1:
            unit = 1 if value.ndim == 4 else value.ndim - 1
            most = size.amax([each for each in range(value.ndim) if each != unit])
            self.alive.append(most > self.limit)


def activations(state: State, split: str = "train", *, most: int = _MOST) -> Activations:
    """Statistics of every layer over the first ``most`` items of a split, and of one training step on a copy."""
    sums: dict[str, _Sums] = {}

    def see(name: str, module: nn.Module, output: Any) -> None:
        for value in [each for each in tensors(output) if each.is_floating_point() and each.numel()][:1]:
            if name not in sums:
                sums[name] = _begun(module, value)
            sums[name].add(value)

    seen = 0
    with looking(state) as model, watched(layers(model), see):
        for batch in batches(state, split, most=most):
            output_of(state, model, batch)
            seen += len(batch)
    steps = _training_step(state)
    nothing = (math.nan, math.nan, math.nan)
    flows = [_flow(name, each, steps.get(name, nothing)) for name, each in sums.items()]
    # whose weights are used by another module, or by a function: there is nothing to hook
    kinds = {name: type(module).__name__ for name, module in layers(state.model)}
    flows += [_unseen(name, kinds[name], step) for name, step in steps.items() if name not in sums]
    recipe = state.learner.recipe
    padded = state.data.signature.kind in ("text", "pairs") and not state.data.signature.each_token
    return Activations(tuple(flows), split, seen, type(state.optimizer).__name__, float(recipe.lr), padded)


def _some(flat: torch.Tensor) -> torch.Tensor:
    return flat[:: _STEP if flat.numel() > _MANY else 1]


def _begun(module: nn.Module, first: torch.Tensor) -> _Sums:
    """Bins around the first batch, six deviations to each side: what comes later falls into them or the outermost."""
    value = _some(first.reshape(-1)).double()
    middle, spread = value.mean(), value.std(correction=0).clamp(min=1e-12)
    middle, low, high = (each.float() for each in (middle, middle - 6 * spread, middle + 6 * spread))
    limit = (NEAR * value.square().mean().sqrt()).float()
    return _Sums(type(module).__name__, middle, low, high, limit)


def _flow(name: str, sums: _Sums, step: tuple[float, float, float]) -> Flow:
    shift = float(sums.total) / sums.count
    counts = sums.counts
    assert isinstance(counts, torch.Tensor)
    same = len({tuple(each.shape) for each in sums.alive}) == 1
    dead = 1 - float(torch.stack(sums.alive).any(0).float().mean()) if same else 0.0
    return Flow(
        name=name or "(the network)",
        kind=sums.kind,
        mean=float(sums.middle) + shift,
        deviation=max(0.0, float(sums.squares) / sums.count - shift**2) ** 0.5,
        near_zero=float(sums.near) / sums.count,
        dead=dead,
        counts=tuple(counts.tolist()),
        low=float(sums.low),
        high=float(sums.high),
        gradient=step[0],
        weight=step[1],
        update=step[2],
    )


def _unseen(name: str, kind: str, step: tuple[float, float, float]) -> Flow:
    """A layer whose activations no hook sees; its gradient is known all the same."""
    return Flow(name, kind, math.nan, math.nan, math.nan, math.nan, (0,) * BINS, math.nan, math.nan, *step)


def _training_step(state: State) -> dict[str, tuple[float, float, float]]:
    """Norms of gradient, weight and update, by layer, of one step at the peak rate; the run's own model stays."""
    learner, twin = state.learner, copy.deepcopy(state.model)
    with circumstances(state, "gradients"):
        learner.train_mode(twin)
        optimizer = learner.optimizer(learner.groups(twin))
        optim.set_lr(optimizer, float(learner.recipe.lr))
        batch = _first_batch(state)
        x = learner.inputs(batch, training=True)
        with learner.numbers.autocast():
            output = learner.forward(twin, x)
        learner.loss(learner.numbers.full(output), batch).backward()
        trained = [
            (name, [each for each in module.parameters(recurse=False) if each.grad is not None])
            for name, module in layers(twin)
        ]
        gradients = {name: _norm([p.grad for p in own if p.grad is not None]) for name, own in trained if own}
        before = {name: [p.detach().clone() for p in own] for name, own in trained if own}
        optimizer.step()
        moved = {name: [p.detach() - b for p, b in zip(own, before[name], strict=True)] for name, own in trained if own}
    return {name: (gradients[name], _norm(before[name]), _norm(moved[name])) for name in moved}


def _first_batch(state: State) -> Batch:
    learner, items = state.learner, state.data.train
    size = min(len(items), learner.micro or learner.batch_size)
    order = learner.data.order(items, seed=learner.seeds.order, epoch=0, batch=size)
    return next(iter(Batches(items, batch=size, device=state.device, order=order)))


def _norm(values: list[torch.Tensor]) -> float:
    return float(torch.stack([each.float().square().sum() for each in values]).sum().sqrt())


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
