"""Tables and ratings are learnt from real data, and beat named baselines on the same split."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression, Ridge

from workbench import Collab, Learner, OneCycle, Ratings, Table, TabularNetwork
from workbench.data.items import Datasets, Items
from workbench.data.table_encoder import TableEncoder
from workbench.streams import Seeds
from workbench.training import rows
from workbench.training.resolve import resolve


def project(carried: Callable[[str], Path], root: Path, *names: str) -> Path:
    (root / "data").mkdir()
    for name in names:
        (root / name).symlink_to(carried(name))
    return root


def design(data: Datasets, items: Items) -> npt.NDArray[np.float64]:
    """What a linear model gets: the same numbers, and a column a category."""
    assert isinstance(data.encoder, TableEncoder)
    rows = items.inputs
    categories = [np.eye(n)[rows.categories[:, c]] for c, n in enumerate(data.encoder.cardinalities)]
    return np.hstack([rows.numbers.numpy(), *categories])


def test_income_beats_the_majority_and_logistic_regression(carried: Callable[[str], Path], tmp_path: Path) -> None:
    class Income(Learner):
        """People of a census."""

        data = Table("data/adult.csv", "income")
        fit = OneCycle(epochs=4, batch=256, lr=5e-3)

    learner = Income(root=project(carried, tmp_path, "data/adult.csv"), device="cpu")
    error = learner.run().metrics["test/error"]
    data = Income.data.load(Seeds.of(0), tmp_path)
    linear = LogisticRegression(solver="newton-cholesky").fit(design(data, data.train), data.train.targets)
    assert error < 1 - linear.score(design(data, data.test), data.test.targets)
    assert error < 0.65 * data.target.constant(data.train.targets, data.test.targets)["error"]


def test_house_values_beat_ridge_regression_by_a_fifth(carried: Callable[[str], Path], tmp_path: Path) -> None:
    class Houses(Learner):
        """Districts of California."""

        data = Table("data/california_housing.csv", "MedHouseVal")
        fit = OneCycle(epochs=10, batch=256, lr=5e-3)

    learner = Houses(root=project(carried, tmp_path, "data/california_housing.csv"), device="cpu")
    found = learner.run().metrics
    data = Houses.data.load(Seeds.of(0), tmp_path)
    linear = Ridge().fit(design(data, data.train), data.train.targets)
    off = linear.predict(design(data, data.test)).reshape(-1, 1) - data.test.targets.numpy()
    assert found["test/rmse"] < 0.8 * float(np.sqrt((off**2).mean()))
    assert found["test/mae"] < 0.5 * data.target.constant(data.train.targets, data.test.targets)["mae"]


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A project with scikit-learn's breast cancer table as CSV."""
    bunch = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = bunch.frame
    frame["target"] = bunch.target_names[frame["target"]]
    (tmp_path / "data").mkdir()
    frame.to_csv(tmp_path / "data/cells.csv", index=False)
    return tmp_path


def test_a_small_table_keeps_up_with_logistic_regression(cells: Path) -> None:
    class Cells(Learner):
        """Cells of breasts, and whether they are cancer."""

        data = Table("data/cells.csv", "target")
        fit = OneCycle(epochs=20, batch=32, lr=5e-3)

    errors = [Cells(seed, root=cells, device="cpu").run().metrics["test/error"] for seed in range(3)]
    data = Cells.data.load(Seeds.of(0), cells)
    linear = LogisticRegression(solver="newton-cholesky").fit(design(data, data.train), data.train.targets)
    assert data.classes == ("benign", "malignant")
    assert np.mean(errors) <= 1 - linear.score(design(data, data.test), data.test.targets) + 0.01
    assert np.mean(errors) < 0.15 * data.target.constant(data.train.targets, data.test.targets)["error"]


