"""Attention weights of both kinds of networks that give them, with their tokens."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.interpret.made import keys
from workbench.data.encoding import Encoder
from workbench.data.items import Items
from workbench.data.preparation import AsStored
from workbench.data.signature import Signature
from workbench.data.values import BEGIN, END, UNKNOWN, Padded, Ragged
from workbench.errors import FieldError
from workbench.interpret.attention import attention, attention_at
from workbench.interpret.view import DoesNotApply
from workbench.training.state import State

TOKENS = ("<pad>", "<unknown>", "<begin>", "<end>", "the", "cat", "le", "chat")


class Words(Encoder):
    """Words by their place in TOKENS."""

    def encode(self, items: Sequence[Any]) -> Ragged:
        return Ragged.of([[BEGIN, *(TOKENS.index(word) for word in item.split())] for item in items])

    def show(self, inputs: Any, position: int) -> str:
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        return {}

    @classmethod
    def restored(cls, values: dict[str, Any]) -> "Words":
        return cls()


class Reads(nn.Module):
    """Two layers of two heads; each place looks at itself in the first layer, at the first place in the second."""

    def attention(self, x: Padded) -> list[torch.Tensor]:
        b, t = x.ids.shape
        first = torch.zeros(t, t)
        first[:, 0] = 1
        return [torch.eye(t).expand(b, 2, t, t), first.expand(b, 2, t, t)]


class Translates(nn.Module):
    """Writes two words, each looking at the source word of its own place."""

    attention = "additive"

    def alignment(self, x: Padded) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor([[6, 7, END, 5]]), torch.eye(4, x.ids.shape[1])[None]


@pytest.fixture
def words(state: State, monkeypatch: pytest.MonkeyPatch) -> State:
    """A state of texts whose network the test puts in."""
    signature = Signature("text", 2, vocabulary=len(TOKENS), tokens=TOKENS)
    data = dataclasses.replace(state.data, signature=signature, encoder=Words(), classes=TOKENS)
    monkeypatch.setattr(state, "data", data)
    monkeypatch.setattr(
        state.learner,
        "prepared",
        dataclasses.replace(state.learner.expects, preparation=AsStored(), signature=signature),
    )
    return state


def test_tokens_that_look_at_one_another(words: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "model", Reads())
    last = attention(words, "the cat")
    assert last.rows == last.columns == ("<begin>", "the", "cat")
    assert [row[1] for row in last.table().rows] == ["<begin>"] * 3
    first = attention(words, "the cat", layer=0)
    assert np.array_equal(first.weights, np.eye(3)) and "Layer 1 of 2, the mean over 2 heads" in first.notes()[0]


def test_an_item_is_looked_at_as_it_is_stored(words: State, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Ragged.of([[BEGIN, 4], [BEGIN, 4, UNKNOWN, 5]])  # no text of TOKENS leads back to <unknown>
    test = Items(stored, torch.zeros(2, dtype=torch.int64), keys(2))
    monkeypatch.setattr(words, "data", dataclasses.replace(words.data, test=test))
    monkeypatch.setattr(words, "model", Reads())
    found = attention_at(words, "test", 1)
    assert found.rows == found.columns == ("<begin>", "the", "<unknown>", "cat")
    assert found.heading() == "Attention, item 1 of the test split" and found.text().startswith(found.heading())
    assert attention_at(words, "test", 0).rows == ("<begin>", "the")
    with pytest.raises(FieldError, match="no item 2 in the split 'test'; the last one is 1"):
        attention_at(words, "test", 2)


def test_pictures_have_no_tokens(state: State) -> None:
    with pytest.raises(DoesNotApply, match="attention is between tokens, and there are none"):
        attention_at(state, "test", 0)


def test_written_tokens_look_at_the_source(words: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "model", Translates())
    found = attention(words, "the cat")
    assert found.rows == ("le", "chat", "<end>") and found.columns == ("<begin>", "the", "cat")
    assert found.weights.shape == (3, 3) and found.table().rows[1] == ("chat", "the", 1.0)
    axes = found.figure().axes[0]
    assert [each.get_text() for each in axes.get_xticklabels()] == list(found.columns)
    assert [each.get_text() for each in axes.get_yticklabels()] == list(found.rows)


def test_a_network_without_attention_says_so(words: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "model", nn.Linear(2, 2))
    with pytest.raises(DoesNotApply, match="Linear has no attention"):
        attention(words, "the cat")
