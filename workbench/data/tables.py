"""Tables of rows and columns: a file, or a frame in a notebook."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from workbench.data.items import Data, Datasets, Items, check_count
from workbench.data.signature import Signature
from workbench.data.split import Division, Split, by_time, divide, following, refuse_two_ways
from workbench.data.splits import stratified
from workbench.data.table_encoder import TableEncoder, endless
from workbench.data.table_files import hold, require_file, row_keys, stamp, table
from workbench.data.table_roles import Role, Roles, roles
from workbench.data.targets.base import Row, Target
from workbench.data.targets.inference import Answers, read_answers
from workbench.data.targets.multi_label import MultiLabel
from workbench.errors import DataError, FieldError, nearest
from workbench.streams import Seeds, numpy_generator

if TYPE_CHECKING:
    import pandas as pd


class Table(Data):
    """Rows of a table, of which one column (or several) is predicted from the others.

    ``path``: a CSV file (also gzipped) or a Parquet file, relative to the project's root; for a frame in memory see
    :meth:`of`. ``label``: the column or columns to predict.
    ``categories``, ``numbers``, ``dates``: columns that are to be taken as that; what the others are is told from
    what the file holds, and ids and prose are left out, see :func:`workbench.data.table_roles.roles`. ``ignore``:
    columns to leave out. ``min_count``: a category that training has less often counts as unseen.
    ``split``: how the rows are divided; "auto" follows a column "split" of train and test where there is one.
    ``time``: the column by which the rows are ordered, where the newest are to be predicted from the older ones:
    short for ``split=Split("time", column=...)``.
    ``train``: how many training rows, drawn from the stream (seeds.subset, "subset"), with the classes'
    proportions where there are classes; None takes all.

    Rows without a value to predict are left out. Scaling, medians and categories are those of the training rows alone.

    Raises:
        FieldError: no label, counts that cannot be, a column that is named twice, or two ways to divide the rows.
    """

    path: str = field(kw_only=False)
    label: str | tuple[str, ...] = field(kw_only=False)
    categories: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    min_count: int = 2
    split: Split = Split()
    time: str | None = None
    train: int | None = None

    def check(self) -> None:
        """Refuse columns that are named twice, and two ways to divide the rows."""
        super().check()
        check_count(self, "min_count", 1)
        check_count(self, "train", 1)
        if not self.labels:
            raise FieldError("Table.label is (); it takes the name of a column")
        named: dict[str, str] = {}
        for what in ("label", "ignore", "categories", "numbers", "dates"):
            for column in self.labels if what == "label" else getattr(self, what):
                if column in named:
                    raise FieldError(f"'{column}' stands both in Table.{named[column]} and in Table.{what}")
                named[column] = what
        refuse_two_ways("Table", self.split, self.time)

    @classmethod
    def of(cls, frame: pd.DataFrame, label: str | tuple[str, ...], **fields: Any) -> Self:
        """The same for a frame in memory, for notebooks; it is copied and known by its content.

        An experiment refuses it, as nothing pins it: write it to a file under data/ for that.
        """
        return cls(hold(frame), label, **fields)

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns to predict."""
        return (self.label,) if isinstance(self.label, str) else self.label

    @property
    def divided(self) -> Split:
        """How the rows are divided, with ``time`` taken in."""
        return by_time(self.split, self.time)

    def files(self) -> tuple[str, ...]:
        """The one file.

        Raises:
            FieldError: the table is a frame in memory.
        """
        return (require_file(self.path),)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        drawn = None if self.train is None else seeds.subset
        return _loaded(self, root, stamp(root, self.path), drawn, choosing)


_NAMED = 3
"""Columns that an error names."""


@functools.lru_cache(maxsize=4)
def _loaded(part: Table, root: Path, changed: Any, drawn: int | None, choosing: bool) -> Datasets:
    """The data sets, kept for the process: all runs of an experiment read the same ones."""
    frame = table(root, part.path)
    _check_columns(part, frame)
    frame, gone = _answered(frame, part)
    answers = read_answers(frame[list(part.labels)], part.target, where=part.path)
    split = following(part.divided, frame, part.labels)
    division = divide(
        row_keys(frame),
        split,
        targets=answers.y if answers.y.ndim == 1 else None,
        classes=answers.classes,
        column=None if split.column is None else frame[split.column].tolist(),
        validation=part.validation,
        choosing=choosing,
    )
    training = division.train
    if part.train is not None and drawn is not None:
        training = training[stratified(answers.y[training], part.train, numpy_generator(drawn, "subset"))]
    columns = roles(frame, _told(part), _without(part, frame, split, division))
    if not columns.columns:
        raise _nothing_left(columns, part.path)
    encoder = TableEncoder.fit(frame.iloc[training.numpy()], columns, min_count=part.min_count)
    target = answers.target.fitted(answers.y[training])
    groups = tuple(map(str, frame[split.column])) if division.by == "group" else ()
    # which part a row is given to is no content of it: a row in two parts is the same row
    content = frame.drop(columns=str(split.column)) if division.by == "given" else frame
    items = Items(encoder.encode(frame), answers.y, row_keys(content), groups)
    return Datasets(
        train=items.subset(training),
        validation=None if division.validation is None else items.subset(division.validation),
        test=items.subset(division.test),
        classes=answers.classes,
        target=target,
        signature=_signature(encoder, target, answers),
        encoder=encoder,
        why=(*_why(part, answers, division, columns, gone), *_endless(frame, columns)),
    )


