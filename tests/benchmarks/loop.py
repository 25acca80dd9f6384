"""What the Learner's loop costs a step, beside a bare PyTorch loop that does the same arithmetic.

Target: at most 25 us a step on an idle CPU, with five callbacks. Both loops train two linear layers (784-128-10,
ReLU) on batches of 32 from 12,800 pictures of 28 x 28 bytes in memory, on one thread: pick the batch by an order, scale
and normalise it, forward, cross-entropy, backward, AdamW without decay for biases. What only ours does, and what is
measured, is the schedule, the step's random stream, hooks, keeping every loss, and the stages' calls.

Measured in one process, alternating, n = 10 rounds of one epoch (400 steps) each. Of each loop the fastest ten
consecutive steps are compared: noise only ever adds, and ten steps are short enough to be left alone on a busy machine.
What happens once in fifty steps (losses go to the host) or once an epoch is outside of it, about 2 us a step.

Run: ``.venv/bin/python tests/benchmarks/loop.py`` (``--profile`` shows where our steps spend their time). It ends with
an error above the target.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench import Callback, ImageArrays, Learner, OneCycle, Seeds
from workbench.data.archive import write_npz
from workbench.data.signature import Kind, Signature
from workbench.models.heads import VisionModel, fresh_head
from workbench.models.initial import initial_weights
from workbench.models.model import Model
from workbench.training.callbacks import Hooks
from workbench.training.device import reproducible
from workbench.training.state import State

ITEMS, BATCH, ROUNDS = 12_800, 32, 10
BUDGET = 25.0
WINDOW = 10


class Perceptron(Model):
    """Two linear layers."""

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> VisionModel:
        """784-128-classes."""
        with initial_weights(seeds.init, "init"):
            body = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU())
        head = fresh_head(128, signature.outputs, seeds)
        return VisionModel(body, head, [("body", [body])], arch="perceptron", channels=signature.channels)


class Small(Learner):
    """The loop that is measured."""

    data = ImageArrays("data/noise.npz")
    model = Perceptron()
    fit = OneCycle(epochs=1, batch=BATCH, lr=1e-3)


class Counting(Callback):
    """Listens to every event of a step, and does next to nothing."""

    def __init__(self) -> None:
        self.count = 0
        self.times: list[float] = []

    def step_begin(self, state: State) -> None:
        """Where the clock is read."""
        self.times.append(time.perf_counter())

    def after_loss(self, state: State) -> None:
        """Between."""
        self.count += 1

    def after_backward(self, state: State) -> None:
        """Between."""
        self.count += 1

    def step_end(self, state: State) -> None:
        """After."""
        self.count += 1


def write_noise(root: Path) -> None:
    """Pictures without meaning: only the time counts."""
    draw = np.random.default_rng(0)
    arrays = {"classes": np.array([str(n) for n in range(10)])}
    for split, count in (("train", ITEMS), ("test", 100)):
        arrays[f"{split}_images"] = draw.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 10).astype(np.uint8)
    (root / "data").mkdir()
    write_npz(root / "data" / "noise.npz", arrays)


def fastest(times: list[float]) -> float:
    """Microseconds a step of the fastest consecutive steps."""
    return min(after - before for before, after in zip(times, times[WINDOW:], strict=False)) / WINDOW * 1e6


def ours(learner: Small) -> list[float]:
    """When each step of an epoch of the Learner with five callbacks began, in seconds."""
    callbacks = [Counting() for _ in range(5)]
    # Fresh weights, as the bare loop has: those of many epochs on noise give denormal numbers, which are slow.
    learner.state = learner.begin()
    learner._train(learner.state, Hooks(callbacks))
    return callbacks[0].times


def bare(learner: Small, state: State) -> list[float]:
    """The same of an epoch as one would write it without the workbench."""
    inputs, targets = state.data.train.inputs, state.data.train.targets
    mean = torch.tensor(learner.expects.preparation.mean)[:, None, None]
    std = torch.tensor(learner.expects.preparation.std)[:, None, None]
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    matrices, vectors = ([each for each in model.parameters() if (each.ndim > 1) is wanted] for wanted in (True, False))
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, fused=True)
    order = torch.randperm(len(inputs))
    times = []
    for step in range(state.steps_per_epoch):
        times.append(time.perf_counter())
        index = order[step * BATCH : (step + 1) * BATCH]
        x, y = inputs[index], targets[index]
        x = x.float().div_(255).sub_(mean).div_(std)
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return times


def main() -> None:
    """Print the best time a step of each loop, the ratio, and the difference, which has a budget."""
    with tempfile.TemporaryDirectory() as folder:
        write_noise(Path(folder))
        learner = Small(0, device="cpu", threads=1, root=folder)
        with reproducible(learner.level, 1, learner.device):
            overhead = measure(learner)
    if overhead > BUDGET:
        raise SystemExit(f"{overhead:.1f} us a step are above the budget")


def measure(learner: Small) -> float:
    """The rounds and their print-out; microseconds a step that our loop takes longer."""
    state = learner.begin()
    best = {"ours": float("inf"), "bare": float("inf")}
    for _ in range(ROUNDS):
        best["bare"] = min(best["bare"], fastest(bare(learner, state)))
        best["ours"] = min(best["ours"], fastest(ours(learner)))
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        profile.runcall(ours, learner)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    for name, value in best.items():
        print(f"{name} {value:8.1f} us a step")
    overhead = best["ours"] - best["bare"]
    print(f"ratio {best['ours'] / best['bare']:.2f}")
    print(f"overhead {overhead:.1f} us a step (budget on a CPU: {BUDGET:.0f})")
    return overhead


if __name__ == "__main__":
    main()
