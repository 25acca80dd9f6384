"""DVC in a small real repository: single files are pinned, pushed, pulled and restored as any DVC user expects."""

import hashlib
import multiprocessing
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workbench.errors import RecordError
from workbench.record import dvc
from workbench.record.pins import read_pins, state
from workbench.record.places import prepare


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


def dvc_cli(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose data/a.bin and data/b.bin are pinned and committed."""
    root = tmp_path_factory.mktemp("template")
    (root / "data").mkdir()
    git(root, "init", "-q")
    dvc_cli(root, "init", "-q")
    (root / "data/a.bin").write_bytes(b"abc")
    (root / "data/b.bin").write_bytes(b"12345")
    dvc.pin(root, ["data/a.bin", "data/b.bin"])
    git(root, "add", ".")
    git(root, "-c", "user.name=Test", "-c", "user.email=test@example.invalid", "commit", "-qm", "data")
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of the template, to change at will."""
    shutil.copytree(template, tmp_path / "project", ignore=shutil.ignore_patterns(".wb"))
    return tmp_path / "project"


@pytest.fixture
def remote(root: Path, tmp_path: Path) -> Path:
    """A default DVC remote: a folder beside the project."""
    place = tmp_path / "store"
    with (root / ".dvc/config").open("a") as config:
        config.write(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {place}\n")
    return place


def forget_cache(root: Path) -> None:
    shutil.rmtree(root / ".dvc/cache")


def test_a_pin_is_what_dvc_itself_would_have_written(root: Path) -> None:
    outs = yaml.safe_load((root / "data.dvc").read_text())["outs"]
    assert outs[0] == {"md5": hashlib.md5(b"abc").hexdigest(), "size": 3, "hash": "md5", "path": "data/a.bin"}
    assert dvc_cli(root, "status").strip() == "Data and pipelines are up to date."
    assert git(root, "ls-files", "data").split() == ["data/.gitignore"]
    before = (root / "data.dvc").read_text()
    dvc_cli(root, "commit", "-f", "-q")
    assert (root / "data.dvc").read_text() == before


def test_pinning_one_file_leaves_the_other_pins_and_comments(root: Path) -> None:
    text = (root / "data.dvc").read_text().replace("outs:\n", "# the data sets\nouts:\n")
    (root / "data.dvc").write_text(text.replace("  path: data/b.bin", "  desc: digits\n  path: data/b.bin"))
    (root / "data/b.bin").write_bytes(b"changed, but not to be pinned")
    (root / "data/a.bin").write_bytes(b"abcd")
    assert dvc.pin(root, ["data/a.bin"])["data/a.bin"].size == 4
    after = (root / "data.dvc").read_text()
    assert after.startswith("# the data sets\nouts:\n")
    assert "desc: digits" in after
    assert read_pins(root)["data/b.bin"].md5 == hashlib.md5(b"12345").hexdigest()
    assert read_pins(root)["data/a.bin"].md5 == hashlib.md5(b"abcd").hexdigest()


def test_a_file_that_git_tracks_or_that_is_not_there_is_not_pinned(root: Path) -> None:
    (root / "data/c.bin").write_bytes(b"c")
    git(root, "add", "data/c.bin")
    with pytest.raises(RecordError, match=r"data/c.bin: is tracked by git.*git rm --cached data/c.bin"):
        dvc.pin(root, ["data/c.bin"])
    with pytest.raises(RecordError, match=r"data/none: there is no such file"):
        dvc.pin(root, ["data/none"])
    with pytest.raises(RecordError, match=r"data/c.bin: is not pinned. Type: wb data pin data/c.bin"):
        dvc.restore(root, ["data/c.bin"])


def test_a_project_without_dvc_says_how_to_begin(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(RecordError, match=r"Type: dvc init"):
        dvc.pin(tmp_path, ["a"])
    assert dvc.has_remote(tmp_path) is False


def test_push_and_pull_of_single_files_through_a_local_remote(root: Path, remote: Path) -> None:
    assert dvc.has_remote(root)
    assert dvc.push(root, ["data/a.bin"]) == 1
    assert dvc.push(root, ["data/a.bin", "data/b.bin"]) == 1
    assert dvc.push(root, ["data/a.bin", "data/b.bin"]) == 0
    forget_cache(root)
    (root / "data/a.bin").unlink()
    (root / "data/b.bin").unlink()
    dvc.pull(root, ["data/a.bin"])
    assert (root / "data/a.bin").read_bytes() == b"abc"
    assert not (root / "data/b.bin").exists()
    with pytest.raises(RecordError, match=r"data/b.bin: not in DVC's cache, so it cannot be pushed"):
        dvc.push(root, ["data/b.bin"])


def test_a_file_that_may_not_be_passed_on_reaches_no_remote(root: Path, remote: Path) -> None:
    (root / "data/mine.bin").write_bytes(b"mine")
    pinned = dvc.pin(root, ["data/mine.bin"], push=False)["data/mine.bin"]
    assert read_pins(root)["data/mine.bin"] == pinned and not pinned.push
    assert dvc.push(root, ["data/a.bin", "data/mine.bin"]) == 1
    dvc_cli(root, "push", "-q")
    assert sorted(path.read_bytes() for path in remote.glob("files/md5/*/*")) == [b"12345", b"abc"]
    (root / "data/mine.bin").write_bytes(b"mine, changed")
    assert not dvc.pin(root, ["data/mine.bin"])["data/mine.bin"].push
    assert not read_pins(root)["data/mine.bin"].push
    forget_cache(root)
    (root / "data/mine.bin").unlink()
    with pytest.raises(RecordError, match="remote lack"):
        dvc.restore(root, ["data/mine.bin"])


def test_any_dvc_user_can_go_on_with_dvc_alone(root: Path, remote: Path, tmp_path: Path) -> None:
    dvc_cli(root, "push", "-q")
    git(root, "add", ".dvc/config")
    git(root, "commit", "-qm", "remote")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(root), str(clone))
    dvc_cli(clone, "pull", "-q", "data/b.bin")
    assert [path.name for path in sorted((clone / "data").iterdir())] == [".gitignore", "b.bin"]
    dvc_cli(clone, "pull", "-q")
    assert (clone / "data/a.bin").read_bytes() == b"abc"
    (clone / "data/a.bin").unlink()
    dvc_cli(clone, "checkout", "-q")
    assert (clone / "data/a.bin").read_bytes() == b"abc"
    (clone / "data/a.bin").unlink()
    (clone / "data/a.bin").write_bytes(b"other")
    assert "data/a.bin" in dvc_cli(clone, "status")
    dvc.pin(clone, ["data/a.bin"])
    git(clone, "commit", "-qam", "another a")
    git(clone, "checkout", "-q", "HEAD~1")
    dvc_cli(clone, "checkout", "-q")
    assert (clone / "data/a.bin").read_bytes() == b"abc"


def test_restore_moves_what_differs_aside_and_only_force_destroys(root: Path) -> None:
    (root / "data/a.bin").write_bytes(b"mine")
    assert dvc.restore(root, ["data/a.bin"]) == {"data/a.bin": root / "data/a.bin.changed-1"}
    assert (root / "data/a.bin").read_bytes() == b"abc"
    assert (root / "data/a.bin.changed-1").read_bytes() == b"mine"
    (root / "data/a.bin").unlink()
    (root / "data/a.bin").write_bytes(b"again")
    assert dvc.restore(root, ["data/a.bin"])["data/a.bin"] == root / "data/a.bin.changed-2"
    (root / "data/a.bin").unlink()
    (root / "data/a.bin").write_bytes(b"third")
    assert dvc.restore(root, ["data/a.bin"], force=True) == {"data/a.bin": None}
    assert dvc.restore(root, ["data/a.bin"]) == {"data/a.bin": None}
    assert sorted(path.name for path in (root / "data").glob("a.bin*")) == [
        "a.bin", "a.bin.changed-1", "a.bin.changed-2",
    ]  # fmt: skip


def test_a_restore_that_fails_leaves_the_file_as_it_was(root: Path, remote: Path) -> None:
    forget_cache(root)
    (root / "data/a.bin").write_bytes(b"mine")
    with pytest.raises(RecordError, match="remote lack"):
        dvc.restore(root, ["data/a.bin"])
    assert (root / "data/a.bin").read_bytes() == b"mine"
    (root / ".dvc/config").write_text("")
    with pytest.raises(RecordError, match=r"no remote is set. Type: dvc remote add -d"):
        dvc.restore(root, ["data/a.bin"], force=True)
    with pytest.raises(RecordError, match="no DVC remote is set"):
        dvc.pull(root, ["data/a.bin"])
    assert (root / "data/a.bin").read_bytes() == b"mine"


def test_a_damaged_cache_is_noticed(root: Path) -> None:
    pin = read_pins(root)["data/a.bin"]
    cached = root / ".dvc/cache/files/md5" / pin.md5[:2] / pin.md5[2:]
    cached.chmod(0o644)
    cached.write_bytes(b"xyz")
    cached.chmod(0o444)
    (root / "data/a.bin").write_bytes(b"mine")
    with pytest.raises(RecordError):
        dvc.restore(root, ["data/a.bin"])
    assert (root / "data/a.bin").read_bytes() == b"mine"


def _pin_many(root: Path, number: int) -> None:
    (root / f"data/{number}.bin").write_bytes(bytes([number]))
    dvc.pin(root, [f"data/{number}.bin"])


def test_processes_that_pin_at_once_lose_nothing(root: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_pin_many, args=(root, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    pins = read_pins(root)
    assert set(pins) == {"data/a.bin", "data/b.bin", "data/0.bin", "data/1.bin", "data/2.bin"}
    assert {state(root, pin) for pin in pins.values()} == {"ok"}


def test_nothing_is_printed_and_the_state_folder_holds_dvcs_own_cache(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "data/a.bin").unlink()
    dvc.restore(root, ["data/a.bin"])
    assert capfd.readouterr() == ("", "")
    assert (root / ".wb/cache/dvc").is_dir()


def test_a_worktree_shares_cache_and_remote(root: Path) -> None:
    """By links, not copies; also a remote that was set after the worktree's commit, by a relative address."""
    (root / "dvc.yaml").write_text("stages: {one: {cmd: echo}}\n")
    git(root, "add", ".")
    git(root, "-c", "user.name=Test", "-c", "user.email=test@example.invalid", "commit", "-qm", "a stage")
    tree = root / ".wb" / "reproductions" / "tree"  # a folder that git ignores
    prepare(root / ".wb")
    git(root, "worktree", "add", "-q", "--detach", str(tree), "HEAD")
    dvc_cli(root, "remote", "add", "-q", "-d", "store", "../store")
    assert dvc.push(root, ["data/a.bin"]) == 1
    dvc.share_cache(root, tree)
    assert dvc.restore(tree, ["data/a.bin"]) == {"data/a.bin": None}
    md5 = read_pins(root)["data/a.bin"].md5
    cached, placed = root / ".dvc/cache/files/md5" / md5[:2] / md5[2:], tree / "data/a.bin"
    assert placed.resolve() == cached or placed.stat().st_ino == cached.stat().st_ino or _reflinked(placed)
    for path in (placed, cached):
        path.unlink()
    dvc.restore(tree, ["data/a.bin"])
    assert placed.read_bytes() == cached.read_bytes() == b"abc"
    assert git(tree, "status", "--porcelain") == "" and not (tree / ".dvc/cache").exists()


def _reflinked(path: Path) -> bool:
    """Whether the file system shares its blocks with another file's."""
    return "shared" in subprocess.run(["filefrag", "-v", str(path)], capture_output=True, text=True).stdout
