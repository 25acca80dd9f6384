"""Pins: what data.dvc says, and whether a file on disk still is that."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record.pins import Pin, md5_of, parse_pins, pinning, read_pins, state

PINS = """\
outs:
- md5: 900150983cd24fb0d6963f7d28e17f72
  size: 3
  hash: md5
  path: data/a.bin
- md5: f5ac8127b3b6b85cdc13f237c6005d80.dir
  nfiles: 2
  path: data/folder
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.bin").write_bytes(b"abc")
    os.utime(tmp_path / "data/a.bin", (1e9, 1e9))
    (tmp_path / "data.dvc").write_text(PINS)
    return tmp_path


def test_pins_are_read_by_path(root: Path) -> None:
    pins = read_pins(root)
    assert pins["data/a.bin"] == Pin("data/a.bin", hashlib.md5(b"abc").hexdigest(), 3)
    assert list(pins) == ["data/a.bin", "data/folder"]


def test_no_file_and_an_empty_file_pin_nothing(tmp_path: Path) -> None:
    assert read_pins(tmp_path) == {}
    (tmp_path / "data.dvc").write_text("")
    assert read_pins(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("outs:\n<<<<<<< HEAD\n- md5: a\n=======\n", r"x.dvc:\d+: is not valid YAML \(a merge conflict\?\)"),
        ("outs: 3\n", "has no list 'outs'"),
        ("- a\n", "has no list 'outs'"),
        ("outs:\n- path: a\n", "an output without path or md5"),
        ("outs:\n- md5: 3\n  path: a\n", "whose path or md5 is no text"),
        ("outs:\n- data/a.bin\n", "an output without path or md5"),
    ],
)
def test_what_dvc_would_not_write_is_refused_with_a_way_out(text: str, problem: str) -> None:
    with pytest.raises(RecordError, match=problem) as caught:
        parse_pins(text, "x.dvc")
    assert "git checkout HEAD -- data.dvc" in str(caught.value)


def test_a_file_is_ok_missing_or_changed(root: Path) -> None:
    pin = read_pins(root)["data/a.bin"]
    assert state(root, pin) == "ok"
    (root / pin.path).write_bytes(b"ab")
    assert state(root, pin) == "changed"
    (root / pin.path).write_bytes(b"abd")
    assert state(root, pin) == "changed"
    (root / pin.path).unlink()
    assert state(root, pin) == "missing"
    (root / pin.path).mkdir()
    assert state(root, pin) == "changed"


def memory(root: Path) -> dict[str, list[object]]:
    return json.loads((root / ".wb/cache/md5.json").read_text())


def test_an_unchanged_file_is_hashed_once_and_any_change_is_seen(root: Path) -> None:
    place = root / "data/a.bin"
    true = md5_of(root, "data/a.bin")
    entry = memory(root)["data/a.bin"]
    assert entry[-1] == true
    # What is remembered is believed only while the file looks the same: a planted digest shows which was used.
    planted = {"data/a.bin": [*entry[:-1], "f" * 32]}
    (root / ".wb/cache/md5.json").write_text(json.dumps(planted))
    assert md5_of(root, "data/a.bin") == "f" * 32
    assert md5_of(root, "data/a.bin", fresh=True) == true
    (root / ".wb/cache/md5.json").write_text(json.dumps(planted))
    with place.open("r+b") as file:
        file.write(b"abd")
    os.utime(place, (1e9, 1e9))  # same size, same inode, time set back
    assert md5_of(root, "data/a.bin") == hashlib.md5(b"abd").hexdigest()


def test_a_file_written_just_now_is_not_remembered(root: Path) -> None:
    (root / "data/a.bin").write_bytes(b"new")
    os.utime(root / "data/a.bin")
    assert md5_of(root, "data/a.bin") == hashlib.md5(b"new").hexdigest()
    assert not (root / ".wb/cache/md5.json").exists()


def test_a_spoilt_memory_is_only_slower(root: Path) -> None:
    (root / ".wb/cache").mkdir(parents=True)
    (root / ".wb/cache/md5.json").write_text("{half")
    assert md5_of(root, "data/a.bin") == hashlib.md5(b"abc").hexdigest()


def test_a_file_that_cannot_be_read_is_a_record_error(root: Path) -> None:
    with pytest.raises(RecordError, match="data/none: cannot be read"):
        md5_of(root, "data/none")


def test_what_to_type_to_pin_a_file(root: Path) -> None:
    assert pinning(root, "data/a.bin") == "Type: wb data pin data/a.bin"
    assert pinning(root, str(root / "data/a.bin")) == "Name it 'data/a.bin', and type: wb data pin data/a.bin"
    outside = "Copy it into the project, e.g. as data/x.csv, name that, and type: wb data pin data/x.csv"
    assert pinning(root, "/elsewhere/x.csv") == pinning(root, "../x.csv") == outside
