"""Splits that are a stated rule: stratified draws from a named stream, and hold-outs by content hash."""

from __future__ import annotations

import numpy as np
import torch

from workbench.data.items import Items
from workbench.data.split import smallest
from workbench.errors import DataError, FieldError


def shares(counts: list[int], total: int) -> list[int]:
    """``total`` divided among classes in proportion to ``counts``, by largest remainder, at least one each.

    Needs ``len(counts) <= total <= sum(counts)`` and no empty class.
    """
    whole = sum(counts)
    exact = [total * count / whole for count in counts]
    given = [min(count, max(1, int(share))) for count, share in zip(counts, exact, strict=True)]
    while sum(given) < total:
        open_ = [n for n, count in enumerate(counts) if given[n] < count]
        given[max(open_, key=lambda n: (exact[n] - given[n], -n))] += 1
    while sum(given) > total:
        open_ = [n for n, share in enumerate(given) if share > 1]
        given[max(open_, key=lambda n: (given[n] - exact[n], n))] -= 1
    return given


def strata(targets: torch.Tensor) -> torch.Tensor:
    """What keeps its proportions in a draw, int64 of shape (n,): the classes; one stratum where items have none."""
    classes = targets.ndim == 1 and not targets.is_floating_point()
    return targets if classes else torch.zeros(len(targets), dtype=torch.int64)


def stratified(targets: torch.Tensor, total: int, generator: np.random.Generator) -> torch.Tensor:
    """Positions, ascending, of ``total`` items drawn so that classes (if items have one each) keep their proportions.

    Each class is shuffled and a prefix taken, so a bigger draw from the same stream contains a smaller one up
    to rounding.

    Raises:
        FieldError: ``total`` is more than there is, or less than one a class.
    """
    targets = strata(targets)
    classes, counts = torch.unique(targets, return_counts=True)
    if total > len(targets):
        raise FieldError(f"train is {total}, but there are {len(targets)} training items", hint="Ask for fewer.")
    if total < len(classes):
        raise FieldError(f"train is {total}, fewer than the {len(classes)} classes", hint="Ask for more.")
    parts = []
    for label, share in zip(classes, shares(counts.tolist(), total), strict=True):
        members = (targets == label).nonzero().flatten()
        order = torch.from_numpy(generator.permutation(len(members)))
        parts.append(members[order[:share]])
    return torch.cat(parts).sort().values


def hold_out(
    items: Items, fraction: float, purpose: str, *, by_class: bool = True, classes: tuple[str, ...] = ()
) -> tuple[Items, Items]:
    """``(kept, held)``: held out is the ``fraction`` of every class with the smallest hash of key and purpose.

    Where items do not have one class each, or not ``by_class``, it is that fraction of all items. An item added to a
    class moves at most as many others as are added. Every class stays on both sides, and items of equal content on one.
    ``classes``: what an error calls the classes.

    Raises:
        DataError: a class has a single content, so it cannot be on both sides.
    """
    contents, unit = np.unique(np.array(items.keys), return_inverse=True)
    kinds = None
    if by_class and strata(items.targets) is items.targets:
        # equal contents stay together: of different labels of theirs the smallest counts
        kinds = np.full(len(contents), np.iinfo(np.int64).max)
        np.minimum.at(kinds, unit, items.targets.cpu().numpy())
    mask = torch.from_numpy(smallest(contents.tolist(), fraction, purpose, kinds, classes)[unit])
    return items.subset((~mask).nonzero().flatten()), items.subset(mask.nonzero().flatten())


def first_by_key(items: Items, total: int | None) -> Items:
    """The first ``total`` items in the order of their keys, a fixed choice; all of them for None.

    Raises:
        FieldError: ``total`` is more than there is.
    """
    if total is None:
        return items
    if total > len(items):
        raise FieldError(f"test is {total}, but there are {len(items)} test items", hint="Ask for fewer.")
    order = sorted(range(len(items)), key=lambda n: (items.keys[n], n))
    return items.subset(torch.tensor(sorted(order[:total])))


def pooled(items: Items, pool: tuple[float, float]) -> Items:
    """The items whose content hash, read as a fraction of all hashes, lies in ``pool``; all of them for (0, 1).

    The bounds are fixed points of the hash's range, so an item more moves no other item to another pool.
    """
    if pool == (0.0, 1.0):
        return items
    fractions = torch.tensor([int(key, 16) / 16.0 ** len(key) for key in items.keys], dtype=torch.float64)
    return items.subset(((fractions >= pool[0]) & (fractions < pool[1])).nonzero().flatten())


def taken(train: Items, test: Items) -> str:
    """What of a division is used, where fields ask for less than all: the end of its row for the table of settings."""
    return f"; of these {len(train):,} are learnt from, {len(test):,} are the test"


def check_classes(train: Items, test: Items, classes: tuple[str, ...], where: str) -> None:
    """Refuse a single class, and one without items on either side; nothing where items do not have one class each.

    Raises:
        DataError: naming the classes.
    """
    for items, split in ((train, "training"), (test, "test")):
        if strata(items.targets) is not items.targets:
            return
        if len(classes) < 2:
            raise DataError(
                f"every item is of class '{classes[0]}'",
                where=where,
                hint="There is nothing to tell apart: add another.",
            )
        counts = torch.bincount(items.targets, minlength=len(classes)).tolist()
        empty = [name for name, count in zip(classes, counts, strict=True) if not count]
        if empty:
            shown = ", ".join(f"'{name}'" for name in empty[:5]) + (", ..." if len(empty) > 5 else "")
            raise DataError(
                f"no {split} item of class {shown}",
                where=where,
                hint="Both splits need every class: add items, or leave the class out.",
            )
