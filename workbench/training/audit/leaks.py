"""Check 10: one column, or one word, that says the target; and columns that are different in every row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.table_encoder import BEND, TableEncoder
from workbench.data.targets import SingleLabel
from workbench.data.values import Ragged, Rows
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject

_NAME = "leaks"

SHARES = (0.9, 0.99)
"""How much of the constant predictor's error one column alone takes away, on test rows, to be a note, and wrong: what
is recorded with the target, or after it, reaches these. The best of California housing reaches 0.48, the stars of
a review that recommends or not 0.64, the delay of a flight's departure for that of its arrival 0.81."""

LEAVES = 64
"""Of the decision tree for one column of numbers: enough for 0.999 of a straight line."""

LOOKED = 10_000
"""Training and test items that are looked at."""

FEWEST = 50
"""Rows below which one column may well say everything by chance."""

UNIQUE = 0.5
"""Share of rows with a value of their own from which a category is like an id."""

Array = npt.NDArray[Any]


def leaks(subject: Subject) -> Iterator[Finding]:
    """Tables: every column alone. Texts with classes: every word alone. Nothing for other kinds."""
    kind, train = subject.data.signature.kind, subject.data.train
    if len(train) < FEWEST:
        return
    if kind == "table" and isinstance(train.inputs, Rows):
        yield from _columns(subject)
    if kind == "text" and isinstance(train.inputs, Ragged) and isinstance(subject.data.target, SingleLabel):
        yield from _words(subject)


def _columns(subject: Subject) -> Iterator[Finding]:
    data = subject.data
    train, test = (subject.some(items, LOOKED) for items in (data.train, data.test))
    x, other = data.train.inputs[train], data.test.inputs[test]
    y, wanted = (_values(items.targets, index) for items, index in ((data.train, train), (data.test, test)))
    single = isinstance(data.target, SingleLabel)
    scores = [
        _lookup(x.categories[:, n].numpy(), y, other.categories[:, n].numpy(), wanted, single)
        for n in range(x.categories.shape[1])
    ] + [
        _tree(x.numbers[:, n].numpy(), y, other.numbers[:, n].numpy(), wanted, single)
        for n in range(x.numbers.shape[1])
    ]
    names = _names(subject, len(scores))
    leaking = [(score, name) for score, name in zip(scores, names, strict=True) if score >= SHARES[0]]
    for score, name in sorted(leaking, reverse=True):
        yield Finding(
            _NAME,
            "wrong" if score >= SHARES[1] else "note",
            f"column '{name}' alone takes away {score:.1%} of the constant predictor's error on test rows",
            f"If it is not known before the target is, leave it out: ignore=('{name}',).",
        )
    likes = [name for name in _like_ids(subject, names) if name not in {each for _, each in leaking}]
    if likes:
        found = f"columns with a value of its own in nearly every row: {', '.join(likes)}"
        yield Finding(_NAME, "note", found, f"If they number the rows, leave them out: ignore=('{likes[0]}',).")
    if not leaking and not likes and scores:
        best = int(np.argmax(scores))
        found = f"the best of {len(scores)} columns alone, '{names[best]}', takes away {max(0.0, scores[best]):.1%}"
        yield Finding(_NAME, "ok", f"{found} of the constant predictor's error on test rows")


def _names(subject: Subject, count: int) -> tuple[str, ...]:
    names = subject.data.signature.columns
    return names if len(names) == count else tuple(f"column {number}" for number in range(count))


def _values(targets: Any, index: torch.Tensor) -> Array:
    """int64 (n,) for classes, else float64 (n, values)."""
    values = targets[index].cpu()
    return np.asarray(values.numpy() if values.ndim == 1 else values.double().numpy())


def _lookup(column: Array, y: Array, other: Array, wanted: Array, single: bool) -> float:
    """The score of the best answer for each category: its commonest class, or its mean."""
    width = int(max(column.max(), other.max())) + 1
    if single:
        classes = int(max(y.max(), wanted.max())) + 1
        table = np.bincount(column * classes + y, minlength=width * classes).reshape(width, classes)
        answers = np.where(table.any(1), table.argmax(1), np.bincount(y).argmax())
        return _taken_away(answers[other], y, wanted, single)
    counts = np.bincount(column, minlength=width)[:, None]
    sums = np.stack([np.bincount(column, weights=each, minlength=width) for each in y.T], axis=1)
    return _taken_away(np.where(counts > 0, sums / np.maximum(counts, 1), y.mean(0))[other], y, wanted, single)


