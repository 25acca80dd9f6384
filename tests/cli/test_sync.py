from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workbench.record.files import write_json
from workbench.record.journal import Journal
from workbench.record.places import home, run_folder, study_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "experiments").mkdir()
    return tmp_path


def record(project: Path) -> Path:
    """One study with one finished run of 20 points."""
    place = home(project)
    runs = [{"id": "r1", "cell": "digits", "arm": "A"}]
    facts = {"id": "s1", "experiment": "x", "created": 1_700_000_000_000, "runs": runs}
    with Journal.create(run_folder(place, "r1"), {"id": "r1", "identity": "i", "fields": {"lr": 1}}) as journal:
        for step in range(20):
            journal.metric("train/loss", 1.0, step)
        journal.seal({"state": "finished", "metrics": {}})
    write_json(study_folder(place, "s1") / "study.json", facts)
    Journal.create(study_folder(place, "s1"), facts, kind="study").seal({"cells": [], "claims": []})
    return place


def wb(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from workbench.cli.main import main; main()", *words]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def test_nothing_recorded_says_how_to_begin(project: Path) -> None:
    done = wb(project, "sync")
    assert (done.returncode, done.stderr) == (0, "")
    assert "wb run experiments/NAME" in done.stdout
    assert not home(project).exists()


def test_outside_a_project(tmp_path: Path) -> None:
    done = wb(tmp_path, "sync")
    assert done.returncode == 2 and done.stderr.startswith("wb: ") and "git init" in done.stderr


@pytest.mark.slow
def test_sends_once_and_then_has_nothing_to_do(project: Path) -> None:
    record(project)
    first = wb(project, "sync")
    assert first.returncode == 0, first.stderr
    assert "s1: 2 to send" in first.stdout
    assert "2 complete records of 1 study" in first.stdout and "20 metric points" in first.stdout
    second = wb(project, "sync")
    assert second.stdout.startswith("sqlite:////") and "Sent now" not in second.stdout
    assert "2 complete records" in second.stdout


def test_dead_server_is_one_line(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    done = wb(project, "sync")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith(
        "wb: http://127.0.0.1:9: MLflow does not answer"
    )
    assert "secret" not in done.stderr


def test_help_has_an_example(project: Path) -> None:
    assert "wb sync" in wb(project, "sync", "--help").stdout
