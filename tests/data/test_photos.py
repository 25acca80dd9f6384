"""Photos are decoded to exact squares, cached whole, and a damaged one is named."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.data import photos
from workbench.data.photos import decode, read_photos
from workbench.data.pictures import PictureEncoder
from workbench.errors import DataError


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def noise(number: int, high: int = 24, wide: int = 30) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (high, wide, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        path = tmp_path / "set" / "ab"[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(noise(number), "JPEG"))
    (tmp_path / "set" / "notes.txt").write_text("not a picture")
    return tmp_path


def read(root: Path, name: str = "set", side: int = 12) -> photos.Photos:
    return read_photos(root / name, name, side=side, root=root)


def test_square_of_that_size_is_exact() -> None:
    pixels = noise(0, 16, 16)
    assert np.array_equal(decode(encoded(pixels), "x", side=16), pixels.transpose(2, 0, 1))


def test_middle_of_the_longer_side() -> None:
    pixels = noise(0, 16, 24)
    assert np.array_equal(decode(encoded(pixels), "x", side=16), pixels[:, 4:20].transpose(2, 0, 1))


def test_reduced_decoding_is_close_to_full() -> None:
    y, x = np.mgrid[0:320, 0:400]
    smooth = np.stack([x * 255 // 400, y * 255 // 320, (x + y) * 255 // 720], -1).astype(np.uint8)
    content = encoded(smooth, "JPEG", quality=95)
    full = Image.open(io.BytesIO(content)).resize((40, 32), Image.Resampling.BILINEAR).crop((4, 0, 36, 32))
    difference = decode(content, "x", side=32).astype(int) - np.asarray(full).transpose(2, 0, 1)
    assert np.abs(difference).mean() < 2


def test_of_16_bits_the_upper_8_are_kept() -> None:
    deep = np.random.default_rng(0).integers(0, 65_536, (16, 16), np.uint16)
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(decode(encoded(deep, kind), "x", side=16), np.repeat((deep >> 8)[None], 3, axis=0))
    given = PictureEncoder(16, 1).encode([Image.fromarray(deep)])[0, 0]
    assert np.array_equal(given.numpy(), deep >> 8)


def test_a_palette_with_transparent_colours_is_read_without_a_warning() -> None:
    palette, buffer = Image.fromarray(noise(0, 16, 16)).quantize(16), io.BytesIO()
    palette.save(buffer, "PNG", transparency=bytes([0, 255] + [255] * 14))
    wanted = np.asarray(palette.convert("RGB")).transpose(2, 0, 1).copy()
    wanted[:, np.asarray(palette) == 0] = 255
    assert np.array_equal(decode(buffer.getvalue(), "x", side=16), wanted)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_shows_white_and_what_is_half_so_is_half_white(mode: str) -> None:
    picture, alpha = Image.fromarray(noise(0, 16, 16)), np.full((16, 16), 255, np.uint8)
    alpha[0], alpha[1] = 0, 51
    picture = picture.convert("RGB" if mode == "RGBA" else "L")
    picture.putalpha(Image.fromarray(alpha))
    pixels = np.asarray(picture.convert("RGBA"), float)[..., :3].transpose(2, 0, 1)
    given = PictureEncoder(16, 3).encode([picture])[0].numpy()
    for found in (decode(encoded(np.asarray(picture)), "x", side=16), given):
        assert (found[:, 0] == 255).all() and np.array_equal(found[:, 2:], pixels[:, 2:])
        assert np.abs(found[:, 1] - (0.2 * pixels[:, 1] + 0.8 * 255)).max() <= 1


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_32_bits_are_refused_as_nothing_tells_their_range(kind: type) -> None:
    with pytest.raises(DataError, match=r"x: the picture has 32-bit pixels.*8 or 16 bits"):
        decode(encoded(np.ones((16, 16), kind), "TIFF"), "x", side=16)


@pytest.mark.parametrize("kind", ["tif", "TIFF", "gif", "ppm"])
def test_pictures_of_other_kinds_are_not_passed_over(folder: Path, kind: str) -> None:
    (folder / "set" / "a" / f"9.{kind}").write_bytes(encoded(noise(9), {"tif": "TIFF"}.get(kind, kind.upper())))
    assert len(read(folder).names) == 6


def test_turned_upright() -> None:
    pixels = noise(0, 16, 16)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(encoded(pixels, exif=exif), "x", side=16)
    assert np.array_equal(turned, np.rot90(pixels, -1).transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_colour(mode: str) -> None:
    buffer = io.BytesIO()
    picture = Image.fromarray(noise(0, 16, 16)).convert(mode)
    picture.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    assert decode(buffer.getvalue(), "x", side=16).shape == (3, 16, 16)


def test_order_names_and_keys(folder: Path) -> None:
    found = read(folder)
    assert found.names == ("a/0.jpg", "a/2.jpg", "a/4.jpg", "b/1.jpg", "b/3.jpg")
    assert found.images.shape == (5, 3, 12, 12) and len(set(found.keys)) == 5
    assert np.array_equal(found.images[1].numpy(), decode(encoded(noise(2), "JPEG"), "x", side=12))


def test_cache_saves_decoding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(folder)
    assert read(folder) is first
    photos._decoded.cache_clear()
    monkeypatch.setattr(photos, "decode", None)
    again = read(folder)
    assert torch.equal(first.images, again.images) and first.keys == again.keys
    assert not list((folder / ".wb" / "cache").glob("*.tmp"))


def test_damaged_cache_is_made_anew(folder: Path) -> None:
    first = read(folder)
    (cache,) = (folder / ".wb" / "cache").glob("*.npz")
    cache.write_bytes(cache.read_bytes()[:500])
    photos._decoded.cache_clear()
    assert torch.equal(read(folder).images, first.images) and cache.stat().st_size > 500


def test_changed_file_is_read_anew(folder: Path) -> None:
    first = read(folder)
    (folder / "set" / "a" / "0.jpg").write_bytes(encoded(noise(50), "JPEG"))
    second = read(folder)
    assert first.keys[0] != second.keys[0] and first.keys[1:] == second.keys[1:]


def test_cache_goes_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WB_HOME", str(folder / "elsewhere"))
    read(folder)
    assert list((folder / "elsewhere" / "cache").glob("*.npz")) and not (folder / ".wb").exists()


@pytest.mark.parametrize("content", [b"", b"hello", encoded(noise(1, 200, 200), "JPEG")[:3000]])
def test_damaged_picture_is_named(folder: Path, content: bytes) -> None:
    (folder / "set" / "b" / "3.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"set/b/3\.jpg: the picture cannot be decoded"):
        read(folder)


def test_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.zip: there is no such file"):
        read(tmp_path, "none.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        read(tmp_path, "empty")


@pytest.mark.parametrize("keep", [0, 100, -20])
def test_truncated_archive(folder: Path, keep: int) -> None:
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for file in sorted((folder / "set").rglob("*.jpg")):
            archive.write(file, file.relative_to(folder / "set").as_posix())
    (folder / "cut.zip").write_bytes((folder / "set.zip").read_bytes()[:keep])
    with pytest.raises(DataError, match=r"cut\.zip: the file is truncated.*Copy or pack it anew"):
        read(folder, "cut.zip")


def test_damaged_entry_of_an_archive(folder: Path) -> None:
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.write(folder / "set" / "a" / "0.jpg", "a/0.jpg")
    whole = bytearray((folder / "set.zip").read_bytes())
    whole[200] ^= 255
    (folder / "set.zip").write_bytes(whole)
    with pytest.raises(DataError, match=r"set\.zip"):
        read(folder, "set.zip")


def test_named_pictures_in_the_order_of_the_names(folder: Path) -> None:
    some = read_photos(folder / "set", "set", side=12, root=folder, names=("b/3.jpg", "a/0.jpg"))
    assert some.names == ("b/3.jpg", "a/0.jpg")
    assert torch.equal(some.images, read(folder).images[[4, 0]]) and some.keys == tuple(
        read(folder).keys[n] for n in (4, 0)
    )


def test_sides_are_read_from_the_heads(folder: Path) -> None:
    (folder / "set" / "a" / "0.jpg").write_bytes(encoded(noise(9, 40, 50), "JPEG"))
    assert photos.shorter_sides(folder / "set", "set") == (40, 24, 24, 24, 24)
    assert photos.shorter_sides(folder / "set", "set", ("b/1.jpg",)) == (24,)
    assert photos.picture_names(folder / "set", "set")[0] == "a/0.jpg"
    (folder / "set" / "a" / "0.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"set/a/0\.jpg: the picture cannot be decoded"):
        photos.shorter_sides(folder / "set", "set")
