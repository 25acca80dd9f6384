"""data/tatoeba_fra.tsv: English sentences and their French translations from Tatoeba, as of 2020-08-23.

Made by manythings.org/anki from tatoeba.org's sentences. Its own address always holds the newest version, so it is no
route to this one. The licence asks for attribution: the third column names each sentence and its author.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from workbench.data.sources.python_sdist import PythonSdist
from workbench.data.sources.route import Source
from workbench.data.sources.tables import write_table

NAMES = ("english", "french", "attribution")
SDIST = PythonSdist(
    name="nmt",
    version="0.0.6",
    sha256="65db964c0afd5b0dbc4baecdce736f53222f63b791958176b5771db78a005096",
    file="data/fra-eng.zip",
    file_sha256="dcdc2b15b5f2ffaca67292fbd6d671b95e404413d0d0cc3b998692b5ac51920a",
    size=15_744_217,
)


def write(target: Path, contents: bytes) -> None:
    """Write the canonical table from the zip archive, whose lines hold three texts between tabs, without quoting."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        lines = archive.read("fra.txt").decode("utf-8").split("\n")
    write_table(target, NAMES, [line.split("\t") for line in lines if line], delimiter="\t")


SOURCE = Source(
    path="data/tatoeba_fra.tsv",
    about="178,009 pairs of an English sentence and its French translation, the shortest first",
    origin="http://www.manythings.org/anki/",
    licence="CC BY 2.0 FR, tatoeba.org and manythings.org; authors in the third column",
    routes=SDIST.routes(write),
    hint="Open the internet or install pip, then type: wb data pull data/tatoeba_fra.tsv",
    optional=True,
)
