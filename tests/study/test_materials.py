"""What a study reads is brought when missing, refused when changed, and never spoilt by two processes at once."""

import dataclasses
import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.data.sources import SOURCES, Report, Route, Source, Unavailable
from workbench.errors import DataError
from workbench.record import dvc
from workbench.record.pins import read_pins, state
from workbench.study import materials

GOOD = b"the published bytes"
MD5 = hashlib.md5(GOOD).hexdigest()
PATH = "data/x.bin"


def good(target: Path, report: Report) -> None:
    report("downloading x.bin", 5, len(GOOD))
    time.sleep(0.3)
    with (Path(os.environ["FETCHES"])).open("a") as file:
        file.write("x")
    target.write_bytes(GOOD)


def closed(target: Path, report: Report) -> None:
    raise Unavailable("the shop is closed")


def register(*routes: Route) -> None:
    SOURCES[PATH] = Source(PATH, "x", "nowhere", "none", routes, "Type: pray")


def fetches() -> int:
    place = Path(os.environ["FETCHES"])
    return len(place.read_text()) if place.exists() else 0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with DVC whose data/x.bin is pinned."""
    root = tmp_path_factory.mktemp("template")
    (root / "data").mkdir()
    for command in (["git", "init", "-q"], ["python", "-m", "dvc", "init", "-q"]):
        program = shutil.which("git") if command[0] == "git" else sys.executable
        subprocess.run([str(program), *command[1:]], cwd=root, check=True, capture_output=True)
    (root / PATH).write_bytes(GOOD)
    dvc.pin(root, [PATH])
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy whose data/x.bin is neither there nor in DVC's cache, with a source that has it."""
    root = tmp_path / "project"
    shutil.copytree(template, root, ignore=shutil.ignore_patterns(".wb", "cache", "x.bin"))
    monkeypatch.setenv("FETCHES", str(tmp_path / "fetches"))
    monkeypatch.setitem(SOURCES, PATH, SOURCES["data/mnist.npz"])
    register(Route("shop", closed), Route("friend", good))
    return root


def test_a_missing_file_comes_from_its_source_and_is_kept_for_dvc(root: Path) -> None:
    said: list[tuple[str, int, int]] = []
    assert materials.ensure(root, [PATH, PATH], lambda *each: said.append(each)) == {PATH: MD5}
    assert (root / PATH).read_bytes() == GOOD
    assert (root / ".dvc/cache/files/md5" / MD5[:2] / MD5[2:]).read_bytes() == GOOD
    assert ("downloading x.bin", 5, len(GOOD)) in said
    assert said[-1][0] == "data/x.bin came by: friend"


def test_a_missing_file_comes_from_dvcs_cache_before_its_source(root: Path) -> None:
    materials.ensure(root, [PATH])
    (root / PATH).unlink()
    assert materials.ensure(root, [PATH]) == {PATH: MD5}
    assert fetches() == 1


