"""The film reviews' language model goes on with reviews of clothes: ULMFiT's middle step, for experiments/lm_finetune.

The test part, a fifth of the reviews by content hash, is that of lm_finetune: no word of it is learnt from.
"""

from workbench import Experiment, Learner, OneCycle, Split, TextNetwork, Texts, Tier


class Adapted(Learner):
    """Starts from the film reviews' language model and reads every other review of clothes once."""

    data = Texts("data/clothing.csv", text="Review Text", target=None, split=Split("random"), most=5_000)
    model = TextNetwork(weights="experiments/film_lm", dropout=0.1)
    fit = OneCycle(epochs=1, batch=8, lr=3e-3, clip=1.0)


class Alone(Adapted):
    """Starts from random weights: what the reviews of clothes alone teach."""

    model = TextNetwork("lstm", width=128, layers=2, tied=True, dropout=0.1)


class Few(Adapted):
    """300 reviews from a model that is no good either, for smoke tests of what starts from it."""

    data = Adapted.data.but(train=300, counted="all", split=Split("random", test=0.002))
    model = Adapted.model.but(weights="experiments/film_lm:Few")
    confounded = "all of it makes the run short"


class Large(Adapted):
    """The large model of film reviews goes on: for a GPU."""

    data = Adapted.data.but(most=30_000)
    model = Adapted.model.but(weights="experiments/film_lm:Large", dropout=0.4)
    fit = Adapted.fit.but(epochs=10, batch=64, lr=1e-3)
    confounded = "a larger network needs another recipe"


small = [Adapted, Alone, Few]
experiment = Experiment(
    baseline=Adapted,
    arms=[Alone, Few, Large],
    seeds=1,
    measure="test/loss",
    tiers={
        "smoke": Tier(arms=[Few], minutes=0.6),
        "default": Tier(arms=small, minutes=5),
        "full": Tier(arms=small, minutes=5),
        "gpu": Tier(arms=[Large]),
    },
)
