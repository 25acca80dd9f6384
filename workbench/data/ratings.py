"""Ratings: who gave what how much."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from workbench.data.encoding import Encoder
from workbench.data.items import Data, Datasets, Items, check_count
from workbench.data.signature import Signature
from workbench.data.split import Split, by_time, divide, following, refuse_two_ways
from workbench.data.splits import stratified
from workbench.data.table_encoder import Coded
from workbench.data.table_files import hold, require_file, row_keys, stamp, table
from workbench.data.targets.base import Row, Target
from workbench.data.targets.columns import columns_of, kind_of
from workbench.data.targets.inference import Answers, read_answers
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.rating import Rating
from workbench.data.targets.single_label import SingleLabel
from workbench.errors import DataError, FieldError, nearest
from workbench.streams import Seeds, numpy_generator

if TYPE_CHECKING:
    import pandas as pd

_USER = re.compile(r"user|reader|viewer|customer|member|person|listener", re.IGNORECASE)
_RATING = re.compile(r"rating|score|stars|grade|points", re.IGNORECASE)
_TIME = re.compile(r"time|date|day|year", re.IGNORECASE)


class Ratings(Data):
    """One row a rating: a user, an item, and how much.

    ``path``: a CSV file (also gzipped) or a Parquet file, relative to the project's root; for a frame in memory see
    :meth:`of`. ``user``, ``item``, ``rating``: the columns; None takes them by their names, else by their order.
    ``low``, ``high``: the limits of the ratings; None takes those of the training ratings. ``min_count``: a user or
    an item with fewer training ratings counts as unseen.
    ``split``: how the ratings are divided; "auto" follows a column "split" of train and test where there is one, else
    it is random by the content hash of user and item.
    ``Split("group", column=...)`` holds whole users out, which are unseen then. ``time``: a column; the newest
    ratings are to be predicted from the older ones.
    ``train``: how many training ratings, drawn from the stream (seeds.subset, "subset"); None takes all.
    ``target``: "auto" is ``Rating()``, a sigmoid between the limits; ``Regression()`` has no limits.

    Raises:
        FieldError: counts that cannot be, limits that do not rise or stand beside a target, a split by class, or two
            ways to divide the ratings.
    """

    path: str = field(kw_only=False)
    user: str | None = None
    item: str | None = None
    rating: str | None = None
    low: float | None = None
    high: float | None = None
    min_count: int = 1
    split: Split = Split()
    time: str | None = None
    train: int | None = None

    def check(self) -> None:
        """Refuse limits that do not rise, and two ways to divide the ratings."""
        super().check()
        check_count(self, "min_count", 1)
        check_count(self, "train", 1)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise FieldError(f"Ratings.low is {self.low:g} and high is {self.high:g}; high has to be above low")
        if self.target != "auto" and (self.low is not None or self.high is not None):
            raise FieldError("Ratings.target is set, so low and high say nothing", hint="Use Rating(limits=...) alone.")
        if self.split.by == "stratified":
            raise FieldError("Ratings.split is 'stratified', but ratings have no classes", hint="Use 'random'.")
        refuse_two_ways("Ratings", self.split, self.time)

    @classmethod
    def of(cls, frame: pd.DataFrame, **fields: Any) -> Self:
        """The same for a ``frame`` in memory, for notebooks; it is copied and known by its content.

        An experiment refuses it, as nothing pins it. ``fields``: of the part, e.g. ``time``.
        """
        return cls(hold(frame), **fields)

    @property
    def divided(self) -> Split:
        """How the ratings are divided, with ``time`` taken in."""
        return by_time(self.split, self.time)

    def files(self) -> tuple[str, ...]:
        """The one file; raises :class:`FieldError` for a frame in memory."""
        return (require_file(self.path),)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        drawn = None if self.train is None else seeds.subset
        return _loaded(self, root, stamp(root, self.path), drawn, choosing)


class RatingsEncoder(Encoder):
    """Users and items as ids by how often training has them; 0 is unseen.

    Attributes:
        names: the columns of user and item.
        users, items: the users and items with the ids 1, 2, ..., as texts.
    """

    def __init__(self, names: Sequence[str], users: Sequence[str], items: Sequence[str]) -> None:
        self.names = (names[0], names[1])
        self.users, self.items = tuple(users), tuple(items)
        self._ids = [{name: number + 1 for number, name in enumerate(each)} for each in (self.users, self.items)]

    @classmethod
    def fit(cls, frame: pd.DataFrame, names: Sequence[str], *, min_count: int = 1) -> Self:
        """Fitted on training ratings."""
        users, items = (Coded.of(frame[name]).vocabulary(min_count) for name in names)
        return cls(names, users, items)

    def encode(self, items: Sequence[Any] | pd.DataFrame) -> torch.Tensor:
        """Ids, int64 of shape (n, 2).

        Args:
            items: (user, item) pairs, dictionaries or a frame with the two columns.

        Raises:
            DataError: an item is no pair, or a column is missing.
        """
        import pandas as pd

        if isinstance(items, pd.DataFrame):
            frame = items.rename(columns=str)
        else:
            frame = pd.DataFrame([self._pair(each, n) for n, each in enumerate(items)], columns=list(self.names))
        for name in self.names:
            if name not in frame:
                raise DataError(f"the column '{name}' is missing{nearest(name, map(str, frame.columns))}")
        ids = [Coded.of(frame[name]).ids(known) for name, known in zip(self.names, self._ids, strict=True)]
        return torch.stack([torch.from_numpy(each) for each in ids], dim=1)

    def show(self, inputs: torch.Tensor, position: int) -> str:
        """``user_id 196, movie_id 242``; one that training did not have is ?."""
        known = (self.users, self.items)
        shown = [known[side][number - 1] if number else "?" for side, number in enumerate(inputs[position].tolist())]
        return ", ".join(f"{name} {each}" for name, each in zip(self.names, shown, strict=True))

    def describe(self) -> dict[str, Any]:
        """See :meth:`Encoder.describe`."""
        return {"names": list(self.names), "users": list(self.users), "items": list(self.items)}

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """See :meth:`Encoder.restored`."""
        return cls(values["names"], values["users"], values["items"])

    def _pair(self, item: Any, position: int) -> tuple[Any, Any]:
        if isinstance(item, Mapping):
            missing = [name for name in self.names if name not in item]
            if missing:
                raise DataError(
                    f"'{missing[0]}' is missing{nearest(missing[0], map(str, item))}", where=f"item {position}"
                )
            return item[self.names[0]], item[self.names[1]]
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise DataError(
                f"{item!r} is no pair of user and item", where=f"item {position}", hint="Give (user, item)."
            )
        return item[0], item[1]


@functools.lru_cache(maxsize=4)
def _loaded(part: Ratings, root: Path, changed: Any, drawn: int | None, choosing: bool) -> Datasets:
    """The data sets, kept for the process: all runs of an experiment read the same ones."""
    frame = table(root, part.path)
    split = following(part.divided, frame)
    (user, item, rating), why = _columns(part, frame, split)
    frame, gone = _rated(frame, (user, item), rating, part.path)
    answers = _read(part, frame, rating)
    keys = row_keys(frame[[user, item]])
    division = divide(
        keys,
        split,
        column=None if split.column is None else frame[split.column].tolist(),
        validation=part.validation,
        choosing=choosing,
    )
    training = division.train
    if part.train is not None and drawn is not None:
        training = training[stratified(answers.y[training], part.train, numpy_generator(drawn, "subset"))]
    encoder = RatingsEncoder.fit(frame.iloc[training.numpy()], (user, item), min_count=part.min_count)
    target = _bounded(part, answers.target, answers.y[training]).fitted(answers.y[training])
    items = Items(encoder.encode(frame), answers.y, keys)
    rows: list[Row] = [
        ("data.columns", f"{user}, {item}, {rating}", why),
        ("data.split", division.by, f"{division.rule}; {division.why}"),
        ("data.users", len(encoder.users), f"with at least {part.min_count} training ratings"),
        ("data.items", len(encoder.items), f"with at least {part.min_count} training ratings"),
    ]
    if gone:
        rows.append(("data.rows", f"{gone:,} left out", "they have no rating"))
    return Datasets(
        train=items.subset(training),
        validation=None if division.validation is None else items.subset(division.validation),
        test=items.subset(division.test),
        classes=answers.classes,
        target=target,
        signature=_signature(encoder, target, len(answers.classes), (user, item)),
        encoder=encoder,
        why=tuple(rows),
    )


def _signature(encoder: RatingsEncoder, target: Target, classes: int, columns: tuple[str, str]) -> Signature:
    return Signature(
        "ratings",
        target.width(classes),
        users=len(encoder.users) + 1,
        things=len(encoder.items) + 1,
        limits=getattr(target, "limits", None),
        columns=columns,
    )


def _columns(part: Ratings, frame: pd.DataFrame, split: Split) -> tuple[tuple[str, str, str], str]:
    """The columns of user, item and rating, and how they were found."""
    there = list(frame.columns)
    said = {"user": part.user, "item": part.item, "rating": part.rating}
    extra = {"time" if part.time is not None else "split.column": part.divided.column}
    for name, column in {**said, **extra}.items():
        if column is not None and column not in there:
            raise FieldError(
                f"Ratings.{name} is '{column}', which is no column{nearest(column, there)}", where=part.path
            )
    parts = split.column if part.divided.column is None or split.by == "given" else None
    rest = [name for name in there if name not in said.values() and name not in (part.time, parts)]
    why = "as asked for" if all(said.values()) else "by the columns' names"
    for role, form in (("user", _USER), ("rating", _RATING)):
        named = [name for name in rest if form.search(name)]
        if said[role] is None and len(named) == 1:
            said[role] = rest.pop(rest.index(named[0]))
    rest = [name for name in rest if not _TIME.search(name)]
    for role in ("user", "item", "rating"):
        if said[role] is None:
            if not rest:
                raise DataError(
                    f"no column is left that could be the {role}",
                    where=part.path,
                    hint="Ratings need three columns: say user=..., item=..., rating=...",
                )
            why = why if role == "item" and len(rest) == 1 else "by the columns' order"
            said[role] = rest.pop(0)
    return (str(said["user"]), str(said["item"]), str(said["rating"])), why


def _rated(frame: pd.DataFrame, pair: tuple[str, str], rating: str, where: str) -> tuple[pd.DataFrame, int]:
    """The rows that have a rating, and how many have none."""
    for name in pair:
        missing = int(frame[name].isna().sum())
        if missing:
            raise DataError(f"{missing:,} rows have no '{name}'", where=where, hint="Take them out, or fill it in.")
    kept = frame[frame[rating].notna()]
    return (frame, 0) if len(kept) == len(frame) else (kept.reset_index(drop=True), len(frame) - len(kept))


def _read(part: Ratings, frame: pd.DataFrame, rating: str) -> Answers:
    """The ratings as the target takes them.

    Raises:
        FieldError: they are no numbers.
    """
    kind = kind_of(columns_of(frame[[rating]])[rating])
    if kind not in ("whole", "number") and not isinstance(part.target, SingleLabel | MultiLabel):
        what = {"text": "texts", "bool": "true and false", "list": "lists"}.get(kind, "values of several kinds")
        raise FieldError(
            f"'{rating}' holds {what}, and a rating is a number",
            where=part.path,
            hint="Name another with rating=..., or give each a number: frame[NAME].map({'good': 1, 'bad': 0}).",
        )
    return read_answers(frame[rating], Rating() if part.target == "auto" else part.target, where=part.path)


def _bounded(part: Ratings, target: Any, y: torch.Tensor) -> Any:
    if part.low is None and part.high is None:
        return target
    low = float(y.min()) if part.low is None else part.low
    high = float(y.max()) if part.high is None else part.high
    return target.but(limits=(low, high))