def _tree(column: Array, y: Array, other: Array, wanted: Array, single: bool) -> float:
    """The score of a small decision tree."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    make = DecisionTreeClassifier if single else DecisionTreeRegressor
    tree = make(max_leaf_nodes=LEAVES, min_samples_leaf=5, random_state=0).fit(column[:, None], y)
    answers = tree.predict(other[:, None])
    return _taken_away(answers if single else answers.reshape(len(other), -1), y, wanted, single)


def _taken_away(answers: Array, y: Array, wanted: Array, single: bool) -> float:
    """1 - error / error of the constant predictor; of several values that for which it is largest."""
    if single:
        constant = float((wanted != np.bincount(y).argmax()).mean())
        return 1 - float((answers != wanted).mean()) / constant if constant else 0.0
    error, constants = ((answers - wanted) ** 2).mean(0), ((y.mean(0) - wanted) ** 2).mean(0)
    scores = 1 - error[constants > 0] / constants[constants > 0]
    return float(scores.max()) if len(scores) else 0.0


def _like_ids(subject: Subject, names: tuple[str, ...]) -> list[str]:
    """Columns of categories that nearly never repeat, and of numbers that count the rows."""
    inputs, n = subject.data.train.inputs, len(subject.data.train)
    known = [int((torch.unique(inputs.categories[:, each]) > 0).sum()) for each in range(inputs.categories.shape[1])]
    # a category that occurs once is unseen to the encoder, so of an id nothing is left
    like = [name for name, count in zip(names, known, strict=False) if count == 0 or count >= UNIQUE * n]
    numbers = inputs.numbers.double().numpy()
    if isinstance(subject.data.encoder, TableEncoder):
        numbers = numbers / np.sqrt(np.maximum(1 - (numbers / BEND) ** 2, 1e-7))
    return like + [name for name, column in zip(names[len(known) :], numbers.T, strict=False) if _counts_on(column)]


def _counts_on(column: Array) -> bool:
    """Whether all values differ and are whole multiples of the smallest step, few of them left out."""
    steps = np.diff(np.sort(column))
    if not len(steps) or steps.min() <= 0:
        return False
    multiples = steps / steps.min()
    # the smallest of many steps is rounded too, by float32
    return bool(multiples.sum() < 4 * len(column) and np.abs(multiples - multiples.round()).max() < 0.2)


def _words(subject: Subject) -> Iterator[Finding]:
    data = subject.data
    items = data.train.subset(subject.some(data.train, LOOKED))
    labels, counts = items.targets.cpu().numpy(), items.inputs.counts.numpy()
    vocabulary = data.signature.vocabulary
    place = np.repeat(np.arange(len(counts)), counts)
    place, token = np.divmod(np.unique(place * vocabulary + items.inputs.flat.cpu().numpy()), vocabulary)
    there = np.bincount(token, minlength=vocabulary)
    best = (-np.inf, 0, 0)
    for label, count in enumerate(np.bincount(labels)):
        if min(count, len(labels) - count) < FEWEST / 5:
            continue
        hits = np.bincount(token[labels[place] == label], minlength=vocabulary)
        scores = 1 - (there - 2 * hits + count) / min(count, len(labels) - count)
        best = max(best, (float(scores.max()), int(scores.argmax()), label))
    score, number, label = best
    if not np.isfinite(score):
        return
    word = data.signature.tokens[number] if number < len(data.signature.tokens) else f"token {number}"
    found = f"of the error in telling class '{data.classes[label]}', the word '{word}' alone takes away {score:.1%}"
    if score < SHARES[0]:
        yield Finding(_NAME, "ok", f"{found}, more than any other word")
        return
    state, hint = (
        "wrong" if score >= SHARES[1] else "note",
        "Take it out of the texts if it was written with the label.",
    )
    yield Finding(_NAME, state, f"{found} ({len(labels):,} training texts)", hint)  # type: ignore[arg-type]
