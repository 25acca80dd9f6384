from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record import mlflow as mirror
from workbench.record.mlflow import Tracker, TrackerDown, TrackerGone


def client(home: Path):
    from mlflow import MlflowClient

    return MlflowClient(mirror.tracking_uri(home))


def test_everything_arrives_once_however_often_it_is_sent(home: Path, tmp_path: Path) -> None:
    tracker = Tracker.open(home)
    experiment = tracker.experiment("bn_finetune")
    parent = tracker.ensure_run(experiment, "study", name="study", start=1000, tags={"wb.home": "h"})
    (tmp_path / "figure.svg").write_text("<svg/>")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.txt").write_text("a")
    points = [("test/error", 1 / (step + 1), 1000 + step, step) for step in range(2500)]
    points += [("odd", math.nan, 1000, 0), ("a//b(c)", 1.0, 1000, 0)]
    for _ in range(3):
        run = tracker.ensure_run(experiment, "study/r1", name="A", start=1000, tags={"wb.home": "h"}, parent=parent)
        tracker.params(run, {f"p{n}": n for n in range(250)} | {"long": "x" * 7000})
        tracker.tags(run, {"mlflow.source.git.commit": "c" * 40, "long": "x" * 9000})
        tracker.metrics(run, points)
        tracker.input(run, "data/mnist.npz", "d" * 32 + ".dir")
        tracker.file(run, tmp_path / "figure.svg")
        tracker.folder(run, tmp_path / "more", "more")
        tracker.text(run, "# verdict", "verdict.md")
    tracker.status(run, "FINISHED", 9000)
    stored = client(home).get_run(run)
    assert len(stored.data.params) == 251 and len(stored.data.params["long"]) == 6000
    assert stored.data.tags["mlflow.parentRunId"] == parent and len(stored.data.tags["long"]) == 8000
    history = client(home).get_metric_history(run, "test/error")
    assert sorted((m.step, m.timestamp, m.value) for m in history) == [(s, 1000 + s, 1 / (s + 1)) for s in range(2500)]
    assert math.isnan(stored.data.metrics["odd"]) and stored.data.metrics["a/b_c_"] == 1.0
    (read,) = stored.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("data/mnist.npz", "d" * 32 + ".dir")
    assert sorted(each.path for each in client(home).list_artifacts(run)) == [
        "figure.svg",
        "more",
        "verdict.md",
    ]
    assert stored.info.artifact_uri.startswith((home / "mlflow" / "artifacts" / "bn_finetune").as_uri())
    assert (stored.info.status, stored.info.start_time, stored.info.end_time) == ("FINISHED", 1000, 9000)
    assert len(client(home).search_runs([experiment])) == 2


def test_killed_run_is_found_and_opened_again(home: Path) -> None:
    tracker = Tracker.open(home)
    run = tracker.ensure_run(tracker.experiment("x"), "s/r", name="A", start=1, tags={"wb.home": "mine"})
    tracker.ensure_run(tracker.experiment("x"), "t/r", name="A", start=1, tags={"wb.home": "other"})
    assert tracker.running("mine") == {run: "s/r"}
    tracker.status(run, "KILLED")
    assert tracker.running("mine") == {}
    tracker.status(run, "RUNNING")
    assert tracker.running("mine") == {run: "s/r"}


def test_the_same_key_in_another_home_is_another_run(home: Path) -> None:
    tracker = Tracker.open(home)
    mine = tracker.ensure_run(tracker.experiment("x"), "s/r", name="A", start=1, tags={"wb.home": "mine"})
    theirs = tracker.ensure_run(tracker.experiment("x"), "s/r", name="A", start=1, tags={"wb.home": "theirs"})
    assert mine != theirs
    assert tracker.ensure_run(tracker.experiment("x"), "s/r", name="A", start=1, tags={"wb.home": "mine"}) == mine


def test_deleted_experiment_comes_back(home: Path) -> None:
    first = Tracker.open(home).experiment("x")
    client(home).delete_experiment(first)
    assert Tracker.open(home).experiment("x") == first
    assert client(home).get_experiment(first).lifecycle_stage == "active"


def test_the_ui_is_told_that_models_are_trained_unless_somebody_chose_otherwise(home: Path) -> None:
    found = Tracker.open(home).experiment("x")
    assert client(home).get_experiment(found).tags["mlflow.experimentKind"] == "custom_model_development"
    older = client(home).create_experiment("older")
    Tracker.open(home).experiment("older")
    assert client(home).get_experiment(older).tags["mlflow.experimentKind"] == "custom_model_development"
    client(home).set_experiment_tag(older, "mlflow.experimentKind", "finetuning")
    Tracker.open(home).experiment("older")
    assert client(home).get_experiment(older).tags["mlflow.experimentKind"] == "finetuning"


def test_unknown_run_and_refused_value_are_told_apart(home: Path) -> None:
    tracker = Tracker.open(home)
    with pytest.raises(TrackerGone):
        tracker.tags("0" * 32, {"a": "b"})
    run = tracker.ensure_run(tracker.experiment("x"), "s/r", name="A", start=1, tags={})
    tracker.params(run, {"lr": 1})
    with pytest.raises(RecordError, match="refuses") as caught:
        tracker.params(run, {"lr": 2})
    assert not isinstance(caught.value, TrackerDown | TrackerGone)
    with pytest.raises(RecordError, match="40 characters"):
        tracker.input(run, "data/x", "a" * 40)


def test_store_is_in_wal_mode_with_no_temporary_left(migrated: Path) -> None:
    with sqlite3.connect(migrated) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert not list(migrated.parent.glob(".new-*"))


@pytest.mark.slow
def test_first_open_by_three_processes_at_once(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from workbench.record.mlflow import Tracker\n"
        "tracker = Tracker.open(pathlib.Path(sys.argv[1]))\n"
        "tracker.ensure_run(tracker.experiment('x'), sys.argv[2], name='A', start=1, tags={'wb.home': 'h'})\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(n)]) for n in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sorted(Tracker.open(tmp_path).running("h").values()) == ["0", "1", "2"]


def test_dead_server_fails_in_seconds_and_shows_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(TrackerDown, match="wb sync") as caught:
        Tracker.open(tmp_path)
    assert time.monotonic() - start < 20
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "/tmp/mlruns"])
def test_folder_store_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(RecordError, match="folder stores"):
        Tracker.open(tmp_path)


def test_broken_store_is_one_error(home: Path) -> None:
    (home / "mlflow" / "mlflow.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(RecordError, match=r"mlflow\.db"):
        Tracker.open(home)
