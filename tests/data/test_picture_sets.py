"""Pictures with answers, divided: what is drawn keeps the classes, and what is fitted sees training alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.data.picture_sets import picture_sets
from workbench.data.split import Split, divide
from workbench.data.targets.inference import read_answers
from workbench.errors import DataError

FOUND = SimpleNamespace(
    images=torch.arange(40 * 64, dtype=torch.int64).remainder(251).to(torch.uint8).reshape(40, 1, 8, 8),
    keys=tuple(f"{number * 7919:016x}" for number in range(40)),
)


def divided(values: list[object], split: Split):
    answers = read_answers(np.array(values), "auto", where="a test")
    return answers, divide(FOUND.keys, split, targets=answers.y, column=None, validation=0.2, choosing=True)


def test_what_is_drawn_keeps_the_classes_and_every_split_its_items() -> None:
    answers, division = divided(["a", "b"] * 20, Split("stratified"))
    draw = (10, np.random.default_rng(0))
    sets, row = picture_sets(FOUND, answers, division, size=6, drawn=draw, where="a test")
    assert sets.train.targets.bincount().tolist() == [5, 5] and sets.validation is not None
    assert (sets.signature.outputs, sets.signature.channels, sets.signature.size) == (2, 1, 6)
    assert sets.test.keys == tuple(FOUND.keys[place] for place in division.test.tolist())
    assert torch.equal(sets.test.inputs, FOUND.images[division.test])
    assert row[:2] == ("data.target", "SingleLabel")


def test_numbers_are_scaled_by_training_alone() -> None:
    answers, division = divided([float(number) / 3 for number in range(40)], Split("random"))
    sets, _ = picture_sets(FOUND, answers, division, size=8, drawn=None, where="a test")
    assert sets.target == answers.target.fitted(answers.y[division.train])
    assert sets.target != answers.target.fitted(answers.y)


def test_a_class_without_training_items_is_refused() -> None:
    answers, division = divided(["a", "b"] * 20, Split("stratified"))
    answers.y[division.train] = 0
    with pytest.raises(DataError, match="no training item of class 'b'"):
        picture_sets(FOUND, answers, division, size=8, drawn=None, where="a test")
