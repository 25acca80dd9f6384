"""What items can be told apart by, for each kind of data."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.interpret.made import answers as made
from tests.interpret.made import keys
from workbench.data.items import Items
from workbench.data.signature import Signature
from workbench.data.table_encoder import Scale, TableEncoder
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.regression import Regression
from workbench.data.values import Ragged, Rows
from workbench.interpret.answers import Answers
from workbench.interpret.traits import ranges, traits
from workbench.training.state import State


def with_inputs(state: State, inputs: object, kind: str, monkeypatch: pytest.MonkeyPatch, **data: object) -> Answers:
    """Two classes, and inputs of another kind."""
    found = made([[1.0, 0.0]] * 6, [0, 1, 0, 1, 0, 1])
    signature = Signature(kind, 2)  # type: ignore[arg-type]
    monkeypatch.setattr(state, "data", dataclasses.replace(state.data, signature=signature, **data))
    return Answers(**{**vars(found), "items": Items(inputs, found.items.targets, keys(6))})


def test_texts_by_length(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Ragged.of([[5] * length for length in (1, 2, 3, 40, 50, 60)])
    found = {each.name: each for each in traits(state, with_inputs(state, texts, "text", monkeypatch))}
    assert list(found["tokens"].members) == ["1 to 2", "3 to 3", "40 to 40", "50 to 60"]


def test_tables_by_value_and_by_quarter_in_their_own_units(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    scale = Scale(3.0, 3.0, 2.0, False)
    encoder = TableEncoder({"colour": ("red", "green")}, {"age": scale}, {}, {})
    ages = scale.apply(np.arange(1.0, 7.0))
    rows = Rows(torch.tensor([[0], [1], [1], [1], [2], [2]]), torch.from_numpy(ages)[:, None].float())
    found = {e.name: e for e in traits(state, with_inputs(state, rows, "table", monkeypatch, encoder=encoder))}
    assert {name: int(each.sum()) for name, each in found["colour"].members.items()} == {
        "(missing or rare)": 1, "red": 3, "green": 2,
    }  # fmt: skip
    assert list(found["age"].members) == ["1 to 2", "3 to 3", "4 to 4", "5 to 6"]


def test_ratings_by_how_much_is_known(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    training = torch.tensor([[1, 1], [1, 2], [1, 1], [2, 1]])
    train = Items(training, torch.zeros(4, 1), keys(4))
    pairs = torch.tensor([[1, 1], [1, 2], [2, 1], [2, 2], [0, 1], [9, 9]])
    found = traits(state, with_inputs(state, pairs, "ratings", monkeypatch, train=train))
    users = next(each for each in found if each.name == "user's training ratings").members
    assert {name: np.flatnonzero(each).tolist() for name, each in users.items()} == {
        "0": [4, 5], "1": [2, 3], "3": [0, 1],
    }  # fmt: skip


def test_labels_and_no_numbers(state: State) -> None:
    several = made([[1.0, -1.0]] * 4, torch.tensor([[1.0, 0], [1, 1], [0, 0], [0, 1]]), target=MultiLabel())
    label = traits(state, several)[0]
    assert label.name == "label" and label.members["a"].tolist() == [True, True, False, False]
    numbers = made([[0.0]] * 8, torch.arange(8.0)[:, None], target=Regression(mean=(0.0,), std=(1.0,)))
    assert "true value" not in {each.name for each in traits(state, numbers)}


def test_few_values_stay_apart() -> None:
    assert list(ranges("x", np.array([1, 1, 2.5, 3])).members) == ["1", "2.5", "3"]
    cut = ranges("x", np.array([*range(10), *[40] * 90]))
    assert list(cut.members) == ["0 to 9", "40 to 40"] and int(cut.members["40 to 40"].sum()) == 90
    skewed = ranges("x", np.array([0] * 90 + list(range(1, 11)), dtype=float))
    assert sum(int(each.sum()) for each in skewed.members.values()) == 100
