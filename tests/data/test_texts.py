"""Texts as data: nothing of one part in another, vocabularies of training alone, targets told from the labels."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from workbench.data.encoding import restored
from workbench.data.items import Datasets
from workbench.data.split import Split
from workbench.data.targets import SingleLabel
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.texts import Texts
from workbench.data.values import BEGIN
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds

WORDS = ["red", "blue", "green", "black", "white"]


def frame(n: int = 60) -> pd.DataFrame:
    """Texts of 3 to 9 words and whether "red" is among them."""
    texts = [" ".join(WORDS[(n * n + k) % 5] for k in range(3 + n % 7)) + f" w{n}" for n in range(n)]
    return pd.DataFrame({"text": texts, "label": ["yes" if "red" in each else "no" for each in texts]})


def load(part: Texts, *, choosing: bool = False, seed: int = 0) -> Datasets:
    return part.load(Seeds.of(seed), Path("."), choosing=choosing)


def test_labels_make_a_classifier() -> None:
    data = load(Texts.of(frame()), choosing=True)
    assert data.classes == ("no", "yes") and isinstance(data.target, SingleLabel)
    assert data.signature.kind == "text" and data.signature.outputs == 2 and not data.signature.each_token
    assert data.signature.tokens[4:] == data.encoder.describe()["vocabulary"][4:] or True
    parts = [set(items.keys) for _, items in data.splits()]
    assert (
        sum(map(len, parts)) == 60 and not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    )


def test_the_vocabulary_knows_no_word_of_other_parts() -> None:
    part = Texts.of(frame(), min_count=1)
    data = load(part, choosing=True)
    assert data.validation is not None
    held = [data.encoder.show(items.inputs, n) for items in (data.validation, data.test) for n in range(len(items))]
    # every text ends in a number of its own
    assert held and all(each.endswith(" w <unknown>") for each in held)
    assert not any("<unknown>" in data.encoder.show(data.train.inputs, n) for n in range(len(data.train)))


def test_texts_that_are_not_drawn_may_count_for_the_vocabulary() -> None:
    few = Texts.of(frame(), min_count=1, train=10)
    drawn, counted, whole = (load(part) for part in (few, few.but(counted="all"), few.but(train=None)))
    assert counted.train.keys == drawn.train.keys and counted.test.keys == drawn.test.keys
    assert counted.signature.tokens == whole.signature.tokens
    assert set(drawn.signature.tokens) < set(counted.signature.tokens)
    assert (
        "data.vocabulary",
        len(whole.signature.tokens),
        "tokens that occur 1 times in all training texts",
    ) in counted.why
    # the texts of the other parts count in no case
    told = [counted.encoder.show(counted.test.inputs, n) for n in range(len(counted.test))]
    assert all(each.endswith(" w <unknown>") for each in told)
    continued = Texts.of(frame()[["text"]], min_count=1, train=10, window=5, counted="all")
    assert load(continued).signature.tokens == load(continued.but(train=None)).signature.tokens


def test_the_encoder_gives_what_is_stored_and_is_restored() -> None:
    part = Texts.of(frame(), longest=6)
    data = load(part)
    texts = frame()["text"].tolist()
    stored = {tuple(data.train.inputs[torch.tensor([n])].ids[0].tolist()) for n in range(len(data.train))}
    again = restored("TextEncoder", json.loads(json.dumps(data.encoder.describe())))
    given = again.encode(texts)
    assert max(given.counts.tolist()) == 6
    assert stored <= {tuple(given[torch.tensor([n])].ids[0].tolist()) for n in range(len(texts))}
    with pytest.raises(DataError, match="item 1 is int, not a text"):
        again.encode(["a", 1])


def test_texts_that_stand_twice_are_kept_once_and_in_the_test_part() -> None:
    part = Texts.of(
        pd.DataFrame(
            {
                "text": ["a b", "a  b", "c d", "e f", "e f", "g h"],
                "label": ["x", "x", "y", "x", "x", "y"],
                "part": ["train", "test", "train", "train", "train", "test"],
            }
        ),
        split=Split("given", column="part"),
        min_count=1,
    )
    data = load(part)
    assert len(data.train) == 2 and len(data.test) == 2
    assert not set(data.train.keys) & set(data.test.keys)
    assert ("data.duplicates", 2, "texts that stand several times are kept once") in data.why


def test_a_text_of_several_given_parts_is_kept_where_it_counts_most() -> None:
    mixed = pd.DataFrame(
        {
            "text": ["a a", "b b", "a a", "c c", "b b", "d d", "e e"],
            "label": ["x", "y"] * 3 + ["x"],
            "part": ["train", "train", "dev", "train", "Test", "Test", "train"],
        }
    )
    data = load(Texts.of(mixed, split=Split("given", column="part"), min_count=1), choosing=True)
    assert [len(items) for _, items in data.splits()] == [2, 1, 2]


def test_adding_texts_moves_few_of_the_others() -> None:
    before = set(load(Texts.of(frame(60))).test.keys)
    after = set(load(Texts.of(frame(66))).test.keys)
    assert len(before - after) <= 4


def test_no_labels_make_a_language_model() -> None:
    for part in (Texts.of(frame(), target=None, window=8), Texts.of(frame()[["text"]], window=8)):
        data = load(part, choosing=True)
        assert isinstance(data.target, TokenSequence) and data.signature.each_token
        assert data.classes == data.signature.tokens and data.signature.outputs == len(data.classes)
        for _, items in data.splits():
            x, y = items.inputs, items.targets
            assert x.shape == y.shape == (len(items), 8)
            assert torch.equal(x.flatten()[1:], y.flatten()[:-1])
            assert int(x[0, 0]) == BEGIN
    assert "\n\n" in data.encoder.show(data.train.inputs, 0)
    with pytest.raises(DataError, match=r"too few for a window of 5000.*smaller window"):
        load(Texts.of(frame(), target=None, window=5_000))


def test_a_language_model_learns_from_no_text_that_a_classifier_is_tested_on() -> None:
    """Each text of the frame has a number of its own, and a vocabulary is that of the training texts."""
    continued = Texts.of(frame()[["text"]], min_count=1, window=5, split=Split("random"))
    answered = Texts.of(frame(), min_count=1, split=Split("random"))
    assert load(continued).signature.tokens == load(answered).signature.tokens
    assert load(continued).signature.tokens != load(answered.but(split=Split("stratified"))).signature.tokens


def test_decimal_labels_make_a_regression_with_statistics_of_training() -> None:
    values = frame().assign(label=[n / 7 for n in range(60)])
    data = load(Texts.of(values))
    mean = float(data.train.targets.double().mean())
    assert data.target.mean == pytest.approx((mean,)) and data.signature.outputs == 1  # type: ignore[attr-defined]


def test_a_subset_is_drawn_from_training_alone_by_its_seed() -> None:
    whole, part = load(Texts.of(frame())), Texts.of(frame(), train=20)
    drawn = load(part)
    assert len(drawn.train) == 20 and set(drawn.train.keys) < set(whole.train.keys)
    assert drawn.test.keys == whole.test.keys
    assert load(part, seed=1).train.keys != drawn.train.keys and load(part).train.keys == drawn.train.keys
    with pytest.raises(FieldError, match="there are 48 training"):
        load(Texts.of(frame(), train=1_000))
    with pytest.raises(FieldError, match="there are 48 training"):
        load(Texts.of(frame(), train=1_000, target=None))


def test_a_batch_has_texts_of_like_length_and_chance_stays() -> None:
    part = Texts.of(frame(), min_count=1)
    items = load(part).train

    def lengths(epoch: int) -> list[list[int]]:
        order = part.order(items, seed=3, epoch=epoch, batch=5)
        assert sorted(order.tolist()) == list(range(len(items)))
        return [items.inputs.counts[each].tolist() for each in order.split(5)]

    assert torch.equal(part.order(items, seed=3, epoch=1, batch=5), part.order(items, seed=3, epoch=1, batch=5))
    assert not torch.equal(part.order(items, seed=3, epoch=1, batch=5), part.order(items, seed=3, epoch=2, batch=5))
    assert all(max(each) - min(each) <= 2 for each in lengths(0))
    assert [max(each) for each in lengths(0)] != sorted((max(each) for each in lengths(0)), reverse=True)


def test_a_text_file_and_a_changed_one(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("\n".join(frame()["text"]))
    part = Texts("t.txt", tokens="characters", window=5)
    first = part.load(Seeds(), tmp_path)
    assert " " in first.classes and first.encoder.tokens.level == "characters"  # type: ignore[attr-defined]
    path.write_text("\n".join(frame(80)["text"]))
    assert len(part.load(Seeds(), tmp_path).train) > len(first.train)
    assert part.files() == ("t.txt",)
    with pytest.raises(FieldError, match="a frame in memory, which nothing pins"):
        Texts.of(frame()).files()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match=r"there are no labels.*target=None"):
        load(Texts.of(frame()[["text"]], target=SingleLabel()))
    with pytest.raises(FieldError, match="window is 1"):
        Texts("t.txt", window=1)


def test_a_column_of_parts_is_followed() -> None:
    parts = ["train"] * 20 + ["valid"] * 4 + ["test"] * 6
    data = load(Texts.of(frame(30).assign(split=parts)), choosing=True)
    assert [len(items) for _, items in data.splits()] == [20, 4, 6]
    assert any("given by column 'split'" in str(row) for row in data.why)
