from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from workbench.record.files import read_json
from workbench.record.journal import Journal
from workbench.record.mlflow import Tracker
from workbench.record.shipper import Shipper, address, home_tag
from workbench.record.shipping import ship_study

Begin = Callable[[str], Journal]
Stored = Callable[[Path], dict[str, Any]]


def test_thread_sends_while_a_run_is_being_written(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    shipper = Shipper(home, every=0.05)
    shipper.add_study(study)
    with Journal.create(study, read_json(study / "study.json"), kind="study") as own:
        shipper.start()
        journal = begin("r1")
        for step in range(50):
            journal.metric("train/loss", 1.0 / (step + 1), step)
        deadline = time.monotonic() + 30
        while "s1/r1" not in stored(home) or stored(home)["s1/r1"].data.metrics.get("train/loss", 1.0) > 1 / 50:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert stored(home)["s1/r1"].info.status == "RUNNING"
        journal.seal({"state": "finished", "metrics": {"test/error": 0.25}})
        own.seal({"cells": [], "claims": []})
    assert shipper.stop() == ""
    assert [stored(home)[key].info.status for key in ("s1", "s1/r1")] == ["FINISHED", "FINISHED"]


def test_next_start_sends_and_closes_what_a_killed_process_left(
    home: Path, study: Path, begin: Begin, stored: Stored
) -> None:
    with begin("r1") as journal:
        journal.metric("train/loss", 1.0, 0)
        ship_study(Tracker.open(home), study, home_tag(home), live=True)
    shipper = Shipper(home, every=0.05)
    shipper.start()
    deadline = time.monotonic() + 30
    while {run.info.status for run in stored(home).values()} != {"KILLED"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert shipper.stop() == ""


def test_stop_without_start_and_without_studies(home: Path) -> None:
    assert Shipper(home).stop() == ""


def test_records_of_another_place_have_another_tag_and_no_password_is_told(tmp_path: Path, monkeypatch) -> None:
    assert home_tag(tmp_path / "a") != home_tag(tmp_path / "b") and "'" not in home_tag(tmp_path / "it's")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@host:5000")
    assert address(tmp_path) == "http://host:5000"


def test_training_is_told_once_what_a_dead_tracker_did_not_take(
    home: Path, study: Path, begin: Begin, monkeypatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    shipper = Shipper(home, every=0.05)
    shipper.add_study(study)
    shipper.start()
    with begin("r1") as journal:
        journal.metric("train/loss", 1.0, 0)
    told = shipper.stop(timeout=30)
    assert told.startswith("2 records are kept locally (MLflow does not answer") and told.endswith("wb sync")


def test_run_outside_the_plan_is_sent_without_waiting_for_a_sender(
    home: Path, study: Path, begin: Begin, stored: Stored
) -> None:
    shipper = Shipper(home)
    shipper.add_study(study)
    with begin("source") as journal:
        journal.metric("train/loss", 1.0, 0)
        with FileLock(study / "ship.lock"):
            shipper.add_run(journal.folder, study)
    ship_study(Tracker.open(home), study, home_tag(home), live=True)
    assert "s1/source" in stored(home)
