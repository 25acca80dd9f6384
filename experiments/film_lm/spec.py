"""A small LSTM learns how film reviews go on: the language model that experiments/lm_finetune begins with."""

from workbench import Experiment, Learner, OneCycle, Split, TextNetwork, Texts, Tier


class Films(Learner):
    """6,000 reviews, each read once."""

    data = Texts(
        "data/movie_reviews.csv", text="text", target=None, split=Split("random", test=0.02), train=6_000, most=5_000
    )
    model = TextNetwork("lstm", width=128, layers=2, tied=True, dropout=0.1)
    fit = OneCycle(epochs=1, batch=8, lr=5e-3, clip=1.0)


class Few(Films):
    """300 reviews and a short vocabulary: a model that is no good, for smoke tests of what starts from it."""

    data = Films.data.but(train=300, most=1_000, split=Split("random", test=0.002))
    confounded = "all of it makes the run short"


class Large(Films):
    """All the reviews ten times, 3 layers of width 1,024: for a GPU."""

    data = Films.data.but(train=None, most=30_000)
    model = Films.model.but(width=1_024, layers=3, dropout=0.4)
    fit = Films.fit.but(epochs=10, batch=64, lr=2e-3)
    confounded = "a larger network needs more data and another recipe"


experiment = Experiment(
    baseline=Films,
    arms=[Few, Large],
    seeds=1,
    measure="test/loss",
    tiers={
        "smoke": Tier(arms=[Few], minutes=0.4),
        "default": Tier(arms=[Films, Few], minutes=3),
        "full": Tier(arms=[Films, Few], minutes=3),
        "gpu": Tier(arms=[Large]),
    },
)
