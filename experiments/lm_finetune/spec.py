"""How should a classifier start from a language model? ULMFiT's ablation (Howard & Ruder 2018), made small.

500 reviews of clothes say whether their writer recommends the article. The arms differ in what the network starts from
(nothing, films, clothes, films then clothes) and in how it is fine-tuned (the last layer alone, rates that fall from
layer to layer, one layer more at a time, a cycle of rates, all of it). README.md says which row of the paper each is.
"""

import numpy as np
import torch
from torch import nn

from workbench import (
    Choice,
    Claim,
    Experiment,
    FineTune,
    GradualUnfreeze,
    Learner,
    Split,
    TextNetwork,
    Texts,
    Tier,
)
from workbench.data.values import BEGIN, PAD
from workbench.models.model import Model


class BagOfWords(Model):
    """A logistic regression on which words of the vocabulary occur, each text of the same length."""

    kinds = ("text",)

    def network(self, signature, **where):
        """The linear layer, all weights 0."""
        return Words(signature.vocabulary, signature.outputs)


class Words(nn.Module):
    """Outputs of shape (b, outputs) for padded texts."""

    def __init__(self, vocabulary, outputs):
        super().__init__()
        self.head = nn.Linear(vocabulary, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        present = torch.zeros(len(x.ids), self.head.in_features, device=x.ids.device).scatter_(1, x.ids, 1.0)
        present[:, [PAD, BEGIN]] = 0.0
        # 10: an update is as large for a word as for a number of a network's state, so one grid of rates fits both
        return self.head(10 * nn.functional.normalize(present, dim=1))

    def groups(self):
        return [("head", [self.head])]


class FromVectors(TextNetwork):
    """A text network of random weights, but for the words' vectors, which begin with those of a file.

    ``vectors``: an .npz with ``words`` and ``vectors``, as data/glove_50d.npz. They take the first numbers of each
    known word's row, brought to the spread of the random numbers in whose place they stand.
    """

    vectors: str = "data/glove_50d.npz"

    def files(self):
        """The vectors, which have to be pinned."""
        return (self.vectors,)

    def network(self, signature, *, seeds, root, sources):
        """The network; see TextNetwork."""
        model = super().network(signature, seeds=seeds, root=root, sources=sources)
        with np.load(root / self.vectors, allow_pickle=False) as read:
            words, vectors = read["words"].tobytes().decode().split("\n"), read["vectors"]
        place = {word: number for number, word in enumerate(words)}
        known = [number for number, token in enumerate(signature.tokens) if token in place]
        found = torch.from_numpy(vectors[[place[signature.tokens[number]] for number in known]])
        weight = model.body.embedding.weight.data
        weight[known, : found.shape[1]] = (found - found.mean(dim=0)) / found.std(dim=0) * weight.std()
        return model


class Full(Learner):
    """All weights of the adapted language model learn at one constant rate (the paper's "full"): the baseline."""

    data = Texts(
        "data/clothing.csv",
        text="Review Text",
        label="Recommended IND",
        split=Split("random"),
        train=500,
        most=5_000,
        counted="all",
    )
    model = TextNetwork(weights="experiments/clothing_lm", dropout=0.2)
    fit = FineTune(epochs=8, batch=16, lr=3e-3, body_lr=1.0, schedule="constant")


class LastLayer(Full):
    """The head alone learns (the paper's "last")."""

    fit = Full.fit.but(scope="head")


class Discriminative(Full):
    """Each layer learns at 1/2.6 of the rate of the one above it ("full + discr")."""

    fit = Full.fit.but(layer_decay=1 / 2.6)


class Unfreezing(Full):
    """The head learns first, then one layer more at a time, from the middle of the run on all of them ("freez")."""

    fit = GradualUnfreeze(epochs=8, batch=16, lr=3e-3, body_lr=1.0, schedule="constant")


class Cycle(Full):
    """All weights at one rate, which rises over a quarter of the run and falls to nothing."""

    fit = Full.fit.but(schedule="one_cycle")


class Combination(Unfreezing):
    """Unfreezing, rates that fall from layer to layer, and the cycle ("freez + discr + stlr", which is ULMFiT)."""

    fit = Unfreezing.fit.but(layer_decay=1 / 2.6, schedule="one_cycle")
    confounded = "the paper's combination is the question"


class Scratch(Cycle):
    """Random weights: is the language model worth anything?"""

    model = Cycle.model.but(weights=None)


class NoDomainStep(Cycle):
    """Starts from the film reviews' language model itself: is it worth anything to go on with reviews of clothes?"""

    model = Cycle.model.but(weights="experiments/film_lm")


class NoFilms(Cycle):
    """Starts from a language model of reviews of clothes alone: are the films worth anything?"""

    model = Cycle.model.but(weights="experiments/clothing_lm:Alone")


class WordVectors(Scratch):
    """Random weights, but GloVe's vectors for the words: is it the words that the language model brings?"""

    model = FromVectors("lstm", width=128, layers=2, dropout=0.2)
    confounded = "a network that starts from vectors is a part of its own"


class WordsAlone(Cycle):
    """No network at all: a logistic regression on which words occur."""

    model = BagOfWords()


ways = [LastLayer, Discriminative, Unfreezing, Cycle, Combination]
starts = [Scratch, NoDomainStep, NoFilms, WordVectors, WordsAlone]
large = {
    "data__train": 5_000,
    "data__most": 30_000,
    "model__weights": "experiments/clothing_lm:Large",
    "model__dropout": 0.4,
    "fit__batch": 64,
    "fit__epochs": 50,
}
claims = [
    Claim.differs(
        Scratch,
        Cycle,
        name="C1",
        why="the paper's scratch errs most of all; but a small language model may be worth nothing",
    ),
    Claim.equal(
        Unfreezing, Full, within=0.10, name="C2", why="the paper's freez alone equals full on two of three sets"
    ),
    Claim.lower(Combination, Full, name="C3", why="ULMFiT itself: 5.00 against 6.87 on IMDb, lower on all three"),
    Claim.higher(LastLayer, Full, name="C4", why="16.09 against 6.86 on TREC-6, which is the set of few labels"),
    Claim.lower(Discriminative, Full, name="C5", why="5.57 against 6.87 on IMDb, lower on all three"),
    Claim.differs(NoDomainStep, Cycle, name="C6", why="6.99 against 5.00 on IMDb for going on with the target's texts"),
    Claim.differs(
        NoFilms, Cycle, name="C7", why="pre-training elsewhere: 10.67 against 5.69 on TREC-6, 5.52 and 5.38 on AG"
    ),
    Claim.differs(WordsAlone, Combination, name="C8", why="the honest baseline of few labels, either way"),
]

experiment = Experiment(
    baseline=Full,
    arms=[*ways, *starts],
    seeds=10,
    first_seed=100,
    claims=claims,
    choose=Choice(field="fit__lr", values=[1e-3, 3e-3, 1e-2, 3e-2]),
    tiers={
        "smoke": Tier(
            arms=[Full, LastLayer, Combination],
            seeds=1,
            changes={"model__weights": "experiments/clothing_lm:Few", "data__train": 200, "fit__epochs": 2},
            choosing=False,
            minutes=1,
        ),
        "default": Tier(arms=[Full, Cycle, Combination, Scratch], seeds=3),
        "full": Tier(),
        "gpu": Tier(arms=[Full, *ways], changes=large),
    },
)
