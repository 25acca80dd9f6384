"""Every kind of data, from real items: each look says something sensible or why it does not apply."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_diabetes, load_wine

from workbench import Collab, Learner, OneCycle, Ratings, Seq2Seq, Table, TextNetwork, TextPairs, Texts
from workbench.data.items import Data
from workbench.data.values import UNKNOWN
from workbench.interpret.attention import Attention
from workbench.interpret.interpretation import Interpretation
from workbench.interpret.predict import Predictions
from workbench.interpret.view import DoesNotApply
from workbench.models.model import Model

Carried = Callable[[str], Path]


def trained(data: Data, model: Model | None = None, **fit: Any) -> Interpretation:
    """What a learner of these data has learnt in a few steps."""
    body = {"data": data, "fit": OneCycle(**{"epochs": 2, "batch": 32, "lr": 5e-3, **fit}), "__doc__": "A test's."}
    cls = type("Small", (Learner,), body if model is None else {**body, "model": model})
    learner = cls(0, device="cpu")
    learner.run()
    opened = learner.interpret()
    assert isinstance(opened, Interpretation)
    return opened


def applying(opened: Interpretation) -> set[str]:
    """The names of the looks that apply; each of them is text and, where it has a picture, draws."""
    found = set()
    for name, view in opened.views():
        if isinstance(view, DoesNotApply):
            assert str(view)
            continue
        found.add(name)
        assert len(view.text(10).splitlines()) > 3
        view.figure()
    return found


ALWAYS = {"summary", "curves", "activations", "top_losses"}


@pytest.fixture(scope="module")
def wine() -> Interpretation:
    """Wines of three growers, with a column of categories made of one of numbers."""
    bunch = load_wine(as_frame=True)
    frame: pd.DataFrame = bunch.frame
    frame["strong"] = np.where(frame["alcohol"] > 13, "strong", "light")
    frame["target"] = bunch.target_names[frame["target"]]
    return trained(Table.of(frame, "target"), epochs=20)


def test_a_table_of_classes(wine: Interpretation) -> None:
    assert applying(wine) == ALWAYS | {"confusion", "calibration", "features", "embeddings_strong"}
    names = {each.trait for each in wine.slices(least=5).slices}
    assert {"class", "alcohol", "strong"} <= names
    assert wine.embeddings()["strong"].names == ("(missing or rare)", "strong", "light")
    alcohol = next(each for each in wine.slices(least=5).slices if each.trait == "alcohol")
    assert 10 < float(alcohol.value.split(" to ")[0]) < 16  # in its own units


def test_rows_are_answered_and_exported(wine: Interpretation, tmp_path: Path) -> None:
    bunch = load_wine(as_frame=True)
    frame: pd.DataFrame = bunch.frame.drop(columns="target").assign(strong="strong")
    found = wine.predict(frame)
    assert isinstance(found, Predictions) and len(found) == len(frame)
    right = np.mean([each.answer == bunch.target_names[t] for each, t in zip(found, bunch.target, strict=True)])
    assert right > 0.8
    frame.to_csv(tmp_path / "new.csv", index=False)
    from_file = wine.predict(tmp_path / "new.csv")
    assert [each.answer for each in from_file] == [each.answer for each in found]
    assert wine.predict(frame.iloc[0].to_dict()).answer == found[0].answer
    exported = wine.export(tmp_path / "wine.pt2")
    assert list(exported.inputs) == ["categories", "numbers"]
    network = torch.export.load(exported.path).module()
    rows = wine.state.data.test.inputs
    given = network(rows.categories, rows.numbers).argmax(1).numpy()
    assert np.array_equal(given, wine.answers().prediction)


def test_a_table_of_numbers(tmp_path: Path) -> None:
    opened = trained(Table.of(load_diabetes(as_frame=True).frame, "target"), epochs=5)
    assert applying(opened) >= ALWAYS | {"slices", "features"}
    assert opened.slices().measure == "mae" and "true value" not in {e.trait for e in opened.slices().slices}
    with pytest.raises(DoesNotApply, match="the target is Regression"):
        opened.calibration()
    network = torch.export.load(opened.export(tmp_path / "diabetes.pt2").path).module()
    rows = opened.state.data.test.inputs
    assert np.allclose(network(rows.categories, rows.numbers), opened.answers().prediction, rtol=1e-4)


@pytest.fixture(scope="module", params=["dot", "neural"])
def films(carried: Carried, request: pytest.FixtureRequest) -> Interpretation:
    """The first ratings of MovieLens."""
    frame = pd.read_csv(carried("data/movielens.csv")).head(4000)
    return trained(Ratings.of(frame), Collab(kind=request.param), batch=256)


def test_ratings(films: Interpretation, tmp_path: Path) -> None:
    assert applying(films) >= ALWAYS | {"slices", "embeddings_user_id", "embeddings_movie_id"}
    assert {each.trait for each in films.slices().slices} == {"user's training ratings", "thing's training ratings"}
    names = films.embeddings()["movie_id"].names
    assert names[0] == "(unseen)" and names[1].isdigit()
    pairs = films.predict([(196, 242), ("nobody", 242)])
    rows = films.predict(pd.DataFrame({"note": ["x"], "movie_id": [242], "user_id": [196]}))
    assert pairs[0].answer == rows[0].answer != pairs[1].answer and pairs[0].confidence is None
    network = torch.export.load(films.export(tmp_path / "films.pt2").path).module()
    assert np.allclose(network(films.state.data.test.inputs), films.answers().prediction, atol=1e-4)


@pytest.fixture(scope="module")
def reviews(carried: Carried) -> pd.DataFrame:
    """The first reviews of clothes, and whether the customer recommends them."""
    frame = pd.read_csv(carried("data/clothing.csv"))
    found: pd.DataFrame = frame[["Review Text", "Recommended IND"]].dropna().head(1_000)
    return found


@pytest.mark.parametrize("arch", ["lstm", "transformer"])
def test_texts(reviews: pd.DataFrame, arch: Any, tmp_path: Path) -> None:
    data = Texts.of(reviews, text="Review Text", label="Recommended IND", longest=50)
    opened = trained(data, TextNetwork(arch, width=32, layers=1), epochs=1)
    found = applying(opened)
    expected = ALWAYS | {"confusion", "calibration", "slices", "features", "embeddings_body.embedding"}
    assert found == (expected | {"attention"} if arch == "transformer" else expected)
    assert "tokens" in {each.trait for each in opened.slices().slices}
    if arch == "transformer":
        rare_words_are_looked_at_as_stored(opened)
    lstm = [each for each in opened.activations().layers if each.kind == "LSTM"]
    assert all(each.gradient > 0 for each in lstm) and len(lstm) == (arch == "lstm")
    answers = opened.predict(reviews.head(3))
    assert isinstance(answers, Predictions)
    assert [each.answer for each in opened.predict(list(reviews["Review Text"].head(3)))] == [e.answer for e in answers]
    exported = opened.export(tmp_path / "reviews.pt2")
    tokens = "tokens" if arch == "transformer" else "50"  # a recurrent layer is written out step by step
    assert exported.inputs == {"ids": f"int64 (batch, {tokens})", "lengths": "int64 (batch)"}
    assert exported.tokens == (0 if tokens == "tokens" else 50) and len(exported.notes()) == 1 + bool(exported.tokens)
    extra = {"encoder.json": ""}
    torch.export.load(exported.path, extra_files=extra)
    assert json.loads(extra["encoder.json"])["values"]["vocabulary"][4:] == list(opened.state.data.signature.tokens[4:])


def rare_words_are_looked_at_as_stored(opened: Interpretation) -> None:
    """Of the first item that has any: words for people would be tokens of other ids when they are read again."""
    texts = opened.answers().items.inputs
    ids = (texts[torch.tensor([place])].ids[0].tolist() for place in range(len(texts)))
    place, stored = next((place, each) for place, each in enumerate(ids) if UNKNOWN in each)
    tokens = tuple(opened.state.data.signature.tokens[each] for each in stored)
    found = dict(opened.views(place))["attention"]
    assert isinstance(found, Attention) and found.rows == tokens
    assert opened.attention(position=place).rows == tokens
    assert opened.attention(opened.state.data.encoder.show(texts, place)).rows != tokens


def test_a_language_model(reviews: pd.DataFrame, tmp_path: Path) -> None:
    data = Texts.of(reviews[["Review Text"]], target=None, window=20, most=500)
    opened = trained(data, TextNetwork("transformer", width=32, layers=1), epochs=1)
    assert applying(opened) == ALWAYS | {"attention", "embeddings_body.embedding"}
    assert isinstance(opened.predict("i love this").answer, str)
    attention = opened.attention("love this dress")
    assert np.allclose(attention.weights.sum(1), 1) and attention.rows[0] == "<begin>"
    with pytest.raises(DoesNotApply, match="writes token by token"):
        opened.export(tmp_path / "language.pt2")


@pytest.fixture(scope="module", params=["gru", "transformer"])
def sayings(carried: Carried, request: pytest.FixtureRequest) -> Iterator[Interpretation]:
    """How words are said, from CMUdict."""
    frame = pd.read_csv(carried("data/cmudict.tsv"), sep="\t").iloc[10_000:10_800]
    yield trained(TextPairs.of(frame), Seq2Seq(arch=request.param, width=32), epochs=1)


def test_pairs(sayings: Interpretation) -> None:
    assert applying(sayings) >= ALWAYS | {"attention", "slices", "embeddings_source", "embeddings_target"}
    assert "fills up the shorter texts" in sayings.activations(most=8).notes()[0]
    found = sayings.attention("bench")
    assert found.columns == (*"bench", "<end>") and found.weights.shape == (len(found.rows), 6)
    assert np.allclose(found.weights.sum(1), 1, atol=1e-5)
    given = sayings.predict(["bench", "bend"])
    assert isinstance(given, Predictions) and given.table().rows[0][0] == "bench"


def test_without_attention(carried: Carried) -> None:
    frame = pd.read_csv(carried("data/cmudict.tsv"), sep="\t").iloc[10_000:10_300]
    opened = trained(TextPairs.of(frame), Seq2Seq(attention="none", width=32), epochs=1)
    with pytest.raises(DoesNotApply, match="without attention looks at no token"):
        opened.attention("bench")
