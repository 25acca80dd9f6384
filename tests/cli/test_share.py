"""What re-creates a run reaches a colleague who has nothing but the remotes."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pictures import write_pictures
from tests.project import Project, Typed
from workbench.record import dvc
from workbench.record.git import Repository


@pytest.fixture
def shared(project: Project, tmp_path: Path) -> Path:
    """The project's remote, empty at first; the project has a snapshot of a clean tree and one of a dirty tree."""
    place = tmp_path / "shared.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(place)], check=True)
    project.git("remote", "add", "origin", str(place))
    repository = Repository.find(project.root)
    repository.snapshot("tiny-smoke-0a1b2c3d")
    (project.root / "helper.py").write_text("LR = 0.1\n")
    (project.root / "experiments/tiny/spec.py").write_text("import helper\n")
    repository.snapshot("tiny-default-4e5f6a7b")
    return place


def names(project: Project) -> list[str]:
    return project.git("for-each-ref", "--format=%(refname)", "refs/wb").removeprefix("refs/wb/").split("\nrefs/wb/")


def test_a_colleague_gets_the_uncommitted_files(
    project: Project, shared: Path, tmp_path: Path, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    status = project.git("status", "--porcelain")
    dirty, clean = names(project)
    done = typed("share")
    assert done.code == 0, done.err
    said = done.out.splitlines()
    assert said[0] == f"These hold files that nobody committed: {dirty} (2 files)."
    assert said[1] == f"origin has 2 commits of recorded runs; sent now: 2 ({dirty}, {clean})."
    assert said[2].startswith("No DVC remote is set, so the data was not shared.") and "dvc remote add -d" in said[2]
    assert project.git("status", "--porcelain") == status
    again = typed("share", "origin")
    assert again.out.splitlines()[0] == "origin has 2 commits of recorded runs; sent now: 0." and again.code == 0

    project.git("push", "-q", "origin", "main")
    subprocess.run(["git", "clone", "-q", str(shared), str(tmp_path / "theirs")], check=True)
    theirs = Project(tmp_path / "theirs")
    monkeypatch.chdir(theirs.root)
    fetched = typed("share", "--fetch")
    assert fetched.code == 0 and fetched.out.startswith(f"Fetched from origin: 2 commits ({dirty}, {clean}).")
    assert theirs.git("show", f"wb/{dirty}:helper.py") == "LR = 0.1"
    assert fetched.out.splitlines()[1] == f"To look at one, type: git show --stat wb/{dirty}"
    theirs.git("show", "--stat", f"wb/{dirty}")
    assert typed("share", "--fetch").out == "Fetched from origin: 0 commits.\n"


def test_pinned_data_goes_along_where_dvc_has_a_remote(
    project: Project, shared: Path, tmp_path: Path, typed: Callable[..., Typed]
) -> None:
    store = tmp_path / "store"
    with (project.root / ".dvc/config").open("a") as config:
        config.write(f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n")
    (project.root / "data/more.bin").write_bytes(b"more")
    project.wb("data", "pin", "data/more.bin")
    md5 = hash_of(project, "data/more.bin")
    done = typed("share")
    assert done.code == 0 and "The DVC remote has 2 of 2 pinned files; sent now: 2." in done.out
    assert (store / "files/md5" / md5[:2] / md5[2:]).read_bytes() == b"more"
    shutil.rmtree(project.root / ".dvc/cache/files/md5" / md5[:2])
    again = typed("share")
    assert again.code == 0 and "The DVC remote has 1 of 2 pinned files; sent now: 0." in again.out
    assert "not shared: data/more.bin. To get them, type: wb data pull" in again.out


def hash_of(project: Project, path: str) -> str:
    from workbench.record.pins import read_pins

    return read_pins(project.root)[path].md5


def test_nothing_recorded_no_remote_and_a_dead_one(
    project: Project, tmp_path: Path, typed: Callable[..., Typed]
) -> None:
    none = typed("share")
    assert none.code == 1 and none.complaint().endswith("no git remote. Type: git remote add origin ADDRESS")
    project.git("remote", "add", "lab", str(tmp_path / "nowhere.git"))
    empty = typed("share")
    assert empty.code == 0 and "No run is recorded yet" in empty.out
    Repository.find(project.root).snapshot("tiny")
    for words in (("share",), ("share", "lab"), ("share", "--fetch")):
        dead = typed(*words)
        assert dead.code == 1 and "the git remote 'lab'" in dead.complaint()
        assert "does not appear to be a git repository. Type: git ls-remote lab" in dead.complaint()
    other = typed("share", "lap")
    assert other.code == 1 and "there is no git remote 'lap'; did you mean 'lab'?" in other.complaint()


def test_data_that_an_older_commit_pins_goes_along(
    project: Project, shared: Path, tmp_path: Path, typed: Callable[..., Typed]
) -> None:
    store = tmp_path / "store"
    subprocess.run(
        [sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "s", str(store)], cwd=project.root, check=True
    )
    (project.root / "data/small.npz").unlink()
    write_pictures(project.root, seed=1)
    assert typed("data", "pin", "data/small.npz").code == 0
    done = typed("share")
    assert done.code == 0, done.err
    assert "The DVC remote has 1 of 1 pinned files; sent now: 1." in done.out
    assert "Older versions that shared commits pin: 1; sent now: 1." in done.out
    assert len(list(store.glob("files/md5/*/*"))) == 2
    assert "Older versions that shared commits pin: 1; sent now: 0." in typed("share").out


def test_what_may_not_be_passed_on_stays_here(
    project: Project, shared: Path, tmp_path: Path, typed: Callable[..., Typed]
) -> None:
    store = tmp_path / "store"
    subprocess.run(
        [sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "s", str(store)], cwd=project.root, check=True
    )
    (project.root / "data/mine.bin").write_bytes(b"mine")
    dvc.pin(project.root, ["data/mine.bin"], push=False)
    Repository.find(project.root).snapshot("tiny-smoke-1b2c3d4e")
    (project.root / "data/mine.bin").write_bytes(b"mine, changed")
    dvc.pin(project.root, ["data/mine.bin"])
    done = typed("share")
    assert done.code == 0, done.err
    assert "Never sent, as data.dvc says push: false: data/mine.bin." in done.out
    assert "The DVC remote has 1 of 1 pinned files; sent now: 1." in done.out
    assert "Older versions" not in done.out
    assert len(list(store.glob("files/md5/*/*"))) == 1
