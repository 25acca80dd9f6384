"""Are settings found by rule as good as hand-tuned ones, and better than the defaults of Keras and fastai?

Every cell is a family of data, and in each all arms train the same network on the same items: only the settings
differ. What is left "auto" is found once, on the baseline. README.md says where each arm's numbers come from.
"""

import math
from collections.abc import Sequence

import torch

from workbench import (
    Augment,
    Callback,
    Cell,
    Choice,
    Claim,
    Constant,
    Experiment,
    FineTune,
    ImageArrays,
    ImageFolder,
    Learner,
    Norm,
    OneCycle,
    Pretrained,
    Ratings,
    Split,
    Table,
    TextPairs,
    Texts,
    Tier,
)


class Auto(Learner):
    """Nothing said: network, batch, epochs, rate and weight decay are found."""

    data = ImageArrays("data/fashion_mnist.npz", train=2_000, test=2_000)
    fit = OneCycle()

    def metrics(self, output, y):
        """One name for what every family is judged by: wrong answers, else the absolute or squared distance."""
        found = super().metrics(output, y)
        return {"miss": next(iter(found.values())), **found}


class KerasDefaults(Auto):
    """compile(optimizer="adam") and fit(): Adam at 0.001 throughout, batch 32, no weight decay; the epochs of Auto."""

    fit = Constant(lr=1e-3, batch=32, weight_decay=0.0, body_lr=1.0)
    confounded = "a library's defaults come together"

    def optimizer(self, groups):
        """Adam's epsilon as in Keras."""
        return with_epsilon(super().optimizer(groups), 1e-7)


class FastaiDefaults(Auto):
    """fit_one_cycle() with nothing said: 0.001, batch 64, weight decay 0.01, momentum cycled; the epochs of Auto."""

    fit = OneCycle(lr=1e-3, batch=64, weight_decay=0.01, body_lr=1.0)
    confounded = "a library's defaults come together"

    def optimizer(self, groups):
        """Adam's epsilon as in fastai."""
        return with_epsilon(super().optimizer(groups), 1e-5)

    def callbacks(self):
        """fastai's momentum falls while the rate rises."""
        return [CycledMomentum()]


class HandTuned(Auto):
    """An expert's: rate and epochs chosen together on validation data, the rest as found."""

    fit = OneCycle(epochs=5, lr=5e-3, weight_decay="auto")
    confounded = "rate and epochs are tuned together"


class FineTuneKeras(FineTune):
    """Keras's guide to transfer learning: two thirds of the run train the head at 0.001, then everything at 0.00001."""

    head: float = 2 / 3

    def trained(self, progress, groups):
        """The head alone at first."""
        return 1 if progress < self.head - 1e-9 else "all"

    def factor(self, progress):
        """The second rate is a hundredth of the first."""
        return 1.0 if progress < self.head - 1e-9 else 0.01


class FineTuneFastai(FineTune):
    """fastai's fine_tune(): an epoch for the head, then all at half the rate, the body at a hundredth of the head's."""

    def trained(self, progress, groups):
        """The head alone in the first epoch."""
        return 1 if progress < 1 / self.epochs - 1e-9 else "all"

    def factor(self, progress):
        """A rise over the first epoch; then one cycle from a fifth of half the rate."""
        first = 1 / self.epochs
        if progress < first - 1e-9:
            return between(0.04, 1.0, min(1.0, progress / first / 0.99))
        inside = (progress - first) / (1 - first)
        if inside < 0.3:
            return 0.5 * between(0.2, 1.0, inside / 0.3)
        return 0.5 * between(1.0, 1e-5, (inside - 0.3) / 0.7)


class KerasTransfer(KerasDefaults):
    """Keras's guide to transfer learning, normalising by the source's statistics throughout, as the guide does."""

    model = Pretrained("data/mobilenet_v2.pth", norm=Norm(stats="running"))
    fit = FineTuneKeras(lr=1e-3, batch=32, weight_decay=0.0, body_lr=1.0)
    confounded = "a guide's settings come together"


class FastaiTransfer(FastaiDefaults):
    """fastai's fine_tune(), whose base_lr is 0.002."""

    fit = FineTuneFastai(lr=2e-3, batch=64, weight_decay=0.01, body_lr=0.01)
    confounded = "fine_tune()'s settings come together"


class CycledMomentum(Callback):
    """fastai's momentum of (0.95, 0.85, 0.95) over a cycle, and the square's 0.99."""

    def step_begin(self, state):
        """A function of progress alone, so an interrupted run goes on as it was."""
        progress = state.step / state.steps
        low = between(0.95, 0.85, progress / 0.25)
        momentum = low if progress < 0.25 else between(0.85, 0.95, (progress - 0.25) / 0.75)
        for group in state.optimizer.param_groups:
            group["betas"] = (momentum, 0.99)


