"""Photos that a table names, with what is to be predicted in its columns."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from workbench.data.containers import Held, opened, state_of
from workbench.data.image_columns import content, find_columns, resolved
from workbench.data.items import Datasets, check_count
from workbench.data.photos import Photos, decoded, picture_names, read_photos, shorter_side, shorter_sides
from workbench.data.picture_sets import picture_sets
from workbench.data.picture_size import photo_size
from workbench.data.pictures import ImageData
from workbench.data.reading import missing
from workbench.data.split import Split, divide
from workbench.data.table_files import parse_table, read_table
from workbench.data.targets.inference import read_answers
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds, numpy_generator

if TYPE_CHECKING:
    import pandas as pd

_TABLES = (".csv", ".tsv", ".parquet", ".csv.gz")


class ImageTable(ImageData):
    """Photos with their classes, labels or numbers in a table: CSV or Parquet.

    ``path``: a folder or .zip with the table and the photos; or a table, whose photos are in the folder or .zip
    ``pictures``, or in the table itself (bytes, as Hugging Face's data sets have them). Relative to the project's root.
    ``image``: the column that names the photos: paths in the folder, or as much of their end as is unambiguous, with
    or without the suffix. ``label``: the column to predict, or several (labels of 0 and 1, or numbers). ``table``: the
    table's name in the folder. "auto" finds each where only one makes sense.
    ``target``: "auto" takes it from the column, see :mod:`workbench.data.targets.inference`; several labels in one
    text need ``MultiLabel(separator=";")``. ``split``: which items are the test; "auto" follows a column "split" of
    train, validation and test where there is one.
    ``size``, ``margin``, ``train``: as for :class:`workbench.data.folders.ImageFolder`.

    Raises:
        FieldError: sizes and counts that cannot be, or a table inside a table.
    """

    path: str = field(kw_only=False)
    label: str | tuple[str, ...] = field(default="auto", kw_only=False)
    image: str = "auto"
    pictures: str | None = None
    table: str = "auto"
    split: Split = Split()
    size: int | Literal["auto"] | None = "auto"
    margin: float = 1.15
    train: int | None = None

    def check(self) -> None:
        """Refuse sizes and counts that cannot be, and a table inside a table."""
        super().check()
        if self.size is None:
            raise FieldError("ImageTable.size is None, but photos have many sizes", hint="Use e.g. 224, or 'auto'.")
        check_count(self, "train", 1)
        if not 1 <= self.margin <= 4:
            raise FieldError(f"ImageTable.margin is {self.margin!r}; it takes a factor from 1 to 4")
        for name in ("table", "pictures"):
            inside = name == "table"
            if getattr(self, name) not in ("auto", None) and self._is_table() == inside:
                what = "a table itself" if inside else "no table, so its photos are in it"
                raise FieldError(f"ImageTable.path is {what}", where=self.path, hint=f"Leave {name} out.")

    def files(self) -> tuple[str, ...]:
        """The table, folder or archive, and the photos' where it is another."""
        return (self.path,) if self.pictures is None else (self.path, self.pictures)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`. Always in colour."""
        frame, folder = self._frame(root)
        columns = find_columns(frame, self.path, image=self.image, label=self.label, split=self.split)
        named = columns.label[0] if len(columns.label) == 1 else list(columns.label)
        answers = read_answers(frame[named], self.target, where=self.path)
        source = self._source(root, frame[columns.image].tolist(), folder)
        size, why = photo_size(self.size, source.sides)
        photos = source.photos(round(size * self.margin))
        parts = None if columns.split.column is None else frame[columns.split.column].tolist()
        division = divide(
            photos.keys,
            columns.split,
            targets=answers.y,
            classes=answers.classes,
            column=parts,
            validation=self.validation,
            choosing=choosing,
            apart=True,
        )
        draw = None if self.train is None else (self.train, numpy_generator(seeds.subset, "subset"))
        sets, target = picture_sets(photos, answers, division, size=size, drawn=draw, where=self.path)
        how = ("data.split", division.by, f"{division.rule}; {division.why}")
        return replace(sets, why=(*columns.why, target, *why, how))

    def _is_table(self) -> bool:
        return self.path.lower().endswith(_TABLES)

    def _frame(self, root: Path) -> tuple[pd.DataFrame, str]:
        """The table, and the folder that it lies in among the photos."""
        if self._is_table():
            return read_table(root / self.path, self.path), ""
        path = root / self.path
        if not path.exists():
            raise missing(path, self.path)
        frame, name = _inside(path, self.path, self.table, state_of(path))
        folder = PurePosixPath(name).parent.as_posix()
        return frame, "" if folder == "." else folder

    def _source(self, root: Path, values: Sequence[object], folder: str) -> _Source:
        if self._is_table() and self.pictures is None:
            return self._in_cells(root, values)
        where = self.path if self.pictures is None else self.pictures
        path = root / where
        names = resolved(values, picture_names(path, where), self.path, folder=folder)
        return _Source(
            lambda: shorter_sides(path, where, names),
            lambda side: read_photos(path, where, side=side, root=root, names=names),
        )

    def _in_cells(self, root: Path, values: Sequence[object]) -> _Source:
        cells = [content(value) for value in values]
        if None in cells:
            raise FieldError(
                "the table names photos, and it is not said where they are",
                where=self.path,
                hint="Set pictures to their folder or .zip.",
            )
        held = Held({f"row {row}": cell for row, cell in enumerate(cells) if cell is not None})
        names = [f"row {row}" for row in range(len(cells))]
        return _Source(
            lambda: [shorter_side(held, name, f"{self.path}/{name}") for name in names],
            lambda side: decoded(held, names, self.path, side=side, root=root),
        )


@dataclass(frozen=True)
class _Source:
    """Where the photos come from: their shorter sides, and themselves with a side in pixels."""

    sides: Callable[[], Sequence[int]]
    photos: Callable[[int], Photos]


@functools.lru_cache(maxsize=4)
def _inside(path: Path, where: str, table: str, state: str) -> tuple[pd.DataFrame, str]:
    """The table in a folder or zip archive, and its name."""
    with opened(path, where) as files:
        names = [name for name in files.names() if name.lower().endswith(_TABLES)]
        chosen = names if table == "auto" else [name for name in files.names() if name == table]
        if len(chosen) != 1:
            shown = ", ".join(f"'{name}'" for name in names[:8]) or "none"
            what = "there has to be one table in it" if table == "auto" else f"there is no '{table}' in it"
            raise DataError(f"{what}, and there is {shown}", where=where, hint="Set table to its name.")
        return parse_table(io.BytesIO(files.read(chosen[0])), f"{where}/{chosen[0]}"), chosen[0]
