from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

from workbench import Regression, Seeds
from workbench.data.forced import FeedTargets
from workbench.data.sources.french_numbers import french as words
from workbench.data.split import Split
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.text_pairs import PairEncoder, TextPairs
from workbench.data.tokens import Tokens
from workbench.data.values import END, UNKNOWN
from workbench.errors import DataError, FieldError

NUMBERS = TextPairs.of(pd.DataFrame({"french": map(words, range(400)), "digits": map(str, range(400))}), min_count=1)
SEEDS = Seeds.of(0)
ROOT = Path()


def test_pairs_become_tokens_that_end() -> None:
    data = NUMBERS.load(SEEDS, ROOT)
    source, target = data.train.inputs[torch.tensor([7])], data.train.targets[torch.tensor([7])]
    assert source.ids[0, -1] == END == target.ids[0, -1]
    shown = str(data.encoder.show(data.train.inputs, 7))
    number = "".join(data.classes[each] for each in target.ids[0, :-1].tolist())
    assert shown.replace(" - ", "-") == words(int(number))
    assert data.signature.kind == "pairs" and data.signature.longest == 4
    assert (data.signature.outputs, data.signature.vocabulary) == (len(data.classes), len(data.signature.tokens))
    assert {name: value for name, value, _ in data.why}["data.target_tokens"] == "characters"


def test_tokens_are_told_from_the_texts() -> None:
    frame = pd.DataFrame({"spelling": [f"w{n}" for n in range(300)], "sounds": ["B AW1 T", "K AH0 Z"] * 150})
    why = {name: (value, reason) for name, value, reason in TextPairs.of(frame).load(SEEDS, ROOT).why}
    assert why["data.source_tokens"] == ("characters", "0 of 300 texts have a space")
    assert why["data.target_tokens"] == ("spaces", "6 different signs stand between spaces")
    told = TextPairs.of(frame, target_tokens="characters", source_tokens=Tokens()).load(SEEDS, ROOT)
    assert "A" in told.classes and "AW1" not in told.classes


def test_pairs_with_the_same_source_stay_in_one_split() -> None:
    frame = pd.DataFrame({"en": [f"say {n // 4}" for n in range(400)], "fr": [f"dis {n} mots" for n in range(400)]})
    data = TextPairs.of(frame, min_count=1).load(SEEDS, ROOT, choosing=True)
    assert data.validation is not None
    sides = [set(items.keys) for _, items in data.splits()]
    assert sum(map(len, sides)) == 100 == len(set.union(*sides))
    assert len(data.train) + len(data.validation) + len(data.test) == 400
    again = TextPairs.of(frame.iloc[::-1], min_count=1).load(SEEDS, ROOT)
    assert set(again.test.keys) == sides[2]


def test_the_split_may_be_a_column() -> None:
    frame = pd.DataFrame({"en": ["a b", "c d", "e f"], "fr": ["g h", "i j", "k l"], "part": ["train", "train", "test"]})
    data = TextPairs.of(frame, split=Split("given", column="part"), min_count=1).load(SEEDS, ROOT)
    assert data.encoder.show(data.test.inputs, 0) == "<unknown> <unknown>" and len(data.test) == 1


def test_long_pairs_are_left_out_and_said() -> None:
    data = NUMBERS.but(longest=2).load(SEEDS, ROOT)
    assert int(data.train.targets.counts.max()) == 3 >= int(data.test.inputs.counts.max())
    assert ("data.longest", 2) in [row[:2] for row in data.why]
    with pytest.raises(DataError, match=r"no pair has 1 to 1 tokens on both sides. Raise longest"):
        TextPairs.of(pd.DataFrame({"a": ["x y", "z w"], "b": ["p", "q"]}), longest=1, min_count=1).load(SEEDS, ROOT)


def test_vocabularies_are_of_the_training_pairs_alone() -> None:
    data = NUMBERS.but(train=20).load(SEEDS, ROOT)
    assert len(data.train) == 20 and UNKNOWN in data.test.inputs.flat and UNKNOWN not in data.train.inputs.flat
    assert not torch.equal(NUMBERS.but(train=20).load(Seeds.of(1), ROOT).train.inputs.flat, data.train.inputs.flat)
    with pytest.raises(FieldError, match="train is 999, but there are 320 training pairs"):
        NUMBERS.but(train=999).load(SEEDS, ROOT)


def test_new_sentences_are_encoded_alike() -> None:
    data = NUMBERS.load(SEEDS, ROOT)
    encoder = PairEncoder.restored(data.encoder.describe())
    stored = data.test.inputs[torch.tensor([3])].ids
    text = data.encoder.show(data.test.inputs, 3)
    assert torch.equal(encoder.encode([text])[torch.tensor([0])].ids, stored)
    assert encoder.encode(["quatre zzz"])[torch.tensor([0])].ids[0, 1:].tolist() == [UNKNOWN, END]
    with pytest.raises(DataError, match="item 1 is int, not a text"):
        encoder.encode(["un", 2])


def test_an_epoch_has_like_lengths_together() -> None:
    items = NUMBERS.load(SEEDS, ROOT).train
    order = NUMBERS.order(items, seed=0, epoch=0, batch=16)
    assert torch.equal(order.sort().values, torch.arange(len(items)))
    assert all(items.targets.counts[part].unique().numel() <= 2 for part in order.split(16)[:-1])


def test_training_is_fed_as_the_model_says() -> None:
    data = NUMBERS.load(SEEDS, ROOT)
    assert isinstance(NUMBERS.preparation(data, nn.Linear(1, 1)), FeedTargets)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(FieldError, match=r"what is predicted is a text. Leave target out"):
        TextPairs("pairs.tsv", target=Regression())
    assert TextPairs("pairs.tsv", target=TokenSequence()).files() == ("pairs.tsv",)
    assert TextPairs(("a.en", "a.fr")).files() == ("a.en", "a.fr")
    with pytest.raises(FieldError, match="a frame in memory, which nothing pins"):
        NUMBERS.files()
    with pytest.raises(FieldError, match="takes two different names"):
        TextPairs("pairs.tsv", columns=("en", "en"))
    with pytest.raises(FieldError, match=r"TextPairs.longest is 0"):
        TextPairs("pairs.tsv", longest=0)


def test_a_column_of_parts_is_followed() -> None:
    parts = ["train"] * 300 + ["dev"] * 40 + ["test"] * 60
    frame = pd.DataFrame({"french": map(words, range(400)), "digits": map(str, range(400)), "split": parts})
    data = TextPairs.of(frame, min_count=1).load(SEEDS, ROOT, choosing=True)
    assert [len(items) for _, items in data.splits()] == [300, 40, 60]
    assert any("given by column 'split'" in str(row) for row in data.why)