@pytest.mark.parametrize("kind", ["dot", "neural"])
def test_ratings_beat_the_mean_and_the_means_of_the_films(
    carried: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    class Films(Learner):
        """Who likes which film."""

        data = Ratings("data/movielens.csv")
        model = Collab(kind=kind)  # type: ignore[arg-type]
        fit = OneCycle(epochs=3, batch=512, lr=5e-3, weight_decay=0.1)

    learner = Films(root=project(carried, tmp_path, "data/movielens.csv"), device="cpu")
    rmse = learner.run().metrics["test/rmse"]
    data = Films.data.load(Seeds.of(0), tmp_path)
    assert rmse < 0.86 * data.target.constant(data.train.targets, data.test.targets)["rmse"]
    assert rmse < 0.95 * means(data)
    assert rmse < biases(data)


def means(data: Datasets) -> float:
    """The error of the mean training rating of the film; where it has none, of all."""
    films, ratings = data.train.inputs[:, 1], data.train.targets.flatten().double()
    count = torch.bincount(films, minlength=data.signature.things)
    total = torch.bincount(films, weights=ratings, minlength=data.signature.things)
    mean = torch.where(count > 0, total / count.clamp(min=1), ratings.mean())
    off = mean[data.test.inputs[:, 1]] - data.test.targets.flatten().double()
    return float(off.square().mean().sqrt())


def biases(data: Datasets) -> float:
    """The error of mean, film's and user's bias, a little shrunk (Koren 2010, "Factor in the neighbors")."""
    (users, films), ratings = data.train.inputs.T, data.train.targets.flatten().double()

    def bias(who: torch.Tensor, left: torch.Tensor, many: int) -> torch.Tensor:
        return torch.bincount(who, weights=left, minlength=many) / (torch.bincount(who, minlength=many) + 1)

    left = ratings - ratings.mean()
    of_film = bias(films, left, data.signature.things)
    of_user = bias(users, left - of_film[films], data.signature.users)
    users, films = data.test.inputs.T
    off = ratings.mean() + of_film[films] + of_user[users] - data.test.targets.flatten().double()
    return float(off.square().mean().sqrt())


def test_a_new_row_is_answered(cells: Path) -> None:
    class Cells(Learner):
        data = Table("data/cells.csv", "target", train=100)
        fit = OneCycle(epochs=5, batch=32, lr=5e-3)

    learner = Cells(root=cells, device="cpu")
    learner.run()
    frame = pd.read_csv(cells / "data/cells.csv")
    row = frame.iloc[0].drop("target").to_dict()
    answer = learner.predict(row)
    assert answer.answer == frame["target"][0] and answer.confidence > 0.5
    assert [each.answer for each in learner.predict([row, row])] == [answer.answer] * 2


def test_what_is_auto_follows_stated_rules(cells: Path) -> None:
    found = resolve(type("Cells", (Learner,), {"data": Table("data/cells.csv", "target")}), seeds=Seeds(), root=cells)
    said = {each.name: (each.value, each.why) for each in found.settings}
    assert said["fit.batch"] == (32, "456 training items (below 5,000)")
    assert said["fit.epochs"] == (40, "about 600 steps at 15 an epoch, kept from 3 to 100")
    assert said["fit.lr"][0] == 5e-3 and "range test" in said["fit.lr"][1]
    assert found.changes["fit__weight_decay"] == 0.3 and found.changes["model"] == TabularNetwork(dropout=0.25)


@pytest.mark.parametrize(("train", "batch", "epochs"), [(4_999, 32, 4), (5_000, 256, 100), (39_000, 256, 13)])
def test_many_rows_get_larger_and_more_steps(
    carried: Callable[[str], Path], tmp_path: Path, train: int, batch: int, epochs: int
) -> None:
    root = project(carried, tmp_path, "data/adult.csv")
    data = Table("data/adult.csv", "income", train=train).load(Seeds(), root)
    assert rows.batch(data)[0] == batch
    assert rows.epochs(data, math.ceil(train / batch))[0] == epochs


@pytest.mark.parametrize(("train", "epochs"), [(300, 50), (4_000, 16), (5_000, 100), (16_000, 32)])
def test_numbers_to_predict_get_more_steps_than_classes_of_few_rows(
    carried: Callable[[str], Path], tmp_path: Path, train: int, epochs: int
) -> None:
    root = project(carried, tmp_path, "data/california_housing.csv")
    data = Table("data/california_housing.csv", "MedHouseVal", train=train).load(Seeds(), root)
    assert rows.epochs(data, math.ceil(train / rows.batch(data)[0]))[0] == epochs


def test_ratings_beat_the_films_means_with_nothing_said(carried: Callable[[str], Path], tmp_path: Path) -> None:
    class Films(Learner):
        data = Ratings("data/movielens.csv", train=20_000)

    learner = Films(root=project(carried, tmp_path, "data/movielens.csv"), device="cpu")
    rmse = learner.run().metrics["test/rmse"]
    assert (learner.recipe.batch, learner.recipe.epochs, learner.recipe.lr) == (256, 5, 5e-3)
    assert rmse < means(Films.data.load(Seeds.of(0), tmp_path))


@pytest.mark.parametrize(("train", "batch"), [(14_999, 128), (15_000, 256), (29_999, 256), (30_000, 512), (None, 512)])
def test_more_ratings_get_larger_steps(
    carried: Callable[[str], Path], tmp_path: Path, train: int | None, batch: int
) -> None:
    root = project(carried, tmp_path, "data/movielens.csv")
    data = Ratings("data/movielens.csv", train=train).load(Seeds(), root)
    assert rows.batch(data)[0] == batch


def test_no_step_on_one_row_is_left_where_the_batch_is_found(cells: Path) -> None:
    """32 rows a step would leave one of 449, which batch normalisation cannot take."""
    arm = type("Cells", (Learner,), {"data": Table("data/cells.csv", "target", train=449), "fit": OneCycle(epochs=1)})
    learner = arm(root=cells, device="cpu")
    learner.run()
    assert learner.recipe.batch == 31 and "32 would leave a step on one item" in str(learner.settings())