def test_a_missing_file_comes_from_the_remote_before_its_source(root: Path, tmp_path: Path) -> None:
    with (root / ".dvc/config").open("a") as config:
        config.write(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {tmp_path / 'store'}\n")
    materials.ensure(root, [PATH])
    dvc.push(root, [PATH])
    shutil.rmtree(root / ".dvc/cache")
    (root / PATH).unlink()
    assert materials.ensure(root, [PATH]) == {PATH: MD5}
    assert fetches() == 1


def test_without_a_dvc_folder_the_source_is_enough(root: Path) -> None:
    shutil.rmtree(root / ".dvc")
    assert materials.ensure(root, [PATH]) == {PATH: MD5}


def test_a_present_file_is_checked_without_dvc(root: Path) -> None:
    materials.ensure(root, [PATH])
    shutil.rmtree(root / ".dvc")
    assert materials.ensure(root, [PATH]) == {PATH: MD5}
    assert fetches() == 1


@pytest.mark.parametrize(
    ("contents", "found"),
    [
        (GOOD[:-4], "15 bytes of 19: truncated, or another version"),
        (GOOD + b"!", "20 bytes, not 19"),
        (GOOD.upper(), f"same size, but not md5 {MD5[:8]}"),
    ],
)
def test_a_changed_file_is_refused_with_the_two_ways_out(root: Path, contents: bytes, found: str) -> None:
    (root / PATH).write_bytes(contents)
    with pytest.raises(DataError) as caught:
        materials.ensure(root, [PATH])
    assert str(caught.value) == (
        f"data/x.bin: is not what data.dvc pins ({found}). To accept it, type: wb data pin data/x.bin; "
        "to get the pinned one back: wb data restore data/x.bin"
    )
    assert (root / PATH).read_bytes() == contents


def test_both_ways_out_work(root: Path) -> None:
    (root / PATH).write_bytes(b"mine")
    aside = materials.restore(root, PATH)
    assert aside is not None and aside.read_bytes() == b"mine"
    assert materials.ensure(root, [PATH]) == {PATH: MD5}
    assert materials.restore(root, PATH) is None
    (root / PATH).unlink()
    (root / PATH).write_bytes(b"mine")
    after = hashlib.md5(b"mine").hexdigest()
    assert materials.pin(root, PATH) == (MD5, after)
    assert materials.ensure(root, [PATH]) == {PATH: after}


def test_a_forced_restore_leaves_nothing_behind(root: Path) -> None:
    (root / PATH).write_bytes(b"mine")
    assert materials.restore(root, PATH, force=True) is None
    assert (root / PATH).read_bytes() == GOOD
    assert [path.name for path in (root / "data").iterdir() if path.name != ".gitignore"] == ["x.bin"]


def test_a_restore_that_finds_nothing_leaves_the_file_as_it_was(root: Path) -> None:
    register(Route("shop", closed))
    (root / PATH).write_bytes(b"mine")
    with pytest.raises(DataError, match="shop: the shop is closed"):
        materials.restore(root, PATH, force=True)
    assert (root / PATH).read_bytes() == b"mine"


def test_a_file_that_cannot_be_had_names_every_reason(root: Path) -> None:
    register(Route("shop", closed))
    with pytest.raises(DataError) as caught:
        materials.ensure(root, [PATH])
    text = str(caught.value)
    assert text.startswith(
        "data/x.bin: is missing; DVC: its pinned version is not in DVC's cache, and no remote is set"
    )
    assert "shop: the shop is closed" in text and text.endswith("Type: pray")
    del SOURCES[PATH]
    try:
        with pytest.raises(DataError, match=r"is missing and cannot be had .*wb data pull data/x.bin"):
            materials.ensure(root, [PATH])
    finally:
        register(Route("shop", closed))


def test_a_source_that_no_longer_gives_the_pinned_bytes_is_refused(root: Path) -> None:
    register(Route("friend", lambda target, report: (target.write_bytes(b"new edition"), None)[1]))
    with pytest.raises(DataError, match=f"friend: gives md5 [0-9a-f]{{32}}, pinned is {MD5}"):
        materials.ensure(root, [PATH])
    assert not (root / PATH).exists()


def test_a_path_that_is_not_pinned_says_how_to_pin_it(root: Path) -> None:
    (root / "data/mine.npz").write_bytes(b"m")
    with pytest.raises(DataError, match=r"data/mine.npz: is not pinned in data.dvc. Type: wb data pin data/mine.npz"):
        materials.ensure(root, ["data/mine.npz"])
    with pytest.raises(DataError, match=r"is not pinned in data.dvc; did you mean 'data/x.bin'\?"):
        materials.ensure(root, ["data/xx.bin"])


def test_pinning_a_missing_file_fetches_it_first(root: Path) -> None:
    (root / "data.dvc").unlink()
    assert materials.pin(root, PATH) == (None, MD5)
    assert state(root, read_pins(root)[PATH]) == "ok" and read_pins(root)[PATH].push
    SOURCES[PATH] = dataclasses.replace(SOURCES[PATH], redistribute=False)
    assert materials.pin(root, PATH) == (MD5, MD5)
    assert not read_pins(root)[PATH].push
    with pytest.raises(DataError, match="there is no such file"):
        materials.pin(root, "data/nothing.bin")


def _ensure(root: Path) -> None:
    register(Route("shop", closed), Route("friend", good))
    materials.ensure(root, [PATH])


def test_of_two_processes_one_brings_the_file_and_the_other_waits(root: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_ensure, args=(root,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert fetches() == 1
    assert (root / PATH).read_bytes() == GOOD
    assert [path.name for path in (root / "data").iterdir() if path.name != ".gitignore"] == ["x.bin"]


def test_offline_it_says_so_and_how_to_go_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(target: Path, report: Report) -> None:
        report("downloading x.bin", 0, len(GOOD))
        raise Unavailable("WB_OFFLINE is set")

    register(Route("shop", unreachable))
    told: list[str] = []
    monkeypatch.setenv("WB_OFFLINE", "1")
    with pytest.raises(DataError, match=r"WB_OFFLINE is set: type unset WB_OFFLINE, and the same again$"):
        materials.ensure(root, [PATH], lambda text, done, total: told.append(text))
    assert told and not any("downloading" in text for text in told)
    monkeypatch.delenv("WB_OFFLINE")
    with pytest.raises(DataError, match=r"Type: pray$"):
        materials.ensure(root, [PATH])
