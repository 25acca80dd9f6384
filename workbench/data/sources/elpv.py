"""data/elpv.zip and elpv.csv: electroluminescence pictures of solar cells and how likely each is defective.

Buerhop-Lutz et al. 2018, Deitsch et al. 2019. Canonical form: ``images/cell0001.png`` and so on with their bytes
untouched, and the labels as a table, ``labels.csv`` in the archive and ``elpv.csv`` beside it.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.data.archive import write_zip
from workbench.data.sources.network import download
from workbench.data.sources.python_package import installed_place, unpacked_wheel
from workbench.data.sources.route import Report, Route, Source, require_files
from workbench.data.sources.tables import write_table

NAMES = ("image", "probability", "type")
WHEEL = ("elpv-dataset", "1.0.0.post1")
WHEEL_SHA256 = "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c"
WHEEL_SIZE = 90_801_454
LABELS_SHA256 = "0abe6fe7700aea571717d7d7dfec005a47c6207b4cde26a4556b6807a115483d"
ARCHIVE = "https://github.com/zae-bayern/elpv-dataset/archive/4642adfebd70326b437a572db8069d831548a278.zip"
_LABELS = "labels.csv"

Write = Callable[[Path, Mapping[str, bytes]], None]


def from_origin(target: Path, report: Report, write: Write) -> None:
    """By the repository's archive at a fixed commit."""
    write(target, archive_files(download(ARCHIVE, report)))


def from_installed(target: Path, report: Report, write: Write) -> None:
    """By the installed wheel."""
    folder = installed_place(*WHEEL, "elpv_dataset/data")
    report(f"reading {' '.join(WHEEL)}", 0, WHEEL_SIZE)
    write(target, folder_files(folder))


def from_index(target: Path, report: Report, write: Write) -> None:
    """By the wheel, downloaded for this."""
    folder = unpacked_wheel(f"{'=='.join(WHEEL)} --hash=sha256:{WHEEL_SHA256}", report, WHEEL_SIZE)
    write(target, folder_files(folder / "elpv_dataset" / "data"))


def write_labels(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the table from the origin's ``labels.csv``, whose columns stand between spaces.

    Raises:
        Unavailable: when it is not the published one.
    """
    require_files(files, {_LABELS: LABELS_SHA256}, "elpv-dataset")
    rows = [line.split() for line in files[_LABELS].decode("ascii").splitlines()]
    write_table(target, NAMES, [(image, float(probability), kind) for image, probability, kind in rows])


def write_archive(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the archive of the pictures and the table."""
    with tempfile.TemporaryDirectory() as folder:
        write_labels(Path(folder) / _LABELS, files)
        write_zip(target, {**files, _LABELS: (Path(folder) / _LABELS).read_bytes()}.items())


def archive_files(contents: bytes) -> dict[str, bytes]:
    """Pictures and labels of the repository's archive."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        return {name: archive.read(names[name]) for name in names if _is_data(name)}


def folder_files(folder: Path) -> dict[str, bytes]:
    """Pictures and labels of the wheel's folder."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    return {name: path.read_bytes() for name, path in names.items() if _is_data(name)}


def _is_data(name: str) -> bool:
    return name == _LABELS or (name.startswith("images/") and name.endswith(".png"))


def _source(path: str, about: str, write: Write) -> Source:
    return Source(
        path=path,
        about=about,
        origin="https://github.com/zae-bayern/elpv-dataset",
        licence="CC BY-NC-SA 4.0: not for commercial use; cite doi 10.1016/j.solener.2019.02.067",
        routes=(
            Route("installed package elpv-dataset", lambda target, report: from_installed(target, report, write)),
            Route(
                "the origin, github.com/zae-bayern/elpv-dataset",
                lambda target, report: from_origin(target, report, write),
            ),
            Route("package elpv-dataset", lambda target, report: from_index(target, report, write)),
        ),
        hint=f"Install pip or uv, or open the internet, then type: wb data pull {path}",
        optional=True,
        redistribute=False,
    )


SOURCES = (
    _source(
        "data/elpv.zip",
        "2,624 pictures of solar cells, 300 x 300, grey, with labels.csv: probability of a defect, type of cell",
        write_archive,
    ),
    _source("data/elpv.csv", "the labels of data/elpv.zip: image, probability of a defect, type of cell", write_labels),
)
