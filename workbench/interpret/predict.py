"""Answers for new items as a user has them: one, several, a folder of pictures, a table."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, overload

import numpy as np
import torch

from workbench.data.items import Data
from workbench.data.loading import Batch
from workbench.data.reading import decoded, missing
from workbench.data.values import Ragged, device_of
from workbench.errors import DataError, FieldError
from workbench.interpret.looking import looking, output_of
from workbench.interpret.view import Table, View
from workbench.training.diagnostics import views_of
from workbench.training.evaluation import Views, evaluation_batch
from workbench.training.state import State

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_TABLES = (".csv", ".tsv", ".parquet")


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer: the item's name, the answer in its own words or units, and how sure it is (None: not said)."""

    item: str
    answer: Any
    confidence: float | None

    def __str__(self) -> str:
        sure = "" if self.confidence is None else f" ({self.confidence:.1%})"
        return f"{self.item}: {answer_text(self.answer)}{sure}"


@dataclass(frozen=True, repr=False)
class Predictions(View):
    """Answers in the order of the items."""

    title: ClassVar[str] = "Predictions"
    predictions: tuple[Prediction, ...]

    def table(self) -> Table:
        """A row an item."""
        rows = [(each.item, answer_text(each.answer), each.confidence) for each in self.predictions]
        return Table(("item", "answer", "confidence"), rows)

    def __len__(self) -> int:
        return len(self.predictions)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)

    @overload
    def __getitem__(self, place: int) -> Prediction: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Prediction, ...]: ...
    def __getitem__(self, place: int | slice) -> Prediction | tuple[Prediction, ...]:
        return self.predictions[place]


def predict(state: State, given: Any, *, views: bool = False) -> Prediction | Predictions:
    """The network's answer.

    Args:
        given: an item as the data's encoder takes it (a path to a picture, a picture, a text, a row as a dictionary,
            a (user, thing) pair) for one :class:`Prediction`; a list of items, a data frame, a folder of pictures, or a
            .csv, .tsv or .parquet file of rows for :class:`Predictions`.
        views: look at each picture several times and average the probabilities (of other targets the values), as the
            diagnostic "views" does; see :mod:`workbench.data.views`.

    Raises:
        DataError: something that is no such item, named; an empty folder.
        FieldError: ``views`` of data that are not pictures.
    """
    several = _several(state) if views else None
    items, names = gathered(given, state.data.signature.kind, _column_names(state.learner.data))
    if items is None:
        return _answers(state, [given], [_name(given, 0)], several)[0]
    return Predictions(tuple(_answers(state, items, names, several)))


def _several(state: State) -> Views:
    found = views_of(state.learner)
    if found is None:
        kind = type(state.learner.data).__name__
        raise FieldError(f"views are of pictures, and {kind} has none", hint="Leave views out")
    return found


def gathered(given: Any, kind: str, columns: Sequence[str] = ()) -> tuple[Sequence[Any] | None, list[str]]:
    """The items of a list, a frame, a folder or a file, and what to call each; (None, []) for a single item.

    Args:
        columns: the names that the column with the items may have in a table, where an item is no whole row.
    """
    if hasattr(given, "to_dict") and hasattr(given, "columns"):
        rows = given.to_dict("records")
        return _items(rows, kind, columns, "the data frame"), [f"row {place}" for place in given.index]
    if isinstance(given, str | Path) and kind != "text" or isinstance(given, Path):
        path = Path(given)
        if os.path.isdir(path):  # not is_dir(): it raises for a sentence that is too long for a file's name
            files = sorted(each for each in path.rglob("*") if each.suffix.lower() in PICTURES)
            if not files:
                raise DataError(f"there is no picture in it ({', '.join(PICTURES)})", where=str(path))
            return files, [each.relative_to(path).as_posix() for each in files]
        if path.suffix.lower() in _TABLES:
            rows = _rows(path)
            return _items(rows, kind, columns, str(path)), [f"row {place}" for place in range(len(rows))]
        if kind in ("text", "pairs") and os.path.isfile(path):
            lines = decoded(path.read_bytes(), str(path)).splitlines()
            return lines, [_name(line, place) for place, line in enumerate(lines)]
    if isinstance(given, list):
        return given, [_name(each, place) for place, each in enumerate(given)]
    return None, []


def _answers(state: State, items: Sequence[Any], names: Sequence[str], views: Views | None) -> list[Prediction]:
    target, classes = state.data.target, state.data.classes
    stored = state.data.encoder.encode(items)
    size, found = evaluation_batch(state.learner), list[Prediction]()
    with looking(state) as model:
        for start in range(0, len(items), size):
            index = torch.arange(start, min(start + size, len(items)))
            output = output_of(state, model, as_batch(state, stored, index), views)
            for place, (answer, sure) in enumerate(target.decode(output, classes), start):
                found.append(Prediction(names[place], answer, None if math.isnan(sure) else sure))
    return found


def as_batch(state: State, stored: Any, index: torch.Tensor) -> Batch:
    """A batch of stored inputs whose targets nobody knows: zeros stand for them."""
    moved = stored.to(state.device)
    here = index if isinstance(moved, Ragged) else index.to(device_of(moved))
    empty = torch.zeros(len(index), dtype=torch.int64, device=state.device)
    return Batch(moved[here], empty, index.to(state.device))


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; in .csv and .tsv a value is a text, as the encoders take it, and an empty one is missing."""
    if not path.is_file():
        raise missing(path, str(path))
    if path.suffix.lower() == ".parquet":
        import pandas as pd

        return [{str(name): value for name, value in row.items()} for row in pd.read_parquet(path).to_dict("records")]
    text = io.StringIO(decoded(path.read_bytes(), str(path)), newline="")
    reader = csv.DictReader(text, dialect="excel-tab" if path.suffix.lower() == ".tsv" else "excel")
    return [{name: value or None for name, value in row.items() if name is not None} for row in reader]


def _column_names(data: Data) -> list[str]:
    """What the column with the items is called: as the data say, else by its usual names."""
    said = [getattr(data, name, None) for name in ("text", "source", "image")]
    return [*(name for name in said if isinstance(name, str) and name != "auto"), "text", "source", "image", "path"]


def _items(rows: list[dict[str, Any]], kind: str, columns: Sequence[str], where: str) -> list[Any]:
    """Whole rows of tables and ratings; else the column that holds the items.

    Raises:
        DataError: several columns, and none of that name.
    """
    if kind in ("table", "ratings") or not rows:
        return list(rows)
    names = list(rows[0])
    column = next((name for name in columns if name in names), names[0] if len(names) == 1 else None)
    if column is None:
        shown = ", ".join(f"'{name}'" for name in dict.fromkeys(columns))
        raise DataError("no column says what the items are", where=where, hint=f"Name it one of {shown}.")
    return [row[column] for row in rows]


def _name(item: Any, place: int) -> str:
    if isinstance(item, str | Path):
        return str(item)
    if isinstance(item, tuple) and len(item) == 2:
        return " x ".join(str(each) for each in item)
    return f"item {place}"


def answer_text(answer: Any) -> str:
    """An answer on one line: names with their numbers where there are several."""
    if isinstance(answer, dict):
        return ", ".join(f"{name} {float(value):.3g}" for name, value in answer.items()) or "(none)"
    if isinstance(answer, float | np.floating):
        return f"{float(answer):.4g}"
    return str(answer)
