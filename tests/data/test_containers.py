"""Files that lie together are read alike, wherever they lie."""

import zipfile
from pathlib import Path

import pytest

from workbench.data.containers import Held, folders_of, opened, state_of
from workbench.errors import DataError

FILES = {"a/1.jpg": b"one", "b.txt": b"two"}


@pytest.fixture
def both(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, content in {**FILES, ".hidden/x": b"", "__MACOSX/b.txt": b"", "empty/": b""}.items():
            archive.writestr(name, content)
            if not name.endswith("/"):
                path = tmp_path / "set" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["set/a/1", "set/b/2"], [("a",), ("b",)]),
        (["set/all/train/a/1", "set/all/test/a/2"], [("train", "a"), ("test", "a")]),
        (["a/1", "b/2"], [("a",), ("b",)]),
        (["a/1", "a/2"], [("a",), ("a",)]),
        (["set/a/1", "set/2"], [("set", "a"), ("set",)]),
        (["1", "2"], [(), ()]),
    ],
)
def test_a_folder_around_all_others_says_nothing(names: list[str], found: list[tuple[str, ...]]) -> None:
    assert folders_of(names) == found


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_names_and_contents(both: Path, name: str) -> None:
    with opened(both / name, name) as files:
        assert files.names() == sorted(FILES) and {each: files.read(each) for each in files.names()} == FILES


def test_what_is_held_has_the_digest_of_a_folder(both: Path) -> None:
    with opened(both / "set", "set") as files:
        assert files.digest(files.names()) == Held(FILES).digest(Held(FILES).names())
        assert files.digest(["b.txt"]) != files.digest(files.names())


def test_the_digest_of_an_archive_depends_on_names_and_content(both: Path) -> None:
    with opened(both / "set.zip", "set.zip") as files:
        whole, part = files.digest(["a/1.jpg", "b.txt"]), files.digest(["b.txt"])
    assert whole != part
    with zipfile.ZipFile(both / "set.zip", "a") as archive:
        archive.writestr("c", b"three")
    with opened(both / "set.zip", "set.zip") as files:
        assert files.digest(["b.txt"]) != part


def test_the_state_changes_with_a_file(both: Path) -> None:
    before = state_of(both / "set")
    (both / "set" / "b.txt").write_bytes(b"longer")
    assert state_of(both / "set") != before


def test_missing_and_truncated(both: Path) -> None:
    with pytest.raises(DataError, match="no such file"), opened(both / "none", "none"):
        pass
    (both / "set.zip").write_bytes((both / "set.zip").read_bytes()[:30])
    with pytest.raises(DataError, match=r"set\.zip: the file is truncated"), opened(both / "set.zip", "set.zip"):
        pass
