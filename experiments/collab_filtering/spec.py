"""Do factors beat biases, a perceptron beat a dot product, and any of them the mean of a film?

Five ways to predict how many stars somebody gives to a film, from nothing but who gave how many to what. The cells are
two ways to hold ratings out: at random, and the newest. README.md says which paper each arm stands for.
"""

from typing import Any, ClassVar, Literal

import torch
from torch import nn

from workbench import Cell, Choice, Claim, Collab, Experiment, Learner, OneCycle, Ratings, Tier
from workbench.models.model import Model


class Means(Model):
    """``of``: "films" gives each film's damped mean, "all" one mean for all of them."""

    kinds: ClassVar[tuple[Any, ...]] = ("ratings",)

    of: Literal["films", "all"] = "films"

    def network(self, signature: Any, **where: Any) -> nn.Module:
        """A table of outputs, one a film, all 0 until they are measured."""
        return MeansNetwork(signature.things, self.of)


class MeansNetwork(nn.Module):
    """What :class:`Means` builds."""

    def __init__(self, things: int, of: str) -> None:
        super().__init__()
        self.of = of
        self.answers = nn.Embedding(things, 1)
        nn.init.zeros_(self.answers.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (b, 1) for ids int64 of shape (b, 2); the user is not looked at."""
        output: torch.Tensor = self.answers(x[:, 1])
        return output

    def groups(self) -> list[tuple[str, list[nn.Module]]]:
        """The table."""
        return [("head", [self.answers])]


def damped_means(model: MeansNetwork, x: torch.Tensor, y: torch.Tensor, decay: float) -> torch.Tensor:
    """The answers, float64 (films, 1), for ids x (n, 2) and ratings y (n, 1).

    A film's mean counts as if ``decay`` times as many ratings as a film has on average had been the overall mean, so
    ``decay`` is a ridge penalty: 0 is the plain mean. A film without ratings gets the overall mean.
    """
    ratings, films = y[:, 0].double(), x[:, 1]
    overall = ratings.mean()
    counts = torch.bincount(films, minlength=model.answers.num_embeddings)
    if model.of == "all":
        return overall.expand(len(counts), 1)
    damping = decay * float(counts[counts > 0].double().mean())
    sums = torch.bincount(films, weights=ratings, minlength=len(counts)) + damping * overall
    found = torch.where(counts > 0, sums / (counts + damping).clamp(min=1e-9), overall)
    return found[:, None]


class Factors(Learner):
    """The biased dot product (Koren, Bell & Volinsky 2009): what a user likes, and what a film offers."""

    data = Ratings("data/movielens.csv", train=60_000)
    model = Collab("dot", factors=32)
    fit = OneCycle(epochs=5, batch=512, lr=5e-3, weight_decay=0.1)


class BiasesOnly(Factors):
    """The same without factors: a user is lenient or strict, a film good or bad, and nobody has a taste."""

    fit = Factors.fit.but(epochs=10, lr=1e-2)
    confounded = "every arm has the rate and the length that validation ratings gave it"

    def forward(self, model: nn.Module, x: Any) -> torch.Tensor:
        """The mean and both biases, which lie behind the factors in a row."""
        user, film = model.users(x[:, 0]), model.things(x[:, 1])
        output: torch.Tensor = model.head.mean + user[:, -1:] + film[:, -1:]
        return output


class UnseenAddNothing(Factors):
    """A user or a film without ratings has a row of zeros, not the average one: what the library did at first."""

    def forward(self, model: nn.Module, x: Any) -> torch.Tensor:
        """The same product; in training nobody is unseen, so with the same decay the weights are those of Factors."""
        user, film = model.users(x[:, 0]), model.things(x[:, 1])
        output: torch.Tensor = (user[:, :-1] * film[:, :-1]).sum(dim=1, keepdim=True)
        return output + user[:, -1:] + film[:, -1:] + model.head.mean


class Neural(Factors):
    """A perceptron on both factors in place of the dot product (He et al. 2017, the MLP)."""

    model = Factors.model.but(kind="neural", factors=16)
    fit = Factors.fit.but(epochs=10)
    confounded = "every arm has the rate and the length that validation ratings gave it"


class ItemMean(Factors):
    """Each film's mean, damped: nothing about the user, and nothing that is trained."""

    model = Means()
    fit = Factors.fit.but(epochs=1, batch=100_000)
    confounded = "its solution is known, so one step on all ratings finds it"

    def step(self, state: Any, hooks: Any) -> None:
        """The one step. The damping is ``fit.weight_decay``, so that it is chosen as the other arms' decay is."""
        batch, target = state.batch, self.expects.target
        with torch.no_grad():
            found = damped_means(state.model, batch.x, batch.y, float(self.recipe.weight_decay))
            state.model.answers.weight.copy_(target.outputs(found))
            state.loss = self.loss(self.forward(state.model, batch.x), batch)


class Constant(ItemMean):
    """The mean of all training ratings: the best answer that is the same for everybody."""

    model = ItemMean.model.but(of="all")


registered = [Factors, BiasesOnly, Neural, ItemMean, Constant]
random = Cell("random", arms=registered, about="a fifth of the ratings held out at random")
newest = Cell(
    "newest",
    arms=registered,
    data=Factors.data.but(time="timestamp"),
    about="the newest fifth held out: 85 % of it is by users without an earlier rating",
)
unseen = Cell(
    "unseen",
    arms=[Factors, UnseenAddNothing],
    data=newest.changes["data"],
    choice="newest",
    exploratory=True,
    about="the same with nothing said of users without an earlier rating: why factors failed in a first study",
)

claims = [
    Claim.differs(
        Neural,
        Factors,
        by=0.002,
        cell="random",
        name="C1",
        why="He et al. 2017 say the perceptron is better, Rendle et al. 2020 the tuned dot product; 0.002 is little",
    ),
    Claim.differs(
        BiasesOnly,
        Factors,
        by=0.005,
        cell="random",
        name="C2",
        why="whether 70 ratings a user and 40 a film are enough for factors at all; the prototype said by 0.02",
    ),
    Claim.differs(
        Neural, BiasesOnly, by=0.005, cell="random", name="C3", why="whether the perceptron finds more than biases"
    ),
    Claim.differs(
        BiasesOnly,
        ItemMean,
        by=0.01,
        cell="random",
        name="C4",
        why="Koren et al. 2009: much of the variation is due to biases; a mean has one of two",
    ),
    Claim.differs(
        ItemMean,
        Constant,
        by=0.01,
        cell="random",
        name="C5",
        why="whether the films' means say anything beyond one mean",
    ),
    Claim.differs(
        Factors,
        ItemMean,
        by=0.005,
        cell="newest",
        name="C6",
        why="of most of these users nothing is known, so a film's mean might be all that there is to know",
    ),
    Claim.differs(
        Neural, Factors, by=0.005, cell="newest", name="C7", why="a user never seen is new to the perceptron's layers"
    ),
    Claim.differs(
        BiasesOnly,
        Factors,
        by=0.005,
        cell="newest",
        name="C8",
        why="without known users factors have nothing to agree with",
    ),
]

experiment = Experiment(
    baseline=Factors,
    arms=[BiasesOnly, Neural, ItemMean, Constant, UnseenAddNothing],
    seeds=10,
    first_seed=200,
    measure="test/rmse",
    cells=[random, newest, unseen],
    claims=claims,
    choose=Choice(
        field="fit__weight_decay", values=[0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6], seeds=2, measure="validation/rmse"
    ),
    tiers={
        "smoke": Tier(
            cells=[random],
            arms=[BiasesOnly, ItemMean],
            seeds=1,
            changes={"fit__epochs": 2},
            choosing=False,
            minutes=0.3,
        ),
        "default": Tier(cells=[random], seeds=3, minutes=2),
        "full": Tier(minutes=5),
        "gpu": Tier(cells=[random], seeds=30, changes={"data__train": None, "model__factors": 128}, minutes=5),
    },
)