def between(first: float, last: float, share: float) -> float:
    """Half a cosine from one to the other."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2


def with_epsilon(optimizer: torch.optim.Optimizer, epsilon: float) -> torch.optim.Optimizer:
    """The optimizer with that epsilon."""
    for group in optimizer.param_groups:
        group["eps"] = epsilon
    return optimizer


def recipes(rates: Sequence[float], epochs: Sequence[int]) -> list[OneCycle]:
    """What an expert tries: every rate with every number of epochs."""
    return [HandTuned.fit.but(lr=rate, epochs=count) for count in epochs for rate in rates]


fruit = ImageFolder("data/grocery.zip", size=64, augment=Augment(flip=True, crop=0.5))
reviews = Texts("data/clothing.csv", text="Review Text", label="Recommended IND", longest=60, train=4_000)
people = Table("data/adult.csv", "income", train=4_000)
districts = Table("data/california_housing.csv", "MedHouseVal", train=4_000)
ratings = Ratings("data/movielens.csv", train=20_000)
words = TextPairs("data/cmudict.tsv", train=4_000, split=Split(test=0.008), validation=0.02)

confirmed = [Auto, KerasDefaults, FastaiDefaults, HandTuned]
families = [
    Cell("pictures", arms=confirmed, grid=recipes([3e-3, 1e-2, 3e-2], [6, 12]), about="2,000 articles of clothing"),
    Cell("texts", arms=confirmed, data=reviews, grid=recipes([3e-3, 1e-2], [3, 5]), about="4,000 reviews"),
    Cell("census", arms=confirmed, data=people, grid=recipes([1e-3, 3e-3, 1e-2], [5, 10]), about="4,000 people"),
    Cell("houses", arms=confirmed, data=districts, grid=recipes([3e-3, 1e-2, 3e-2], [10, 30]), about="4,000 districts"),
    Cell("films", arms=confirmed, data=ratings, grid=recipes([1e-3, 3e-3, 1e-2], [4, 8]), about="20,000 ratings"),
]
sounds = Cell(
    "sounds",
    arms=confirmed,
    data=words,
    grid=recipes([3e-3, 1e-2], [5, 10]),
    about="4,000 English words",
)
photos = Cell(
    "photos",
    arms=[Auto, KerasTransfer, FastaiTransfer, HandTuned],
    data=fruit,
    model=Pretrained("data/mobilenet_v2.pth"),
    grid=[*recipes([1e-3, 3e-3], [6]), *recipes([1e-3], [12])],
    about="732 photos of fruit, MobileNetV2 with ImageNet's weights",
)


def claims(
    cell: str, letter: str, within: float, keras: type[Auto] = KerasDefaults, fastai: type[Auto] = FastaiDefaults
) -> list[Claim]:
    """The three questions that each family is asked."""
    return [
        Claim.differs(keras, Auto, cell=cell, name=f"{letter}1", why="better or worse than what Keras says"),
        Claim.differs(fastai, Auto, cell=cell, name=f"{letter}2", why="better or worse than what fastai says"),
        Claim.equal(
            HandTuned, Auto, within=within, cell=cell, name=f"{letter}3", why="what tuning by hand has left to gain"
        ),
    ]


all_data = {"data__train": None}
experiment = Experiment(
    baseline=Auto,
    arms=[KerasDefaults, FastaiDefaults, HandTuned, KerasTransfer, FastaiTransfer],
    seeds=10,
    first_seed=200,
    measure="test/miss",
    cells=[*families, sounds, photos],
    claims=[
        *claims("pictures", "P", 0.10),
        *claims("texts", "T", 0.10),
        *claims("census", "C", 0.05),
        *claims("houses", "H", 0.05),
        *claims("films", "F", 0.03),
        *claims("sounds", "S", 0.10),
        *claims("photos", "I", 0.25, KerasTransfer, FastaiTransfer),
    ],
    choose=Choice(
        field="fit",
        values=recipes([1e-3, 3e-3, 1e-2], [5, 10]),
        arms=[HandTuned],
        seeds=2,
        measure="validation/miss",
    ),
    tiers={
        "smoke": Tier(
            cells=families[2:5], arms=[Auto, KerasDefaults, FastaiDefaults], seeds=1, choosing=False, minutes=0.5
        ),
        "default": Tier(cells=families[:1], seeds=3, minutes=1),
        "full": Tier(cells=families, minutes=10),
        "more": Tier(cells=[sounds, photos], minutes=22),
        "gpu": Tier(changes=all_data, minutes=240),
    },
)
