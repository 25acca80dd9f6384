"""Checks 5 and 8: augmentation that is frozen, or the same for different items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from workbench.data.loading import Batch
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject, differing

_EPOCHS, _ITEMS = "augmentation by epoch", "augmentation by item"

LOOKED = 32
"""Items that are looked at. What changes half of them (a flip) leaves all as they were once in 4 billion audits."""

_KEYED = "Draw by streams.uniform(self.seeds.augment, 'mine', epoch, index=batch.index, draws=...), as Augment does"


def augmentation_over_epochs(subject: Subject) -> Iterator[Finding]:
    """The same training items in two epochs differ, where training items are changed at all."""
    if (seen := _seen(subject)) is None:
        return
    count, changed, moved = len(seen.index), sum(seen.changed), sum(seen.moved)
    if seen.fed and not 0 < seen.share < 1:
        return  # the coins are thrown, but change nothing
    if moved:
        yield Finding(_EPOCHS, "ok", f"{moved} of {count} training items differ between epochs 1 and 2")
    elif changed:
        found = f"{changed} of {count} training items are augmented, all of them in epoch 2 as in epoch 1"
        yield Finding(_EPOCHS, "wrong", found, f"{_KEYED}; keep nothing that was augmented.")
    elif getattr(subject.learner.data, "augment", None) is not None:
        found = f"data.augment is set, and none of {count} training items is changed by it"
        hint = "Set its amounts (flip, shift, ...; crops need a margin), call super().inputs(), or leave it out."
        yield Finding(_EPOCHS, "wrong", found, hint)


def augmentation_of_items(subject: Subject) -> Iterator[Finding]:
    """Copies of one item at different positions are augmented differently, within a batch and from batch to batch.

    A network that is fed its target may draw once for a whole step, so it is left out.
    """
    if (seen := _seen(subject)) is None:
        return
    # a blank picture stays what it is, however it is augmented
    visible = [each for each in range(len(seen.index)) if seen.changed[each] or seen.moved[each]]
    if seen.fed or not visible:
        return
    position, here = int(seen.index[visible[0]]), torch.arange(LOOKED)
    one = subject.rows(_copies(subject, position, here), training=True)
    other = subject.rows(_copies(subject, position, here + LOOKED), training=True, step=1)
    ways = 1 + differing(one[:1] * len(one), one)
    if ways == 1:
        found = f"{LOOKED} copies of one item in a batch are all augmented alike"
        yield Finding(_ITEMS, "wrong", found, f"{_KEYED}, one draw an item.")
    elif not differing(one, other):
        found = f"the items of two batches are augmented alike, place by place ({LOOKED} copies of one item)"
        yield Finding(_ITEMS, "wrong", found, f"{_KEYED}; a generator seeded in inputs() begins anew each time.")
    else:
        yield Finding(_ITEMS, "ok", f"{LOOKED} copies of one item at different positions are not augmented alike")


@dataclass(frozen=True)
class _Seen:
    """Training items at the positions ``index``: which ones training changes, and which ones differ between epochs.

    ``fed``: training gives the network more than evaluation does: its target, a ``share`` of the time.
    """

    index: torch.Tensor
    changed: list[bool]
    moved: list[bool]
    fed: bool
    share: float


def _seen(subject: Subject) -> _Seen | None:
    """None where some items have no inputs, which check 4 tells."""
    items = subject.data.train
    index = subject.some(items, LOOKED)
    plain = subject.rows(subject.batch(items, index), training=False)
    first = subject.rows(subject.batch(items, index), training=True)
    later = subject.rows(subject.batch(items, index), training=True, epoch=1, step=1)
    if {len(plain), len(first), len(later)} != {len(index)}:
        return None
    fed = any(len(one) != len(other) for one, other in zip(plain, first, strict=True))
    changed = [not fed and bool(differing([one], [other])) for one, other in zip(plain, first, strict=True)]
    moved = [bool(differing([one], [other])) for one, other in zip(first, later, strict=True)]
    share = getattr(subject.inputs(subject.batch(items, index), training=True), "share", 0.5)
    return _Seen(index, changed, moved, fed, float(share))


def _copies(subject: Subject, position: int, index: torch.Tensor) -> Batch:
    """One training item's content, as often as there are positions, as if it were stored at these."""
    batch = subject.batch(subject.data.train, torch.full_like(index, position))
    return Batch(batch.x, batch.y, index.to(batch.index.device))
