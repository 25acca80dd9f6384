"""Ratings: columns are found, ids follow training, and what is unseen is 0."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import workbench
from workbench.data.encoding import restored
from workbench.data.ratings import Ratings, RatingsEncoder
from workbench.data.split import Split
from workbench.data.targets import Rating, Regression
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds

SEEDS = Seeds.of(0)


def made(rows: int = 200) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    pairs = generator.choice(12 * 30, rows, replace=False)
    return pd.DataFrame(
        {
            "user_id": pairs // 30,
            "movie_id": [f"m{n}" for n in pairs % 30],
            "rating": generator.integers(1, 6, rows),
            "timestamp": 880_000_000 + generator.permutation(rows),
        }
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made().to_csv(tmp_path / "a.csv", index=False)
    return tmp_path


def test_everything_is_inferred_and_said(root: Path) -> None:
    data = Ratings("a.csv").load(SEEDS, root)
    assert isinstance(data.target, Rating) and data.target.limits == (1, 5)
    assert data.signature.kind == "ratings" and data.signature.limits == (1, 5) and data.signature.outputs == 1
    assert data.train.inputs.shape == (160, 2) and data.train.targets.shape == (160, 1) and len(data.test) == 40
    said = {name: (value, why) for name, value, why in data.why}
    assert said["data.columns"] == ("user_id, movie_id, rating", "by the columns' names")
    assert said["data.split"][1].startswith("test: 0.2 of the items by content hash (40 of 200); ")
    assert data.signature.users == said["data.users"][0] + 1 and data.signature.things == said["data.items"][0] + 1


def test_a_column_of_parts_is_followed_and_is_none_of_the_three() -> None:
    parts = ["train"] * 150 + ["valid"] * 20 + ["test"] * 30
    frame = pd.DataFrame({"split": parts, "who": range(200), "what": range(200), "much": made()["rating"]})
    data = Ratings.of(frame).load(SEEDS, Path(), choosing=True)
    assert [len(items) for _, items in data.splits()] == [150, 20, 30]
    assert data.why[0][:2] == ("data.columns", "who, what, much")
    assert "given by column 'split'" in data.why[1][2]
    assert len(Ratings.of(frame, split=Split("random")).load(SEEDS, Path()).test) == 40


def test_the_target_can_be_set_with_public_names(root: Path) -> None:
    wide = Ratings("a.csv", target=workbench.Rating(limits=(0, 10))).load(SEEDS, root)
    assert isinstance(wide.target, Rating) and wide.target.limits == (0, 10) and wide.signature.limits == (0, 10)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("user", "item", "rating"), ("user", "item", "rating")),
        (("ISBN", "User-ID", "Book-Rating"), ("User-ID", "ISBN", "Book-Rating")),
        (("stars", "reviewer", "product"), ("reviewer", "product", "stars")),
        (("1", "2", "3"), ("1", "2", "3")),
        (("userId", "song", "listened"), ("userId", "song", "listened")),
    ],
)
def test_columns_are_found_by_name_or_order(names: tuple[str, ...], found: tuple[str, ...]) -> None:
    frame = made()[["user_id", "movie_id", "rating", "timestamp"]]
    order = [found.index(name) for name in names]
    three = frame.iloc[:, order].set_axis(list(names), axis=1)
    data = Ratings.of(three.assign(time=frame["timestamp"])).load(SEEDS, Path())
    assert data.why[0][1] == ", ".join(found)


def test_ids_are_those_of_the_training_ratings(root: Path) -> None:
    data = Ratings("a.csv", split=Split("group", column="user_id", test=0.25)).load(SEEDS, root)
    assert not data.test.inputs[:, 0].any() and data.train.inputs[:, 0].all()
    counts = torch.bincount(data.train.inputs[:, 1])[1:]
    assert (counts[:-1] >= counts[1:]).all()
    assert data.signature.users == 10


def test_rare_ones_count_as_unseen(root: Path) -> None:
    plain, strict = (Ratings("a.csv", min_count=n).load(SEEDS, root) for n in (1, 6))
    counts = torch.bincount(plain.train.inputs[:, 1])
    assert strict.signature.things == int((counts[1:] >= 6).sum()) + 1
    assert (strict.train.inputs[:, 1] == 0).sum() == counts[1:][counts[1:] < 6].sum()


def test_the_newest_are_the_test(root: Path) -> None:
    data = Ratings("a.csv", time="timestamp").load(SEEDS, root)
    assert ("data.split", "time", "test: the last 0.2 by 'timestamp' (40 of 200); as asked for") in data.why
    newest = made().nlargest(40, "timestamp")
    assert sorted(data.test.targets.flatten().tolist()) == sorted(newest["rating"].tolist())


def test_ratings_of_the_same_pair_stay_together() -> None:
    twice = pd.concat([made(), made().assign(rating=3).head(60)])
    data = Ratings.of(twice).load(SEEDS, Path(), choosing=True)
    assert data.validation is not None
    sides = [set(each.keys) for each in (data.train, data.validation, data.test)]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 200


def test_limits_can_be_said(root: Path) -> None:
    assert Ratings("a.csv", low=0, high=10).load(SEEDS, root).signature.limits == (0, 10)
    assert Ratings("a.csv", high=10).load(SEEDS, root).signature.limits == (1, 10)
    assert isinstance(Ratings("a.csv", target=Regression()).load(SEEDS, root).target, Regression)


def test_a_subset_is_drawn_from_its_stream(root: Path) -> None:
    one, other = (Ratings("a.csv", train=50).load(Seeds.of(seed), root) for seed in (0, 1))
    assert len(one.train) == 50 and one.train.keys != other.train.keys and one.test.keys == other.test.keys
    with pytest.raises(FieldError, match="train is 161, but there are 160"):
        Ratings("a.csv", train=161).load(SEEDS, root)


def test_the_encoder_takes_pairs_rows_and_frames(root: Path) -> None:
    encoder = Ratings("a.csv").load(SEEDS, root).encoder
    frame = made().head(5)
    ids = encoder.encode(frame)  # type: ignore[arg-type]
    pairs = list(zip(frame["user_id"], frame["movie_id"], strict=True))
    assert torch.equal(encoder.encode(pairs), ids)
    assert torch.equal(encoder.encode(frame.to_dict("records")), ids)
    known, movie = encoder.encode([(3, "m1")])[0].tolist()
    assert known and encoder.encode([(99, "m1"), ("3", "nothing")]).tolist() == [[0, movie], [known, 0]]
    assert encoder.show(encoder.encode([(3, "m1"), (99, "m1")]), 1) == "user_id ?, movie_id m1"
    assert encoder.show(encoder.encode([(3, "m1")]), 0) == "user_id 3, movie_id m1"
    again = restored("RatingsEncoder", json.loads(json.dumps(encoder.describe())))
    assert isinstance(again, RatingsEncoder) and torch.equal(again.encode(pairs), ids)
    with pytest.raises(DataError, match=r"item 0: 'm1' is no pair of user and item\. Give \(user, item\)"):
        encoder.encode(["m1"])
    with pytest.raises(DataError, match="item 0: 'movie_id' is missing; did you mean 'movie'"):
        encoder.encode([{"user_id": 1, "movie": 2}])


def test_what_cannot_be_is_refused(root: Path) -> None:
    for fields, words in (
        ({"user": "userid"}, r"Ratings\.user is 'userid', which is no column; did you mean 'user_id'"),
        ({"time": "stamp"}, r"Ratings\.time is 'stamp', .* did you mean 'timestamp'"),
        ({"low": 2}, "training targets reach from 1 to 5"),
    ):
        with pytest.raises(FieldError, match=words):
            Ratings("a.csv", **fields).load(SEEDS, root)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no column is left that could be the rating"):
        Ratings.of(made()[["user_id", "movie_id"]]).load(SEEDS, Path())
    with pytest.raises(DataError, match="40 rows have no 'movie_id'"):
        Ratings.of(made().assign(movie_id=[None, *"abcd"] * 40)).load(SEEDS, Path())
    fields: dict[str, Any]
    for fields in ({"low": 5, "high": 1}, {"split": Split("stratified")}, {"time": "t", "split": Split("random")}):
        with pytest.raises(FieldError):
            Ratings("a.csv", **fields)
    with pytest.raises(FieldError, match="nothing pins"):
        Ratings.of(made()).files()


def test_words_are_no_ratings() -> None:
    """SingleLabel was suggested, whose network then asked for Rating."""
    frame = pd.DataFrame({"user": [1, 2, 3, 4], "item": [1, 2, 1, 2], "rating": ["good", "bad", "good", "bad"]})
    with pytest.raises(FieldError, match=r"'rating' holds texts, and a rating is a number\. Name another with rating="):
        Ratings.of(frame).load(Seeds(), Path())
