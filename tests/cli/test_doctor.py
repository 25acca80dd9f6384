from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cli import doctor
from workbench.cli.doctor import CHECKS, Finding, look
from workbench.record.packages import installed


def findings(name: str, place: Path) -> list[Finding]:
    return look(name, CHECKS[name], place)


def git(place: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A committed project that pins one data set, which is there."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".gitignore").write_text("data/\n.wb/\n")
    (tmp_path / "data" / "a.npz").write_bytes(b"content")
    md5 = hashlib.md5(b"content", usedforsecurity=False).hexdigest()
    (tmp_path / "data.dvc").write_text(f"outs:\n- md5: {md5}\n  size: 7\n  hash: md5\n  path: data/a.npz\n")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "start")
    return tmp_path


def test_sound_project_has_nothing_red(project: Path) -> None:
    for name in CHECKS:
        for finding in findings(name, project):
            assert finding.colour != "red", finding
            assert finding.todo or finding.colour == "green", finding


def test_every_line_is_printed_and_red_means_1(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    command = [sys.executable, "-c", "from workbench.cli.main import main; main()", "doctor"]
    good = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert good.returncode == 0, good.stdout
    assert all(f"  {name} " in good.stdout for name in CHECKS)
    bad = subprocess.run(command, cwd=tmp_path_factory.mktemp("nothing"), capture_output=True, text=True)
    assert bad.returncode == 1 and bad.stderr == ""
    assert "BAD   git" in bad.stdout and "git init" in bad.stdout


def test_git_states(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert findings("git", project)[0].text.endswith("on main, clean")
    (project / "new.txt").touch()
    (found,) = findings("git", project)
    assert found.colour == "green" and "1 changed file;" in found.text
    (project / ".env").touch()
    (found,) = findings("git", project)
    assert found.colour == "yellow" and ".env" in found.todo
    empty = tmp_path_factory.mktemp("empty")
    git(empty, "init", "-q")
    (found,) = findings("git", empty)
    assert found.colour == "red" and "git commit" in found.todo


def test_data_states(project: Path) -> None:
    assert findings("data", project)[0].text.endswith("1 data set as pinned")
    (project / "data" / "a.npz").write_bytes(b"Content")
    (found,) = findings("data", project)
    assert found.colour == "red" and "wb data restore data/a.npz" in found.todo and "wb data pin" in found.todo
    (project / "data" / "a.npz").unlink()
    (found,) = findings("data", project)
    assert found.colour == "yellow" and "wb data pull" in found.todo
    (project / "data.dvc").write_text("<<<<<<< HEAD\n")
    assert findings("data", project)[0].colour == "red"


def test_dead_tracker_is_red(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (found,) = findings("mlflow", project)
    assert found.colour == "red" and "wb sync" in found.todo


def test_store_is_not_made_by_looking(project: Path) -> None:
    (found,) = findings("mlflow", project)
    assert found.colour == "green" and "no store yet" in found.text
    assert not (project / ".wb" / "mlflow").exists()


def test_packages_that_deviate_are_named(project: Path) -> None:
    assert findings("packages", project)[0].colour == "yellow"
    (project / "requirements.txt").write_text("click==0.1\nno-such-package==1.0\n")
    found, unnamed, vague = findings("packages", project)
    assert found.colour == "yellow" and "no-such-package missing (locked 1.0)" in found.text and "./setup" in found.todo
    assert unnamed.colour == "yellow" and "installed that no lock names: " in unnamed.text
    assert vague.colour == "yellow" and "no hash for click, no-such-package" in vague.text


def test_packages_as_locked(project: Path) -> None:
    everything = installed(project)
    lines = [f"{name}=={version} --hash=sha256:{'0' * 64}\n" for name, version in everything.items()]
    (project / "requirements.txt").write_text("".join(each for each in lines if "(local)" not in each))
    (project / "requirements-data.txt").write_text("".join(f"{name}\n" for name in everything))
    assert [each.colour for each in findings("packages", project)] == ["yellow"]  # the second one has no hashes
    (project / "requirements-data.txt").write_text("".join(each.replace("(local)", "") for each in lines))
    (found,) = findings("packages", project)
    assert found.colour == "green" and found.text.endswith(" packages as locked")


def test_full_disk_is_red(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_GIB", 2**60)
    (found,) = findings("disk", project)
    assert found.colour == "red" and "WB_HOME" in found.todo


def test_old_python_is_red(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_OLDEST", (9, 9))
    assert findings("python", project)[0].colour == "red"


def test_too_many_threads(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "100000")
    assert findings("threads", project)[0].todo == "Type: unset OMP_NUM_THREADS"
