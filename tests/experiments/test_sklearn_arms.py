"""Arms that scikit-learn answers for: held against scikit-learn called by hand on the same rows, and resumed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor

from workbench import Callback, Learner, OneCycle, Table, TabularNetwork, streams
from workbench.data.items import Datasets, Items
from workbench.errors import FieldError
from workbench.study.spec import load_spec
from workbench.training.checkpoint import save_checkpoint, save_weights, weights_hash
from workbench.training.result import Result
from workbench.training.state import State

ROOT = Path(__file__).resolve().parents[2]
load_spec(ROOT, "entity_embeddings")
arms: Any = sys.modules["sklearn_arms"]
STATE = streams.key(0, "estimator") % 2**32


class Age(arms.Answering):  # type: ignore[misc]
    """How old people of a census are."""

    data = Table("data/adult.csv", "age", train=600)
    model = TabularNetwork(width=3, layers=(16,))
    fit = OneCycle(epochs=2, batch=64, lr=1e-2)


class Grown(Age):
    """A forest on the embeddings."""

    estimator = arms.Forest(trees=8)


@pytest.fixture(autouse=True)
def _data(carried: Callable[[str], Path]) -> None:
    carried("data/adult.csv")


def learner(cls: type[Learner], **changes: Any) -> Learner:
    return cls.but(**changes)(root=ROOT, device="cpu")


def codes(items: Items) -> np.ndarray:
    return np.hstack([items.inputs.categories.numpy(), items.inputs.numbers.numpy()]).astype(np.float32)


def one_hot(data: Datasets, items: Items) -> np.ndarray:
    columns = [np.eye(n)[items.inputs.categories[:, c]] for c, n in enumerate(data.signature.cardinalities)]
    return np.hstack([*columns, items.inputs.numbers.numpy()])


def embedded(result: Result, items: Items) -> np.ndarray:
    tables = result.model.embeddings().values()  # type: ignore[operator]
    columns = [table[items.inputs.categories[:, c]].numpy() for c, table in enumerate(tables)]
    return np.hstack([*columns, items.inputs.numbers.numpy()])


def rmse(estimator: Any, train: np.ndarray, test: np.ndarray, data: Datasets) -> float:
    y, truth = data.train.targets[:, 0].double().numpy(), data.test.targets[:, 0].double().numpy()
    mean, std = data.target.mean[0], data.target.std[0]  # type: ignore[attr-defined]
    found = estimator.fit(train, (y - mean) / std).predict(test) * std + mean
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def test_on_codes_and_columns_it_is_scikit_learn_and_nothing_is_trained() -> None:
    wide = {"estimator": arms.Neighbours(k=7), "reads": "one-hot"}
    grown, near = learner(Grown, reads="codes"), learner(Age, **wide)
    boosted = learner(Age, estimator=arms.Boosting(rounds=20), reads="categories")
    fresh = weights_hash(grown.begin().model)
    result = grown.run()
    assert weights_hash(result.model) == fresh
    data = grown.state.data  # type: ignore[union-attr]
    forest = RandomForestRegressor(8, random_state=STATE, max_features=1.0)
    expected = rmse(forest, codes(data.train), codes(data.test), data)
    assert result.metrics["test/rmse"] == pytest.approx(expected, rel=1e-5)
    neighbours = KNeighborsRegressor(7, weights="distance", algorithm="brute")
    expected = rmse(neighbours, one_hot(data, data.train), one_hot(data, data.test), data)
    assert near.run().metrics["test/rmse"] == pytest.approx(expected, rel=0.01)  # of equally near rows others may count
    parted = learner(Grown, reads="one-hot").run()
    forest = RandomForestRegressor(8, random_state=STATE, max_features=1.0)
    expected = rmse(forest, one_hot(data, data.train).astype(np.float32), one_hot(data, data.test), data)
    assert parted.metrics["test/rmse"] == pytest.approx(expected, rel=0.03)  # equally good splits may be others
    few = list(range(len(data.signature.cardinalities)))
    boosting = HistGradientBoostingRegressor(
        max_iter=20, random_state=STATE, early_stopping=False, categorical_features=few
    )
    expected = rmse(boosting, codes(data.train), codes(data.test), data)
    assert boosted.run().metrics["test/rmse"] == pytest.approx(expected, rel=1e-5)


def test_on_embeddings_the_network_is_the_baselines_and_scikit_learn_answers() -> None:
    plain, grown = learner(Age), learner(Grown)
    alone, result = plain.run(), grown.run()
    assert weights_hash(result.model) == weights_hash(alone.model)
    data = grown.state.data  # type: ignore[union-attr]
    forest = RandomForestRegressor(8, random_state=STATE, max_features=1.0)
    expected = rmse(forest, embedded(result, data.train), embedded(result, data.test), data)
    assert result.metrics["test/rmse"] == pytest.approx(expected, rel=1e-5)
    assert result.metrics["test/rmse"] != alone.metrics["test/rmse"]


def test_a_run_that_goes_on_or_is_given_its_weights_fits_it_again(tmp_path: Path) -> None:
    class Kept(Callback):
        """A checkpoint in the middle, and one at the end."""

        def step_end(self, state: State) -> None:
            """After these steps."""
            if state.step in (7, state.steps):
                save_checkpoint(tmp_path / f"{state.step}", state)

    whole = learner(Grown).run(callbacks=[Kept()])
    save_weights(tmp_path / "weights", whole.model, {})
    for name in ("7", "20"):
        assert learner(Grown).run(resume=tmp_path / name).metrics == whole.metrics
    assert learner(Grown).run(trained=tmp_path / "weights").metrics == whole.metrics


def test_classes_are_refused() -> None:
    with pytest.raises(FieldError, match="one number"):
        learner(Grown, data=Table("data/adult.csv", "income", train=600)).run()
