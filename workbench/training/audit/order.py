"""Check 2: training items that come in an order that is not shuffled, above all sorted by class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench import streams
from workbench.data.targets import SingleLabel
from workbench.data.targets.token_sequence import TokenSequence
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject

_NAME = "training order"

LOOKED = 1_024
"""Items at an epoch's begin whose targets are compared with their neighbours'."""

SHUFFLES = 200
"""Random orders that say what is to be expected: enough to know a deviation to 5 %."""

CHANCE = 4.75
"""Deviations above the mean of shuffled orders that one in a million of them reaches (normal, one-sided)."""

SHARES = (0.1, 0.5)
"""How sorted the order is, 0 as shuffled and 1 as sorted, to be a note, and wrong. Texts that are put together by
length may be a little sorted by class, which is meant; a note says that they are."""


def training_order(subject: Subject) -> Iterator[Finding]:
    """The order of the first two epochs, as :meth:`Learner._batches` has it."""
    first, second = (_begin(subject, epoch) for epoch in (0, 1))
    n = len(subject.data.train)
    if n < 30:
        return
    same = torch.equal(first, second)
    if same:
        yield Finding(
            _NAME,
            "wrong" if torch.equal(first, torch.arange(len(first))) else "note",
            f"epochs 1 and 2 begin with the same {len(first):,} items in the same order"
            + (", as they are stored" if torch.equal(first, torch.arange(len(first))) else ""),
            "Let Data.order() depend on epoch; its default shuffles.",
        )
    yield from _every_item(subject)
    found = _sorted(subject, first)
    if not (same and found.state == "ok"):  # which says that they are shuffled anew
        yield found


def _begin(subject: Subject, epoch: int) -> torch.Tensor:
    """Positions of the first items of an epoch, int64 on the host."""
    state = subject.state
    assert state is not None
    step, before = state.step, state.epoch
    state.epoch, state.step = epoch, epoch * state.steps_per_epoch
    found: list[torch.Tensor] = []
    for batch in subject.learner._batches(state):
        found.append(batch.index.cpu())
        if sum(map(len, found)) >= LOOKED:
            break
    state.step, state.epoch = step, before
    return torch.cat(found)[:LOOKED]


def _every_item(subject: Subject) -> Iterator[Finding]:
    learner, items = subject.learner, subject.data.train
    order = learner.data.order(items, seed=learner.seeds.order, epoch=0, batch=learner.batch_size)
    missing = len(items) - len(torch.unique(order))
    if missing:
        yield Finding(
            _NAME,
            "note",
            f"an epoch leaves out {missing:,} of {len(items):,} training items and has {len(order):,}",
            "Give every position once in Data.order(), unless items are weighed by it.",
        )


def _sorted(subject: Subject, index: torch.Tensor) -> Finding:
    anew = f"shuffled anew every epoch: in the first {len(index):,} items"
    if isinstance(subject.data.target, TokenSequence):
        return Finding(
            _NAME, "ok", f"shuffled anew every epoch: of the first {len(index):,} items, epoch 2 has another order"
        )
    values = _comparable(subject.data.train.targets)
    if len(np.unique(values, axis=0)) < 2:
        return Finding(_NAME, "ok", f"{anew} all targets are the same")
    found = _likeness(values[index.numpy()])
    draw = streams.numpy_generator(subject.learner.seeds.order, "audit", "shuffles")
    shuffled = [_likeness(values[draw.permutation(len(values))[: len(index)]]) for _ in range(SHUFFLES)]
    mean, deviation = float(np.mean(shuffled)), max(float(np.std(shuffled)), 1e-9)
    share = (found - mean) / max(1 - mean, 1e-9)
    if (found - mean) / deviation <= CHANCE or share <= SHARES[0]:
        return Finding(_NAME, "ok", f"{anew} {_words(subject, found, mean)}")
    return Finding(
        _NAME,
        "wrong" if share > SHARES[1] else "note",
        f"in the first {len(index):,} items {_words(subject, found, mean)}: less likely than one in a million",
        "Leave Data.order() as it is, which shuffles; or shuffle the items within it.",
    )


def _words(subject: Subject, found: float, mean: float) -> str:
    if isinstance(subject.data.target, SingleLabel):
        # a run of equal labels ends with probability 1 - likeness at each of its items
        runs = [f"{1 / max(1 - each, 1e-3):.1f}" for each in (found, mean)]
        return f"equal labels come in runs of {runs[0]} in the mean, {runs[1]} are expected"
    found, mean = (round(each, 2) + 0.0 for each in (found, mean))  # no -0.00
    return f"neighbours' targets correlate by {found:.2f}, {mean:.2f} is expected"


def _comparable(targets: Any) -> npt.NDArray[Any]:
    """Labels as int64 (n,), anything else as float64 (n, values) with mean 0 and deviation 1 where it varies."""
    values = targets.cpu().numpy()
    if values.ndim == 1 and not np.issubdtype(values.dtype, np.floating):
        return np.asarray(values)
    columns = values.reshape(len(values), -1).astype(np.float64)
    spread = columns.std(0)
    kept = spread > 0
    return np.asarray((columns[:, kept] - columns[:, kept].mean(0)) / spread[kept])


def _likeness(values: npt.NDArray[Any]) -> float:
    """How alike neighbours are: the share of equal labels, or the mean product of standardised values."""
    if values.ndim == 1:
        return float((values[1:] == values[:-1]).mean())
    return float((values[1:] * values[:-1]).mean()) if values.size else 0.0
