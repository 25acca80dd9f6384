"""Check 12: the loss before the first step, and whether one batch can be learnt."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import torch

from workbench import streams
from workbench.data.items import Items
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.values import subset
from workbench.models.model import Model
from workbench.training import optim
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject
from workbench.training.callbacks import Hooks
from workbench.training.device import seed_step

_NAME = "first steps"

STEPS = 30
"""On one batch, on a copy; fewer where the loss has fallen far enough."""

LARGEST = 16
"""Items of that batch at most: what is asked is whether gradients arrive, not how fast."""

FALLS = (0.5, 0.9)
"""The loss after the steps, as a share of what it was: below the first a batch can be learnt; above the second nothing
is learnt, at any of the rates."""

RATES = (3e-3, 3e-2, 3e-4)
"""Tried where the recipe's own rate, which may be meant for a long run of fine-tuning, is not enough."""

ABOVE = (3.0, 10.0)
"""The first loss, in losses of an output of zeros, that is a note, and wrong. Fresh heads start at 1 to 1.5."""

BELOW = 0.25
"""The first loss of a network with fresh weights, in losses of the best constant, below which it knows the answer."""

_HINT = "Look at loss(), forward() and fit.scope: does the loss depend on weights that train?"


def first_steps(subject: Subject) -> Iterator[Finding]:
    """One step, then more on the same batch; the learner's own stages, optimizer and rate."""
    learner, items = subject.learner, subject.data.train
    index = subject.some(items, max(2, min(LARGEST, learner.batch_size)))
    silent = _silent(subject, items, index)
    if not _reaches(subject, items, index):
        found = f"the loss of one batch of {len(index)} depends on no weight that trains"
        yield Finding(_NAME, "wrong", found, _HINT)
        return
    best, first, rates = (math.inf, 0.0, 0), 0.0, (float(learner.recipe.lr), *RATES)
    for rate in rates:
        losses = _losses(subject, items, index, rate)
        first = first or losses[0]
        best = min(best, (min(losses) / losses[0], rate, len(losses) - 1))
        if best[0] <= FALLS[0]:
            break
    yield from _at_first(subject, items, index, first, silent)
    share, rate, steps = best
    started = f"the loss starts at {first:.3g} (an output of zeros: {silent:.3g})"
    on = f"one batch of {len(index)} at rate {rate:g}"
    if share <= FALLS[0]:
        yield Finding(_NAME, "ok", f"{started} and falls to {share:.0%} of it in {steps} steps on {on}")
        return
    found = f"{started} and is at best {share:.0%} of it after {STEPS} steps on {on}"
    if share > FALLS[1]:
        yield Finding(_NAME, "wrong", found, f"{_HINT} (rates tried: {', '.join(f'{each:g}' for each in rates)})")
    else:
        yield Finding(_NAME, "note", found, "It learns slowly: look at the network's normalisation, and at lr_find().")


def _at_first(subject: Subject, items: Items, index: torch.Tensor, first: float, silent: float) -> Iterator[Finding]:
    learner, target = subject.learner, subject.data.target
    if not math.isfinite(first) or (silent > 0 and first > ABOVE[0] * silent):
        found = f"the loss starts at {first:.3g}, {first / silent:.1f} times that of an output of zeros ({silent:.3g})"
        state = "note" if first <= ABOVE[1] * silent else "wrong"
        hint = "Look at the scale of inputs, targets and the head's weights."
        yield Finding(_NAME, state, found, hint)  # type: ignore[arg-type]
    fresh = isinstance(learner.network, Model) and not (learner.network.source() or learner.network.files())
    if "loss" in learner.stages() or isinstance(target, TokenSequence) or not fresh:
        return
    constant = target.constant(items.targets, subset(items.targets, index))["loss"]
    if first < BELOW * min(constant, silent):
        found = f"before the first step the loss is {first:.3g}, and the best constant's is {constant:.3g}"
        yield Finding(_NAME, "note", found, "Is the target among the inputs?")


def _silent(subject: Subject, items: Items, index: torch.Tensor) -> float:
    """The loss of an output of zeros: every class alike, the middle of all values."""
    learner, state = subject.learner, subject.state
    assert state is not None
    batch = subject.batch(items, index)
    model = copy.deepcopy(state.model)
    learner.train_mode(model)
    with torch.no_grad(), learner.numbers.autocast():
        output = learner.numbers.full(learner.forward(model, subject.inputs(batch, training=True)))
    return float(learner.loss(torch.zeros_like(output), batch))


def _reaches(subject: Subject, items: Items, index: torch.Tensor) -> bool:
    """Whether the loss has a gradient at all: torch itself says what it misses of a tensor, and not why."""
    learner, state = subject.learner, subject.state
    assert state is not None
    batch = subject.batch(items, index)
    model = copy.deepcopy(state.model)
    learner.train_mode(model)
    learner.groups(model)
    with learner.numbers.autocast():
        output = learner.forward(model, subject.inputs(batch, training=True))
    return learner.loss(learner.numbers.full(output), batch).requires_grad


def _losses(subject: Subject, items: Items, index: torch.Tensor, rate: float) -> list[float]:
    """The loss before each step at this rate; ends when it has halved, or is not finite."""
    learner, state = subject.learner, copy.copy(subject.state)
    assert state is not None
    state.model = copy.deepcopy(state.model)
    learner.progress = 0.5
    learner.train_mode(state.model)
    state.optimizer = learner.optimizer(learner.groups(state.model))
    losses: list[float] = []
    for step in range(STEPS + 1):
        # a stage may change what it is given, so the batch is taken anew
        state.batch = subject.batch(items, index)
        optim.set_lr(state.optimizer, rate)
        seed_step(state.device, streams.key(learner.seeds.order, "audit", "step", step))
        learner.step(state, Hooks([]))
        assert state.loss is not None
        losses.append(float(state.loss))
        if not math.isfinite(losses[-1]) or losses[-1] <= FALLS[0] * losses[0]:
            break
    return losses
