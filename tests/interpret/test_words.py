"""Targets in people's words."""

import numpy as np

from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.regression import Regression
from workbench.data.targets.single_label import SingleLabel
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.values import BEGIN, END, PAD
from workbench.interpret.words import in_words, sequence

NAMES = ("<pad>", "<unknown>", "<begin>", "<end>", "a", "b")


def test_each_kind() -> None:
    assert in_words(np.int64(1), SingleLabel(), ("x", "y")) == "y"
    assert in_words(np.array([1.0, 0, 1]), MultiLabel(), ("x", "y", "z")) == "x, z"
    assert in_words(np.zeros(2), MultiLabel(), ("x", "y")) == "(none)"
    assert in_words(np.array([1.23456]), Regression(), ("price",)) == "1.235"
    assert in_words(np.array([1.0, 2.0]), Regression(), ("x", "y")) == "x 1, y 2"
    assert in_words(np.array([4, 5]), TokenSequence(), NAMES) == "a b"


def test_sequences_end_at_the_mark() -> None:
    assert sequence(np.array([BEGIN, 4, 5, END, 4]), NAMES) == "a b"
    assert sequence(np.array([4, PAD, -1]), NAMES) == "a" and sequence(np.array([9]), NAMES) == "9"
