"""Check 4: test items that are shuffled, augmented, or made to depend on their batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from workbench.data.loading import Batch
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Row, Subject, differing

_NAME = "evaluation inputs"

LOOKED = 16
"""Items that are prepared again and again: a change that reaches half of them is missed once in 60,000 audits."""

TOLERANCE = 1e-4
"""Relative: a batch of another size may round differently in the last bits of float32."""

_HINT = "Look at Learner.inputs() and the data's preparation: augment only `if training`."


def evaluation_inputs(subject: Subject) -> Iterator[Finding]:
    """The same items twice, in another epoch, in other batches, and at other positions: always the same inputs."""
    items = subject.data.test
    index = subject.some(items, LOOKED)
    if len(index) < 2:
        return
    first = subject.rows(subject.batch(items, index), training=False)
    if len(first) != len(index):
        found = f"inputs() gives {len(first)} rows for {len(index)} items"
        yield Finding(_NAME, "wrong", found, "Give one row an item: the last batch of a split is a small one.")
        return
    again = subject.rows(subject.batch(items, index), training=False, step=1)
    later = subject.rows(subject.batch(items, index), training=False, epoch=1)
    changes = {
        "prepared twice": differing(first, again),
        "prepared in another epoch": differing(first, later),
        "prepared in other batches": differing(first, _apart(subject, index), tolerance=TOLERANCE),
        "stored at another position": _moved(subject, index, first),
    }
    wrong = [f"{how} {count}" for how, count in changes.items() if count]
    if wrong:
        found = f"of {len(index)} test items, so many are something else when they are {', '.join(wrong)}"
        yield Finding(_NAME, "wrong", found, _HINT)
    else:
        ways = "twice, in another epoch, in other batches and at other positions"
        yield Finding(_NAME, "ok", f"{len(index)} test items are prepared alike {ways}")


def _apart(subject: Subject, index: torch.Tensor) -> list[Row]:
    """The items in reversed order and in two batches of different sizes, put back into the order of ``index``."""
    turned = index.flip(0)
    cut = len(turned) // 3 + 1
    pieces = [turned[:cut], turned[cut:]]
    rows = [
        row
        for piece in pieces
        if len(piece)
        for row in subject.rows(subject.batch(subject.data.test, piece), training=False)
    ]
    return rows[::-1]


def _moved(subject: Subject, index: torch.Tensor, first: list[Row]) -> int:
    """How many of the same contents become something else at other positions."""
    batch = subject.batch(subject.data.test, index)
    elsewhere = Batch(batch.x, batch.y, batch.index + len(subject.data.test))
    return differing(first, subject.rows(elsewhere, training=False))
