"""A corpus: vocabularies from chosen texts alone, the ids of those texts, windows of a stream."""

import torch

from workbench.data.corpus import Corpus, windows
from workbench.data.tokens import Tokens
from workbench.data.values import BEGIN, UNKNOWN

TEXTS = ["a b b", "", "c c a c", "d"]
CORPUS = Corpus.of(TEXTS, Tokens())


def test_the_vocabulary_knows_the_chosen_texts_alone() -> None:
    assert CORPUS.vocabulary([0, 3], min_count=1, most=None).tokens[4:] == ("b", "a", "d")
    assert CORPUS.vocabulary([0, 2], min_count=2, most=6).tokens[4:] == ("c", "a")


def test_texts_are_encoded_in_the_order_that_is_asked_for() -> None:
    vocabulary = CORPUS.vocabulary([0, 1, 2], min_count=2, most=None)
    c, a, b = (vocabulary.ids[each] for each in "cab")
    found = CORPUS.encoded([2, 1, 3, 0], vocabulary)
    assert found.counts.tolist() == [5, 1, 2, 4]
    assert found.flat.tolist() == [BEGIN, c, c, a, c, BEGIN, BEGIN, UNKNOWN, BEGIN, a, b, b]
    assert CORPUS.encoded([2, 1], vocabulary, longest=3).flat.tolist() == [BEGIN, c, c, BEGIN]
    assert len(CORPUS.encoded([], vocabulary)) == 0


def test_every_token_of_a_window_is_followed_by_its_target() -> None:
    x, y = windows(torch.arange(12), 4)
    assert x.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert y.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    x, y = windows(torch.arange(9), 4)
    assert y[-1].tolist() == [5, 6, 7, 8]
    assert windows(torch.arange(4), 4)[0].shape == (0, 4)
