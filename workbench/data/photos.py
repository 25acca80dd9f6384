"""Photos decoded once: squares of one size in memory, kept for the process and on disk for the next."""

from __future__ import annotations

import functools
import io
import os
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import torch

from workbench.data.containers import Container, content_md5, opened, state_of
from workbench.data.reading import missing
from workbench.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")

_FORMAT = 3
"""Of the disk cache; raised whenever decoding changes, so that nothing decoded before is taken for it."""


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


def read_photos(path: Path, where: str, *, side: int, root: Path, names: tuple[str, ...] | None = None) -> Photos:
    """Pictures of a folder or zip archive as squares.

    Args:
        path: the folder or .zip file.
        where: what an error calls it.
        side: pixels; the shorter side is scaled to it and the middle square kept.
        root: the project's root; the cache is in its .wb/cache (or WB_HOME/cache).
        names: the pictures wanted, in this order; None takes all, sorted.

    Raises:
        DataError: missing, truncated, without pictures, or with one that cannot be decoded (named).
    """
    _require(path, where)
    return _decoded(path, where, side, root, names, state_of(path))


def shorter_sides(path: Path, where: str, names: tuple[str, ...] | None = None) -> tuple[int, ...]:
    """The shorter side of every picture in pixels, from the files' heads alone.

    Raises:
        DataError: as :func:`read_photos`.
    """
    _require(path, where)
    return _sides(path, where, names, state_of(path))


def picture_names(path: Path, where: str) -> tuple[str, ...]:
    """The pictures of a folder or zip archive, sorted; kept for the process.

    Raises:
        DataError: missing, truncated or without pictures.
    """
    _require(path, where)
    return _names(path, where, state_of(path))


def _require(path: Path, where: str) -> None:
    if not path.exists():
        raise missing(path, where)


@functools.lru_cache(maxsize=4)
def _names(path: Path, where: str, state: str) -> tuple[str, ...]:
    with opened(path, where) as files:
        names = tuple(name for name in files.names() if is_picture(name))
    if not names:
        raise DataError("there are no pictures in it", where=where, hint=f"It takes {', '.join(SUFFIXES)}.")
    return names


@functools.lru_cache(maxsize=4)
def _sides(path: Path, where: str, names: tuple[str, ...] | None, state: str) -> tuple[int, ...]:
    wanted = names if names is not None else _names(path, where, state)
    with opened(path, where) as files:
        return tuple(shorter_side(files, name, f"{where}/{name}") for name in wanted)


@functools.lru_cache(maxsize=4)
def _decoded(path: Path, where: str, side: int, root: Path, names: tuple[str, ...] | None, state: str) -> Photos:
    wanted = names if names is not None else _names(path, where, state)
    with opened(path, where) as files:
        return decoded(files, wanted, where, side=side, root=root)


def decoded(files: Container, names: Sequence[str], where: str, *, side: int, root: Path) -> Photos:
    """The pictures with these names, in this order; from the disk cache when they were decoded before.

    Raises:
        DataError: one cannot be decoded (named).
    """
    import PIL

    home = Path(os.environ.get("WB_HOME") or root / ".wb") / "cache"
    cache = home / f"photos{_FORMAT}-{files.digest(names)}-{side}-pil{PIL.__version__}.npz"
    found = _restore(cache)
    if found is None:
        found = _decode_all(files, names, where, side)
        _keep(cache, found)
    return found


def is_picture(name: str) -> bool:
    """Whether a file is called like a picture."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def shorter_side(files: Container, name: str, where: str) -> int:
    """In pixels; only the file's head is read.

    Raises:
        DataError: the file is not a picture.
    """
    from PIL import Image

    try:
        with files.open(name) as file, Image.open(file) as picture:
            return min(picture.size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _undecodable(where, error) from None


def _decode_all(files: Container, names: Sequence[str], where: str, side: int) -> Photos:
    images = np.empty((len(names), 3, side, side), np.uint8)

    def one(number: int, content: bytes) -> str:
        images[number] = decode(content, f"{where}/{names[number]}", side=side)
        return content_md5(content)[:16]

    # a zip archive is read by one thread at a time; decoding releases the interpreter lock
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(one, number, files.read(name)) for number, name in enumerate(names)]
        keys = tuple(each.result() for each in waiting)
    return Photos(torch.from_numpy(images), tuple(names), keys)


def decode(content: bytes, where: str, *, side: int) -> np.ndarray:
    """One picture as uint8 of shape (3, side, side): shorter side scaled, middle square kept.

    JPEG files are decoded at a reduced scale where that is still larger than ``side`` (libjpeg's DCT
    scaling), which is several times faster. Of a file that moves the first picture is taken.

    Raises:
        DataError: the content is not a picture, is truncated, or has 32 bits a pixel and channel.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as found:
            found.draft("RGB", (side, side))
            picture = in_colour(ImageOps.exif_transpose(found), where)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _undecodable(where, error) from None
    return square(picture, side)


def in_colour(picture: Image.Image, where: str) -> Image.Image:
    """Red, green and blue with 8 bits each; of 16 bits the upper 8, which is what Pillow takes of 16-bit colour itself.

    What is transparent shows white, as on paper: below it a file holds any colour, mostly black.

    Raises:
        DataError: the pixels are 32-bit numbers, whose range nothing tells.
    """
    from PIL import Image

    # Pillow would cut these off at 255, which turns nearly every 16-bit picture white and every one in [0, 1] black
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise DataError(
            "the picture has 32-bit pixels, of which it is not known what is black and what is white",
            where=where,
            hint="Save it with 8 or 16 bits a channel.",
        )
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def square(picture: Image.Image, side: int) -> np.ndarray:
    """A picture in colour as uint8 of shape (3, side, side): shorter side scaled, middle square kept."""
    from PIL import Image

    factor = side / min(picture.size)
    wide, high = (max(side, round(each * factor)) for each in picture.size)
    left, top = (wide - side) // 2, (high - side) // 2
    scaled = picture.resize((wide, high), Image.Resampling.BILINEAR)
    return np.asarray(scaled.crop((left, top, left + side, top + side))).transpose(2, 0, 1)


def _undecodable(where: str, error: Exception) -> DataError:
    if not is_picture(where) and PurePosixPath(where).suffix:
        return DataError("it is no picture", where=where, hint=f"It takes {', '.join(SUFFIXES)}.")
    return DataError(
        f"the picture cannot be decoded ({type(error).__name__})",
        where=where,
        hint="Take it out, or save it anew; of pinned data, type `wb data restore`.",
    )


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
