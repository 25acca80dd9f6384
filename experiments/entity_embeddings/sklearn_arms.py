"""scikit-learn's estimators as arms: a Learner whose answers come from one, fitted on codes or on learnt embeddings."""

from __future__ import annotations

import abc
import functools
from typing import Any, ClassVar, Literal

import numpy as np
import scipy.sparse
import torch
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor
from threadpoolctl import ThreadpoolController
from torch import nn

from workbench import Learner, streams
from workbench.data.values import Rows
from workbench.errors import FieldError
from workbench.parts import Part

Reads = Literal["embeddings", "codes", "one-hot", "categories"]

_NATIVE = 255
"""scikit-learn's boosting takes at most so many values of a column as categories."""


class Estimator(Part):
    """A regressor of scikit-learn, described; its random state comes from the run's seeds."""

    one_choice: ClassVar[bool] = True

    @abc.abstractmethod
    def build(self, state: int, categories: list[int]) -> Any:
        """The estimator, not fitted.

        Args:
            state: for its random draws.
            categories: the columns that are to be taken as categories; only boosting can.
        """


class Neighbours(Estimator):
    """The mean of the ``k`` nearest training rows, weighed by 1 / distance."""

    k: int = 10

    def build(self, state: int, categories: list[int]) -> Any:
        """See :meth:`Estimator.build`."""
        return KNeighborsRegressor(self.k, weights="distance", algorithm="brute")


class Forest(Estimator):
    """A random forest; ``share`` of the columns is tried at a split, ``leaf`` rows at least lie in a leaf."""

    trees: int = 50
    share: float = 1.0
    leaf: int = 1

    def build(self, state: int, categories: list[int]) -> Any:
        """See :meth:`Estimator.build`."""
        options = {"max_features": self.share, "min_samples_leaf": self.leaf}
        return RandomForestRegressor(self.trees, random_state=state, n_jobs=1, **options)


class Boosting(Estimator):
    """Gradient boosting on binned columns: ``rounds`` trees of 31 leaves, each times ``rate``."""

    rounds: int = 500
    rate: float = 0.1

    def build(self, state: int, categories: list[int]) -> Any:
        """See :meth:`Estimator.build`."""
        options = {"early_stopping": False, "categorical_features": categories or None}
        return HistGradientBoostingRegressor(
            max_iter=self.rounds, learning_rate=self.rate, random_state=state, **options
        )


class Answering(Learner):
    """A Learner of one number from the rows of a table, whose answers an ``estimator`` gives; None: the network itself.

    ``reads``: what the estimator sees beside the table's numbers. "embeddings" are those that the network has
    learnt in this very run. For the others nothing is trained: "codes" are the ids of the values (1 is the commonest),
    "one-hot" has a column a value, and "categories" are the codes, of which boosting is told that they are categories
    where a column has fewer than 256.

    The estimator is fitted when the first answer is asked for after a step, not in an event: so a run that was
    resumed, or that was given its weights, fits it too, and nothing of it has to be kept in a checkpoint.
    """

    estimator: Estimator | None = None
    reads: Reads = "embeddings"
    _fitted: tuple[tuple[int, int], Any] | None = None

    def step(self, state: Any, hooks: Any) -> None:
        """As ever, or nothing: where no embeddings are read there is nothing to train, and the loss is the mean's."""
        if self.estimator is None or self.reads == "embeddings":
            super().step(state, hooks)
        else:
            nothing = torch.zeros(len(state.batch), self.expects.signature.outputs, device=state.device)
            state.loss = self.loss(nothing, state.batch)

    def forward(self, model: nn.Module, x: Rows) -> torch.Tensor:
        """The network's output while it trains, the estimator's answers when it is evaluated: both standardised."""
        if self.estimator is None or model.training or self.state is None:
            return super().forward(model, x)
        estimator = self._estimator(model)
        with _pools().limit(limits=self.threads):
            found = estimator.predict(self._columns(model, x))
        return torch.from_numpy(found).float()[:, None].to(self.device)

    def _estimator(self, model: nn.Module) -> Any:
        """Fitted on the training rows as the network sees them after its last step."""
        assert self.state is not None and self.estimator is not None
        train = self.state.data.train
        when = (self.state.step, len(train))
        if self._fitted is None or self._fitted[0] != when:
            target = self.state.data.target
            if type(target).__name__ != "Regression" or train.targets.shape[1] != 1:
                raise FieldError("an estimator answers with one number", hint="Take a column of numbers as the label")
            y = (train.targets[:, 0].double() - target.mean[0]) / target.std[0]
            seed = streams.key(self.seeds.init, "estimator") % 2**32
            estimator = self.estimator.build(seed, self._categories() if self.reads == "categories" else [])
            with _pools().limit(limits=self.threads):
                estimator.fit(self._columns(model, train.inputs), y.numpy())
            self._fitted = when, estimator
        return self._fitted[1]

    def _categories(self) -> list[int]:
        found = self.expects.signature.cardinalities
        return [column for column, values in enumerate(found) if values <= _NATIVE]

    def _columns(self, model: nn.Module, x: Rows) -> Any:
        """float32 (rows, columns), sparse for one-hot."""
        ids, numbers = x.categories, x.numbers.cpu().numpy()
        if self.reads == "embeddings":
            vectors = model.embeddings().values()
            pieces = [table[ids[:, column]].cpu().numpy() for column, table in enumerate(vectors)]
            return np.hstack([*pieces, numbers])
        if self.reads == "one-hot":
            # the forest takes sparse columns only where their positions are int32
            sizes = np.array(self.expects.signature.cardinalities, dtype=np.int32)
            places = ids.cpu().numpy().astype(np.int32) + sizes.cumsum(dtype=np.int32) - sizes
            starts = np.arange(len(places) + 1, dtype=np.int32) * np.int32(len(sizes))
            ones = np.ones(places.size, dtype=np.float32)
            coded = scipy.sparse.csr_matrix((ones, places.ravel(), starts), shape=(len(places), int(sizes.sum())))
            return scipy.sparse.hstack([coded, scipy.sparse.csr_matrix(numbers)], format="csr")
        return np.hstack([ids.cpu().numpy().astype(np.float32), numbers])


@functools.cache
def _pools() -> ThreadpoolController:
    """The thread pools of numpy and scikit-learn, which torch's number of threads does not reach."""
    return ThreadpoolController()