def _nothing_left(columns: Roles, where: str) -> FieldError:
    left = [f"'{name}' is left out ({why})" for name, why in columns.left.items()]
    told = "".join(f"; {each}" for each in left[:_NAMED]) + f"; {len(left) - _NAMED} more" * (len(left) > _NAMED)
    first = next(iter(columns.left), "COLUMN")
    hint = f"To take one all the same, name it: numbers=['{first}'], or categories=['{first}']."
    return FieldError(f"no column is left to predict from{told}", where=where, hint=hint)


def _signature(encoder: TableEncoder, target: Target, answers: Answers) -> Signature:
    numbers = encoder.number_names
    return Signature(
        "table",
        target.width(len(answers.classes)),
        cardinalities=encoder.cardinalities,
        numbers=len(numbers),
        limits=getattr(target, "limits", None),
        columns=(*encoder.categories, *numbers),
    )


def _check_columns(part: Table, frame: pd.DataFrame) -> None:
    there = list(frame.columns)
    split = part.divided.column
    named = {
        "label": part.labels,
        "categories": part.categories,
        "numbers": part.numbers,
        "dates": part.dates,
        "ignore": part.ignore,
        "time" if part.time is not None else "split.column": () if split is None else (split,),
    }
    for name, columns in named.items():
        for column in columns:
            if column not in there:
                raise FieldError(
                    f"Table.{name} is '{column}', which is no column{nearest(column, there)}", where=part.path
                )
    if len(set(there)) < len(there):
        twice = next(name for name in there if there.count(name) > 1)
        raise FieldError(f"there are two columns '{twice}'", where=part.path, hint="Rename one.")


def _answered(frame: pd.DataFrame, part: Table) -> tuple[pd.DataFrame, int]:
    """The rows that have a value to predict, and how many have none."""
    names = list(part.labels)
    missing = frame[names].isna().any(axis=1)
    lists = frame[names[0]].map(lambda value: isinstance(value, list | tuple | set | np.ndarray)).any()
    if isinstance(part.target, MultiLabel) or lists or not missing.any():
        return frame, 0
    kept = frame[~missing].reset_index(drop=True)
    if not len(kept):
        raise DataError(f"no row has a {' and a '.join(names)}", where=part.path, hint="Name another column.")
    # whole numbers became decimal only because some were missing
    whole = {name: "int64" for name in names if kept[name].dtype == "float64" and (kept[name] % 1 == 0).all()}
    return kept.astype(whole), int(missing.sum())


def _told(part: Table) -> Mapping[str, Role]:
    return {
        **dict.fromkeys(part.categories, "category"),
        **dict.fromkeys(part.numbers, "number"),
        **dict.fromkeys(part.dates, "date"),
    }


def _without(part: Table, frame: pd.DataFrame, split: Split, division: Division) -> set[str]:
    """What may not be an input: what is predicted, ignored, or says which part a row is in, or was in."""
    taken = [split.column] if division.by in ("group", "given") else []
    return {each for each in (*part.labels, *part.ignore, *taken, following(Split(), frame).column) if each is not None}


def _endless(frame: pd.DataFrame, columns: Roles) -> list[Row]:
    found = endless(frame, columns.numbers)
    return [(f"data.{name}", f"{count:,} infinite", "they count as missing values") for name, count in found.items()]


def _why(part: Table, answers: Answers, division: Division, columns: Roles, gone: int) -> list[Row]:
    counts = {"category": columns.categories, "number": columns.numbers, "date": columns.dates}
    kinds = {"category": "categories", "number": "numbers", "date": "dates"}
    shown = [f"{len(names)} {kind if len(names) == 1 else kinds[kind]}" for kind, names in counts.items() if names]
    rows: list[Row] = [
        ("data.label", ", ".join(part.labels), answers.why),
        (
            "data.inputs",
            ", ".join(shown),
            ", ".join(columns.columns[:8]) + (", ..." if len(columns.columns) > 8 else ""),
        ),
        ("data.split", division.by, f"{division.rule}; {division.why}"),
    ]
    rows += [(f"data.{name}", "left out", why) for name, why in columns.left.items()]
    if gone:
        rows.append(("data.rows", f"{gone:,} left out", f"they have no {' and '.join(part.labels)}"))
    return rows
