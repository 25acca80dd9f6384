"""Photos decoded once: squares of one size in memory, kept for the process and on disk for the next."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from workbench.errors import DataError

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True, eq=False)
class Photos:
    """n pictures in the order of their names.

    Attributes:
        images: uint8 of shape (n, 3, side, side).
        names: paths inside the folder or archive, with forward slashes.
        keys: the first 16 hexadecimal digits of each file's MD5.
    """

    images: torch.Tensor
    names: tuple[str, ...]
    keys: tuple[str, ...]


def read_photos(path: Path, where: str, *, side: int, root: Path) -> Photos:
    """All pictures of a folder or zip archive as squares.

    Args:
        path: the folder or .zip file.
        where: what an error calls it.
        side: pixels; the shorter side is scaled to it and the middle square kept.
        root: the project's root; the cache is in its .wb/cache (or WB_HOME/cache).

    Raises:
        DataError: missing, truncated, without pictures, or with one that cannot be decoded (named).
    """
    if not path.exists():
        raise DataError("there is no such file or folder", where=where, hint="Type `wb data pull` to fetch it.")
    return _decoded(path, where, side, root, _state(path))


def _state(path: Path) -> str:
    """Changes when a file does, without reading it: what the memory cache is keyed by."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    stats = [(str(each), each.stat().st_mtime_ns, each.stat().st_size) for each in files]
    return hashlib.md5(repr(stats).encode(), usedforsecurity=False).hexdigest()


@functools.lru_cache(maxsize=4)
def _decoded(path: Path, where: str, side: int, root: Path, state: str) -> Photos:
    import PIL

    home = Path(os.environ.get("WB_HOME") or root / ".wb") / "cache"
    with _archive(path, where) as archive:
        names = archive.names()
        if not names:
            raise DataError("there are no pictures in it", where=where, hint=f"It takes {', '.join(_SUFFIXES)}.")
        cache = home / f"photos-{archive.digest()}-{side}-pil{PIL.__version__}.npz"
        found = _restore(cache)
        if found is None:
            found = _decode_all(archive, names, where, side)
            _keep(cache, found)
    return found


class _Folder:
    """The pictures of a folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        files = (each.relative_to(self.path) for each in self.path.rglob("*") if each.is_file())
        return sorted(each.as_posix() for each in files if _wanted(each.as_posix()))

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def digest(self) -> str:
        md5 = hashlib.md5(usedforsecurity=False)
        for name in self.names():
            md5.update(f"{name}/{_md5(self.read(name))}\n".encode())
        return md5.hexdigest()


class _Zip:
    """The pictures of a zip archive."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.archive = archive

    def names(self) -> list[str]:
        return sorted(name for name in self.archive.namelist() if _wanted(name))

    def read(self, name: str) -> bytes:
        return self.archive.read(name)

    def digest(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextlib.contextmanager
def _archive(path: Path, where: str) -> Iterator[_Folder | _Zip]:
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield _Zip(path, archive)
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"the file is truncated or not a zip archive ({error})",
            where=where,
            hint="Type `wb data restore` to get the pinned file back.",
        ) from None


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and not any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _decode_all(archive: _Folder | _Zip, names: list[str], where: str, side: int) -> Photos:
    images = np.empty((len(names), 3, side, side), np.uint8)

    def one(number: int, content: bytes) -> str:
        images[number] = decode(content, f"{where}/{names[number]}", side=side)
        return _md5(content)[:16]

    # a zip archive is read by one thread at a time; decoding releases the interpreter lock
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(one, number, archive.read(name)) for number, name in enumerate(names)]
        keys = tuple(each.result() for each in waiting)
    return Photos(torch.from_numpy(images), tuple(names), keys)


def decode(content: bytes, where: str, *, side: int) -> np.ndarray:
    """One picture as uint8 of shape (3, side, side): shorter side scaled, middle square kept.

    JPEG files are decoded at a reduced scale where that is still larger than ``side`` (libjpeg's DCT
    scaling), which is several times faster.

    Raises:
        DataError: the content is not a picture, or is truncated.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.draft("RGB", (side, side))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"the picture cannot be decoded ({type(error).__name__})",
            where=where,
            hint="Type `wb data restore` to get the pinned data back, or take the picture out.",
        ) from None
    factor = side / min(picture.size)
    wide, high = (max(side, round(each * factor)) for each in picture.size)
    left, top = (wide - side) // 2, (high - side) // 2
    scaled = picture.resize((wide, high), Image.Resampling.BILINEAR)
    return np.asarray(scaled.crop((left, top, left + side, top + side))).transpose(2, 0, 1)


def _restore(cache: Path) -> Photos | None:
    """What the cache holds; None when there is nothing or it cannot be read, which costs only time."""
    try:
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            names, keys = (tuple(map(str, stored[name])) for name in ("names", "keys"))
            return Photos(torch.from_numpy(stored["images"]), names, keys)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(cache: Path, photos: Photos) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=cache.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, images=photos.images.numpy(), names=np.array(photos.names), keys=np.array(photos.keys))
        Path(name).replace(cache)
    except BaseException:
        Path(name).unlink()
        raise
