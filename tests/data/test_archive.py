"""Archives: the same contents give the same bytes, and a failed write leaves what was there."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from workbench.data.archive import npy_bytes, replacing, write_npz, write_zip


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_a_zip_depends_on_its_entries_alone(tmp_path: Path) -> None:
    entries = [("test/b.jpg", b"two"), ("train/a.jpg", b"one" * 1000)]
    write_zip(tmp_path / "a.zip", entries)
    write_zip(tmp_path / "b.zip", reversed(entries))
    # A golden digest: another Python, zlib, clock or system must give these bytes too, or every pin breaks.
    assert md5(tmp_path / "a.zip") == md5(tmp_path / "b.zip") == "6f38dbb21718e4365ec2dc5aa606ead2"
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["test/b.jpg", "train/a.jpg"]
        assert archive.testzip() is None
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}


def test_an_npz_depends_on_its_arrays_alone_and_numpy_reads_it(tmp_path: Path) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_npz(tmp_path / "a.npz", {"images": images, "classes": np.array(["cat", "dog"])})
    write_npz(tmp_path / "b.npz", {"images": np.asfortranarray(images), "classes": np.array(["cat", "dog"])})
    assert md5(tmp_path / "a.npz") == md5(tmp_path / "b.npz") == "2315cac2e1409a40fe47649ae677c7f6"
    with np.load(tmp_path / "a.npz", allow_pickle=False) as read:
        assert np.array_equal(read["images"], images)
        assert read["classes"].tolist() == ["cat", "dog"]


@given(
    arrays.arrays(st.sampled_from(["u1", ">i4", "<i8", ">f8", "<U3", "?"]), arrays.array_shapes(min_dims=0, max_dims=4))
)
def test_npy_bytes_read_back_as_the_array(array: np.ndarray) -> None:
    text = npy_bytes(array)
    read = np.load(io.BytesIO(text), allow_pickle=False)
    assert read.shape == array.shape
    assert read.dtype == array.dtype.newbyteorder("<")
    assert read.tobytes() == array.astype(array.dtype.newbyteorder("<")).tobytes()
    assert text.index(b"\n") % 64 == 63


def test_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="Python objects"):
        npy_bytes(np.array([{}, []], dtype=object))


@pytest.mark.parametrize("names", [["a", "a"], ["ä"]])
def test_a_zip_refuses_names_that_are_not_unique_plain_text(tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "old.zip").write_bytes(b"old")
    with pytest.raises(ValueError, match="twice or is not plain"):
        write_zip(tmp_path / "old.zip", [(name, b"") for name in names])
    assert (tmp_path / "old.zip").read_bytes() == b"old"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(place) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]
