"""Vocabularies: by frequency, with the special tokens first, restored as described."""

import json

import pytest

from workbench.data.values import BEGIN, END, PAD, UNKNOWN
from workbench.data.vocabulary import SPECIAL, Vocabulary
from workbench.errors import DataError

TEXTS = [["b", "a", "b", "c"], ["a", "b", "d", "d"]]


def test_the_commonest_come_first_and_equals_in_alphabetical_order() -> None:
    assert Vocabulary.of(TEXTS).tokens == (*SPECIAL, "b", "a", "d")
    assert Vocabulary.of(TEXTS, min_count=1).tokens == (*SPECIAL, "b", "a", "d", "c")
    assert Vocabulary.of(TEXTS, min_count=1, most=6).tokens == (*SPECIAL, "b", "a")


def test_special_tokens_have_the_ids_that_values_name() -> None:
    names = Vocabulary.of(TEXTS).tokens
    assert [names[each] for each in (PAD, UNKNOWN, BEGIN, END)] == ["<pad>", "<unknown>", "<begin>", "<end>"]


def test_encoding_and_decoding() -> None:
    vocabulary = Vocabulary.of(TEXTS)
    assert vocabulary.encode(["b", "zebra", "a"]) == [4, UNKNOWN, 5]
    assert vocabulary.decode([BEGIN, 4, UNKNOWN, 5, END, PAD]) == ["<begin>", "b", "<unknown>", "a", "<end>"]


def test_a_special_name_in_a_text_is_not_counted() -> None:
    assert Vocabulary.of([["<pad>", "<pad>", "x", "x"]]).tokens == (*SPECIAL, "x")


def test_a_special_name_in_a_text_is_unknown_and_neither_padding_nor_an_end() -> None:
    assert Vocabulary.of(TEXTS).encode(["b", *SPECIAL, "a"]) == [4, *[UNKNOWN] * 4, 5]


def test_it_is_restored_from_plain_values() -> None:
    vocabulary = Vocabulary.of(TEXTS)
    assert Vocabulary.restored(json.loads(json.dumps(vocabulary.describe()))) == vocabulary


def test_texts_of_rare_tokens_alone_are_refused() -> None:
    with pytest.raises(DataError, match=r"no token occurs 2 times.*min_count=1"):
        Vocabulary.of([["a", "b"]])
    with pytest.raises(DataError, match="begins with the four special tokens"):
        Vocabulary(("a", "b"))
