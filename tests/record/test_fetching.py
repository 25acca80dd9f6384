"""Studies that another state folder sent to a real MLflow store, brought here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import RecordError
from workbench.record import places
from workbench.record.fetching import fetch_study
from workbench.record.files import read_json
from workbench.record.journal import Journal, read_run
from workbench.record.mlflow import Tracker, tracking_uri
from workbench.record.shipper import home_tag, sync
from workbench.record.shipping import ship_study

Begin = Callable[[str], Journal]
Stored = Callable[[Path], dict[str, Any]]
FILES = ("predictions.npz", "environment.json", "weights.safetensors")


@pytest.fixture
def here(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our own state folder, empty; its tracker is the one of ``home``, which sends."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(home))
    return tmp_path / "here" / ".wb"


def finish(journal: Journal, error: float = 0.25) -> None:
    for step in range(3):
        journal.metric("train/loss", 1 / (step + 1), step)
    for name in FILES:
        (journal.folder / name).write_text("{}" if name.endswith("json") else f"{name} of {journal.folder.name}")
    journal.seal({"state": "finished", "metrics": {"test/error": error}, "weights": "a" * 64})


def end(study: Path) -> None:
    Journal.create(study, read_json(study / "study.json"), kind="study").seal({"cells": [], "claims": []})


def mlflow_ids(study: Path) -> dict[str, str]:
    """``{run id, "" for the study: MLflow's id}``."""
    (ledger,) = read_json(study / "shipped.json").values()
    found = {name: entry["mlflow_run_id"] for name, entry in ledger.get("runs", {}).items()}
    return {**found, "": ledger["study"]["mlflow_run_id"]}


@pytest.fixture
def sent(home: Path, study: Path, begin: Begin) -> dict[str, str]:
    """The study, complete in the tracker; MLflow's ids."""
    finish(begin("r1"))
    finish(begin("r2"), error=0.5)
    end(study)
    assert sync(home).kept == {}
    return mlflow_ids(study)


def test_a_study_comes_as_it_was_recorded(home: Path, here: Path, study: Path, sent: dict[str, str]) -> None:
    found = fetch_study(here, sent[""])
    assert found == (here / "fetched" / sent[""], "s1", "")
    place, name, _ = found
    folder = places.study_folder(place, name)
    for file in ("study.json", "result.json"):
        assert (folder / file).read_bytes() == (study / file).read_bytes()
    for run in ("r1", "r2"):
        mine, theirs = (places.run_folder(each, run) for each in (place, home))
        for file in ("run.json", "result.json", "journal.jsonl", "environment.json", "predictions.npz"):
            assert (mine / file).read_bytes() == (theirs / file).read_bytes()
        assert not (mine / "weights.safetensors").exists()  # their hash is enough
        assert read_run(mine).metrics == read_run(theirs).metrics and read_run(mine).state == "finished"
    assert (here / ".gitignore").exists() and not list(here.glob("studies/*"))  # it is not ours
    assert not [path for path in place.rglob("*") if path.name.startswith(".")]


def test_a_run_s_id_means_that_run_and_brings_its_study(here: Path, sent: dict[str, str]) -> None:
    for run in ("r1", "r2"):
        assert fetch_study(here, sent[run]) == (here / "fetched" / sent[""], "s1", run)


def test_what_is_here_is_not_brought_again(home: Path, here: Path, sent: dict[str, str]) -> None:
    first = fetch_study(here, sent[""])
    assert first is not None
    before = {path: path.stat().st_mtime_ns for path in first[0].rglob("*") if path.is_file()}
    shutil.rmtree(home / "mlflow" / "artifacts")
    assert fetch_study(here, sent[""]) == first and len(before) > 10
    assert before == {path: path.stat().st_mtime_ns for path in first[0].rglob("*") if path.is_file()}


def test_ids_that_are_nothing_or_not_ours(here: Path, sent: dict[str, str]) -> None:
    from mlflow import MlflowClient

    assert fetch_study(here, "0" * 32) is None
    client = MlflowClient(tracking_uri(here))
    assert fetch_study(here, client.create_run("0").info.run_id) is None
    # somebody's own run below our study is left where it is
    experiment = client.get_run(sent[""]).info.experiment_id
    client.create_run(experiment, tags={"mlflow.parentRunId": sent[""], "mlflow.runName": "my look at it"})
    assert fetch_study(here, sent[""]) is not None


def test_a_study_that_is_half_sent(home: Path, here: Path, study: Path, begin: Begin) -> None:
    finish(begin("r1"))
    with begin("r2") as journal:
        journal.metric("train/loss", 1.0, 0)
        ship_study(Tracker.open(home), study, home_tag(home), live=True)
        for name in ("", "r1", "r2"):
            with pytest.raises(RecordError, match=r"has no run.json of it: its sender has not finished") as error:
                fetch_study(here, mlflow_ids(study)[name])
            assert error.value.where == f"run {mlflow_ids(study)['r2']}" and error.value.hint == "Type there: wb sync"
        assert not list((here / "fetched").glob("*/studies/*/study.json"))  # half a study counts as none
        finish(journal)
    assert sync(home).kept == {}
    with pytest.raises(RecordError, match=r"has no study.json of it: its sender has not finished"):
        fetch_study(here, mlflow_ids(study)[""])
    end(study)
    assert sync(home).kept == {}
    found = fetch_study(here, mlflow_ids(study)["r2"])
    assert found is not None and found[1:] == ("s1", "r2")
    assert read_run(places.run_folder(found[0], "r2")).final() == {"test/error": 0.25}


def test_a_run_of_two_studies_has_its_big_files_in_one(
    home: Path, here: Path, study: Path, begin: Begin, stored: Stored
) -> None:
    finish(begin("r1"))
    finish(begin("r2"))
    end(study)
    sync(home)
    other = places.study_folder(home, "s2")
    other.mkdir()
    (other / "study.json").write_text((study / "study.json").read_text().replace('"s1"', '"s2"'))
    end(other)
    sync(home)
    later = stored(home)["s2/r1"]
    assert later.data.tags["wb.files"].startswith("runs:/")
    found = fetch_study(here, later.info.run_id)
    assert found is not None and found[1:] == ("s2", "r1")
    name = "predictions.npz"
    assert (places.run_folder(found[0], "r1") / name).read_bytes() == (home / "runs/r1" / name).read_bytes()


@pytest.mark.parametrize(("which", "tag"), [("r1", "wb.run"), ("", "wb.study")])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    which: str, tag: str, here: Path, sent: dict[str, str], tmp_path: Path
) -> None:
    """What stands in a tracker was written by others."""
    Tracker.open(here).tags(sent[which], {tag: "../../../../../planted"})
    with pytest.raises(RecordError, match="is no name of ours"):
        fetch_study(here, sent[""])
    assert not list(tmp_path.rglob("planted"))


def test_a_tracker_that_does_not_answer(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RecordError, match="MLflow does not answer"):
        fetch_study(here, "0" * 32)
