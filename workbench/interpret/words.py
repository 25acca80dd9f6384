"""Targets and answers in people's words: class names, labels, numbers with their names, tokens."""

from __future__ import annotations

import numpy as np

from workbench.data.targets.base import Target
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.single_label import SingleLabel
from workbench.data.targets.token_sequence import NOTHING
from workbench.data.values import BEGIN, END, PAD


def in_words(value: np.ndarray, target: Target, classes: tuple[str, ...]) -> str:
    """One item's target, or a prediction of the same shape, as text."""
    if isinstance(target, SingleLabel):
        return classes[int(value)]
    if isinstance(target, MultiLabel):
        return ", ".join(name for name, given in zip(classes, value, strict=True) if given > 0.5) or "(none)"
    if np.issubdtype(value.dtype, np.integer):
        return sequence(value, classes)
    numbers = [f"{float(each):.4g}" for each in np.ravel(value)]
    if len(numbers) == 1 or len(numbers) != len(classes):
        return ", ".join(numbers)
    return ", ".join(f"{name} {number}" for name, number in zip(classes, numbers, strict=True))


def sequence(ids: np.ndarray, tokens: tuple[str, ...]) -> str:
    """Token ids as text, up to the end mark; an id without a name is shown as a number."""
    found: list[str] = []
    for each in np.ravel(ids).tolist():
        if each == END:
            break
        if each not in (PAD, BEGIN, NOTHING):
            found.append(tokens[each] if each < len(tokens) else str(each))
    return " ".join(found)
