from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.record import places
from workbench.record.files import read_json, write_json
from workbench.record.journal import Journal
from workbench.record.mlflow import Tracker, tracking_uri
from workbench.record.shipper import home_tag, sync
from workbench.record.shipping import add_run, pending, ship_study

Begin = Callable[[str], Journal]
Stored = Callable[[Path], dict[str, Any]]
SUMMARY = {
    "tier": "smoke",
    "n_seeds": 1,
    "cells": [
        {
            "name": "digits",
            "arms": [
                {"name": "A", "values": [0.1], "mean": 0.1, "interval": [0.05, 0.2], "ratio": 1.0, "p": None},
                {"name": "B", "values": [0.6], "mean": 0.6, "interval": None, "ratio": 6.0, "ratio_interval": [4, 9]},
            ],
        }
    ],
    "claims": [
        {
            "name": "C1",
            "cell": "digits",
            "verdict": "supported",
            "estimate": 6.0,
            "interval": [4, 9],
            "p": 0.01,
            "n": 10,
        }
    ],
}


def history(home: Path, run: str, key: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    points = MlflowClient(tracking_uri(home)).get_metric_history(run, key)
    return sorted((point.step, point.value) for point in points)


def artifacts(home: Path, run: str, folder: str | None = None) -> list[str]:
    from mlflow import MlflowClient

    return sorted(each.path for each in MlflowClient(tracking_uri(home)).list_artifacts(run, folder))


def finish(journal: Journal, *, error: float = 0.25, state: str = "finished") -> None:
    for name in ("weights.safetensors", "predictions.npz", "checkpoint.safetensors", "environment.json"):
        (journal.folder / name).write_text(name)
    (journal.folder / "artifacts" / "plots").mkdir(parents=True)
    (journal.folder / "artifacts" / "plots" / "lr.png").write_text("png")
    journal.seal(
        {"state": state, "metrics": {"test/error": error}, "why": "" if state == "finished" else "loss is nan"}
    )


def test_whole_study_becomes_a_parent_and_its_children(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    for name, state in (("r1", "finished"), ("r2", "failed")):
        journal = begin(name)
        for step in range(5):
            journal.metric("train/loss", 1 / (step + 1), step)
        finish(journal, state=state)
    (study / "figure.png").write_text("png")
    (study / "report.html").write_text("<html>")
    Journal.create(study, read_json(study / "study.json"), kind="study").seal(SUMMARY)

    done = sync(home)
    assert (done.studies, done.complete, done.points, done.kept) == (1, 3, 10, {})
    runs = stored(home)
    assert set(runs) == {"s1", "s1/r1", "s1/r2"}
    parent, first, second = runs["s1"], runs["s1/r1"], runs["s1/r2"]
    assert [run.info.status for run in (parent, first, second)] == ["FINISHED", "FINISHED", "FAILED"]
    assert first.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert first.info.run_name == "A / 100 / digits" and parent.info.run_name == "bn_finetune (smoke)"
    for run in runs.values():
        git = {key: run.data.tags[f"mlflow.source.git.{key}"] for key in ("commit", "branch", "repoURL", "dirty")}
        assert git == {"commit": "c" * 40, "branch": "main", "repoURL": "https://example.org/x.git", "dirty": "true"}
        assert "d" * 40 in run.data.tags["mlflow.source.git.diff"]
        assert run.data.tags["wb.pin.data/mnist.npz"] == "e" * 32
        (read,) = run.inputs.dataset_inputs
        assert read.dataset.digest == "e" * 32
    assert first.data.params == {
        "fit.lr": "0.001",
        "fit.layers": "[1, 2]",
        "model": "Network",
        "data.test": "null",
        "seeds.init": "100",
        "seeds.order": "100",
    }
    assert first.data.metrics == {"train/loss": 0.2, "test/error": 0.25}
    assert second.data.tags["wb.why"] == "loss is nan"
    assert parent.data.params["fit.batch"] == "32"
    assert parent.data.metrics["digits/B/ratio"] == 6.0 and parent.data.metrics["digits/A/low"] == 0.05
    assert "| C1 | digits | supported | 6 | 4 to 9 |" in parent.data.tags["mlflow.note.content"]
    files = artifacts(home, first.info.run_id)
    assert {"weights.safetensors", "predictions.npz", "environment.json", "run.json", "artifacts"} <= set(files)
    assert "checkpoint.safetensors" not in files and not [name for name in files if name.endswith(".lock")]
    assert artifacts(home, first.info.run_id, "artifacts/plots") == ["artifacts/plots/lr.png"]
    assert {"figure.png", "report.html", "verdict.md", "settings.md"} <= set(artifacts(home, parent.info.run_id))
    assert pending(study, tracking_uri(home)) == []

    again = sync(home)
    assert (again.points, again.complete) == (0, 3)
    assert set(stored(home)) == set(runs)


def test_killed_run_is_closed_and_then_continued(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    with begin("r1") as journal:
        journal.metric("train/loss", 1.0, 0)
        ship_study(Tracker.open(home), study, home_tag(home), live=True)
        assert [run.info.status for run in stored(home).values()] == ["RUNNING", "RUNNING"]
    sync(home)
    assert [run.info.status for run in stored(home).values()] == ["KILLED", "KILLED"]
    with begin("r1") as journal:
        journal.metric("train/loss", 1.0, 0)
        journal.metric("train/loss", 0.5, 1)
        ship_study(Tracker.open(home), study, home_tag(home), live=True)
        assert stored(home)["s1/r1"].info.status == "RUNNING"
        finish(journal)
    sync(home)
    run = stored(home)["s1/r1"]
    assert run.info.status == "FINISHED"
    assert history(home, run.info.run_id, "train/loss") == [(0, 1.0), (1, 0.5)]


def test_lost_ledger_makes_no_second_copy(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    with begin("r1") as journal:
        journal.metric("train/loss", 1.0, 0)
        sync(home)
        (study / "shipped.json").unlink()
        finish(journal)
    sync(home)
    run = stored(home)["s1/r1"]
    assert history(home, run.info.run_id, "train/loss") == [(0, 1.0)]


def test_lost_store_is_filled_again_from_the_journals(home: Path, study: Path, begin: Begin, migrated: Path) -> None:
    journal = begin("r1")
    journal.metric("train/loss", 1.0, 0)
    finish(journal)
    sync(home)
    shutil.rmtree(home / "mlflow")
    (home / "mlflow").mkdir()
    shutil.copy(migrated, home / "mlflow" / "mlflow.db")
    script = "import sys, pathlib; from workbench.record.shipper import sync; print(sync(pathlib.Path(sys.argv[1])))"
    # a process of its own: MLflow keeps the old store's connection open as long as a process lives
    subprocess.run([sys.executable, "-c", script, str(home)], check=True)
    with sqlite3.connect(home / "mlflow" / "mlflow.db") as database:
        statuses = database.execute("select status from runs order by status").fetchall()
        values = database.execute("select key, value from metrics order by key").fetchall()
    database.close()
    assert statuses == [("FINISHED",), ("KILLED",)]
    assert values == [("test/error", 0.25), ("train/loss", 1.0)]
    assert len(list((home / "mlflow" / "artifacts").rglob("weights.safetensors"))) == 1


def test_run_shared_by_two_studies_is_a_child_of_both_with_one_copy_of_the_weights(
    home: Path, study: Path, begin: Begin, stored: Stored
) -> None:
    journal = begin("r1")
    journal.metric("train/loss", 1.0, 0)
    finish(journal)
    later = places.study_folder(home, "s2")
    write_json(later / "study.json", {**read_json(study / "study.json"), "id": "s2", "runs": []})
    add_run(later, "r1")
    sync(home)
    runs = stored(home)
    first, second = runs["s1/r1"], runs["s2/r1"]
    assert second.data.tags["mlflow.parentRunId"] == runs["s2"].info.run_id
    assert second.data.tags["wb.files"] == f"runs:/{first.info.run_id}"
    assert second.data.metrics == first.data.metrics and second.data.params == first.data.params
    assert "weights.safetensors" in artifacts(home, first.info.run_id)
    assert "weights.safetensors" not in artifacts(home, second.info.run_id)
    assert {run.info.status for run in (first, second)} == {"FINISHED"}


def test_run_done_anew_here_has_a_history_of_its_own(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    journal = begin("r1")
    journal.metric("train/loss", 1.0, 0)
    finish(journal)
    sync(home)
    shutil.rmtree(journal.folder)
    journal = begin("r1")
    facts = read_json(journal.folder / "run.json")
    write_json(journal.folder / "run.json", {**facts, "created": "2026-02-02T03:05:00+00:00"})
    journal.metric("train/loss", 1.0, 0)
    finish(journal, error=0.5)
    sync(home)
    found = stored(home)
    (old,) = (run for key, run in found.items() if key.startswith("s1/r1#"))
    new = found["s1/r1"]
    assert new.data.metrics["test/error"] == 0.5 != old.data.metrics["test/error"]
    assert history(home, new.info.run_id, "train/loss") == [(0, 1.0)] == history(home, old.info.run_id, "train/loss")
    assert {run.info.status for run in (old, new)} == {"FINISHED"}


def test_what_the_user_deleted_in_mlflow_stays_deleted(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    from mlflow import MlflowClient

    with begin("r1") as journal:
        journal.metric("train/loss", 1.0, 0)
        sync(home)
        MlflowClient(tracking_uri(home)).delete_run(stored(home)["s1/r1"].info.run_id)
        finish(journal)
    done = sync(home)
    assert done.kept == {}
    assert "s1/r1" not in stored(home)


def test_refused_run_does_not_keep_the_others(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    tracker = Tracker.open(home)
    own = {"wb.home": home_tag(home)}
    run = tracker.ensure_run(tracker.experiment("bn_finetune"), "s1/r1", name="A", start=1, tags=own)
    tracker.params(run, {"fit.lr": "another"})
    for name in ("r1", "r2"):
        journal = begin(name)
        finish(journal)
    done = sync(home)
    assert list(done.kept) == ["r1"] and "refuses" in done.kept["r1"]
    assert stored(home)["s1/r2"].info.status == "FINISHED"
    assert pending(study, tracking_uri(home))[-1] == "r1"


def test_run_whose_folder_was_deleted_does_not_stay_running(
    home: Path, study: Path, begin: Begin, stored: Stored
) -> None:
    with begin("r1"):
        ship_study(Tracker.open(home), study, home_tag(home), live=True)
    shutil.rmtree(study)
    assert sync(home).closed == 2
    assert {run.info.status for run in stored(home).values()} == {"KILLED"}


def test_unreadable_study_does_not_keep_the_others(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    broken = places.study_folder(home, "a0")
    write_json(broken / "study.json", {})
    (broken / "study.json").write_text("{")
    with pytest.raises(Exception, match="unreadable"):
        read_json(broken / "study.json")
    finish(begin("r1"))
    done = sync(home)
    assert list(done.kept) == ["a0"]
    assert stored(home)["s1/r1"].info.status == "FINISHED"


def test_study_that_is_judged_again_has_each_number_once(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    finish(begin("r1"))
    cells = [{"name": "digits", "arms": [{"name": "A", "mean": 0.25, "sd": 0.5}]}]
    tracker = Tracker.open(home)

    def history(name: str) -> list[tuple[float, int]]:
        points = tracker._client.get_metric_history(stored(home)["s1"].info.run_id, name)
        return sorted((point.value, point.step) for point in points)

    for moment, mean in ((10, 0.25), (20, 0.25), (30, 0.125)):
        cells[0]["arms"][0]["mean"] = mean  # type: ignore[index]
        write_json(study / "result.json", {"cells": cells, "claims": []})
        os.utime(study / "result.json", (moment, moment))
        sync(home)
    assert history("digits/A/sd") == [(0.5, 0)]
    assert history("digits/A/mean") == [(0.125, 1), (0.25, 0)]


def test_study_whose_settings_come_later_tells_them_too(home: Path, study: Path, stored: Stored) -> None:
    facts = read_json(study / "study.json")
    write_json(study / "study.json", {**facts, "settings": [], "pins": {}})
    sync(home)
    assert "fit.batch" not in stored(home)["s1"].data.params
    write_json(study / "study.json", {**facts, "environment": {"class": "torch 2, cpu"}})
    sync(home)
    parent = stored(home)["s1"]
    assert parent.data.params["fit.batch"] == "32" and len(parent.inputs.dataset_inputs) == 1
    assert parent.data.tags["wb.class"] == "torch 2, cpu"
    assert "settings.md" in artifacts(home, parent.info.run_id)


def test_reproductions_below_a_home_go_to_its_tracker(home: Path, study: Path, begin: Begin, stored: Stored) -> None:
    """They could not be sent when they were made, and nobody would look for their state folders."""
    finish(begin("r1"))
    place = home / "reproductions" / "x-1" / "home"
    for name in ("runs", "studies"):
        shutil.copytree(home / name, place / name)
    write_json(place / "studies/s1/study.json", {**read_json(study / "study.json"), "reproduces": "s1 at dddddddd"})
    done = sync(home)
    assert done.studies == 2 and done.kept == {}
    homes = {run.info.run_id: run.data.tags["wb.home"] for run in Tracker.open(home)._client.search_runs(["1"])}
    assert sorted(homes.values()) == sorted([home_tag(home), home_tag(place)] * 2)
    assert sync(home).points == 0
