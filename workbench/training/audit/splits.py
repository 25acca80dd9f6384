"""Checks 3 and 9: what the splits hold of each class or value, and whether every class is there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.items import Items
from workbench.data.targets import MultiLabel, SingleLabel
from workbench.data.targets.token_sequence import TokenSequence
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject

_BALANCE, _CLASSES = "split balance", "class sets"

PROBABILITY = 1e-6
"""Below it a difference between two splits is not put down to chance: of a thousand audits with a thousand comparisons
each, one is alarmed for nothing."""

SHARES = (0.05, 0.25)
"""Distances of two distributions (share of items that would have to change) that are a note, and wrong: in large splits
chance is excluded for differences that do not matter."""

_MEANT = ("time", "group", "given")
"""Rules by which splits may differ, since somebody chose them."""


def split_balance(subject: Subject) -> Iterator[Finding]:
    """Training against test and validation items.

    Held-out last rows of a sorted file, or one class as the whole validation part (keras#8346), show as a difference of
    the targets. In the last rows of a shuffled file nothing is wrong.
    """
    if isinstance(subject.data.target, TokenSequence):
        return
    rule, by = _rule(subject)
    pairs = [("test", subject.data.test, subject.data.train)]
    if subject.choosing is not None and subject.choosing.validation is not None:
        pairs.append(("validation", subject.choosing.validation, subject.choosing.train))
    compared = []
    for name, items, train in pairs:
        distance, probability, where = _distance(subject, items, train)
        compared.append(f"{name} {distance:.1%}")
        if probability < PROBABILITY and distance >= SHARES[0]:
            yield Finding(
                _BALANCE,
                "wrong" if distance >= SHARES[1] and by not in _MEANT else "note",
                f"the {name} items' targets differ from the training items' in {distance:.1%} of the items{where} "
                f"(by chance: p = {probability:.0e}); {rule}",
                "Scores then speak of other data. Split('stratified') or Split('random') divides by content hash.",
            )
            return
    yield Finding(_BALANCE, "ok", f"targets differ from training by {', '.join(compared)} of the items; {rule}")


def _rule(subject: Subject) -> tuple[str, str]:
    """How the data are divided, in words, and the rule's name where it has one."""
    split = getattr(subject.learner.data, "split", None)
    for setting, value, why in subject.data.why:
        if setting.endswith("split"):
            return f"split: {value} ({why})", str(getattr(split, "by", ""))
    return f"split: as {type(subject.learner.data).__name__} divides them", str(getattr(split, "by", ""))


def _distance(subject: Subject, items: Items, train: Items) -> tuple[float, float, str]:
    """Distance of two splits' targets in [0, 1], its probability by chance, and what differs most."""
    classes = subject.data.classes
    if isinstance(subject.data.target, SingleLabel):
        counts = [np.bincount(each.targets.cpu().numpy(), minlength=len(classes)) for each in (train, items)]
        return _of_classes(np.stack(counts), classes)
    columns = [each.targets.reshape(len(each), -1).double().cpu().numpy() for each in (train, items)]
    several = []
    for number in range(columns[0].shape[1]):
        one, other = columns[0][:, number], columns[1][:, number]
        if isinstance(subject.data.target, MultiLabel):
            table = np.array([[(each > 0.5).sum(), (each <= 0.5).sum()] for each in (one, other)])
            distance, probability, _ = _of_classes(table, ("with", "without"))
        else:
            distance, probability = _of_numbers(one, other)
        several.append((distance, min(1.0, probability * columns[0].shape[1]), number))
    distance, probability, number = max(several)
    name = f", in '{classes[number]}'" if len(several) > 1 and number < len(classes) else ""
    return distance, probability, name


# scipy.stats itself would cost seconds to import; scipy.special has the distributions


def _of_classes(counts: npt.NDArray[np.int64], names: tuple[str, ...]) -> tuple[float, float, str]:
    """Total variation of two rows of counts, the chi-squared probability of equal shares, what differs most."""
    from scipy.special import chdtrc

    counts, named = counts[:, counts.any(0)], [name for name, each in zip(names, counts.T, strict=True) if each.any()]
    if counts.shape[1] < 2 or not counts.any(1).all():
        return 0.0, 1.0, ""
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    probability = float(chdtrc(counts.shape[1] - 1, ((counts - expected) ** 2 / expected).sum()))
    shares = counts / counts.sum(1, keepdims=True)
    change = shares[1] - shares[0]
    most = int(np.abs(change).argmax())
    where = f", most in '{named[most]}' ({shares[0, most]:.1%} -> {shares[1, most]:.1%})"
    return float(np.abs(change).sum() / 2), probability, where


def _of_numbers(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> tuple[float, float]:
    """The Kolmogorov-Smirnov distance of two samples, and its asymptotic probability by chance."""
    from scipy.special import kolmogorov

    places = np.concatenate((one, other))
    below = [np.searchsorted(np.sort(each), places, side="right") / len(each) for each in (one, other)]
    distance = float(np.abs(below[0] - below[1]).max())
    return distance, float(kolmogorov(distance * (len(one) * len(other) / len(places)) ** 0.5))


def class_sets(subject: Subject) -> Iterator[Finding]:
    """Every class, and every label, has items in every split."""
    data = subject.data
    if not isinstance(data.target, SingleLabel | MultiLabel):
        return
    splits = [("training", data.train), ("test", data.test)]
    if subject.choosing is not None and subject.choosing.validation is not None:
        splits.append(("validation", subject.choosing.validation))
    empty = False
    for name, items in splits:
        missing = [data.classes[each] for each in _absent(items, len(data.classes))]
        if missing:
            empty = True
            shown = ", ".join(f"'{each}'" for each in missing[:5]) + (", ..." if len(missing) > 5 else "")
            yield Finding(
                _CLASSES,
                "wrong" if name == "training" else "note",
                f"no {name} item of {shown} ({len(missing)} of {len(data.classes)} classes)",
                "Add items or leave the class out: "
                + ("it cannot be learnt." if name == "training" else "its error is not measured."),
            )
    if not empty:
        fewest = min(int(each) for _, items in splits for each in _counts(items, len(data.classes)))
        yield Finding(
            _CLASSES, "ok", f"all {len(data.classes)} classes are in every split, with {fewest} items or more"
        )


def _counts(items: Items, classes: int) -> torch.Tensor:
    targets = items.targets.cpu()
    return torch.bincount(targets, minlength=classes) if targets.ndim == 1 else (targets > 0.5).sum(0)


def _absent(items: Items, classes: int) -> list[int]:
    return (_counts(items, classes) == 0).nonzero().flatten().tolist()
