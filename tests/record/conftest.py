"""A study and its runs as files, in a state folder whose MLflow store is empty."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.record import places
from workbench.record.files import write_json
from workbench.record.journal import Journal
from workbench.record.mlflow import tracking_uri


@pytest.fixture
def home(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose MLflow store is migrated and empty."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    place = places.prepare(tmp_path / ".wb")
    (place / "mlflow").mkdir()
    shutil.copy(migrated, place / "mlflow" / "mlflow.db")
    return place


@pytest.fixture
def study(home: Path) -> Path:
    """A study of two planned runs, none of them begun."""
    folder = places.study_folder(home, "s1")
    facts = {
        "format": 1,
        "id": "s1",
        "experiment": "bn_finetune",
        "tier": "smoke",
        "created": "2026-01-02T03:04:05+00:00",
        "commit": "c" * 40,
        "snapshot": "d" * 40,
        "dirty": True,
        "branch": "main",
        "url": "https://example.org/x.git",
        "measure": "test/error",
        "pins": {"data/mnist.npz": "e" * 32},
        "cells": [{"name": "digits", "arms": [{"name": "A"}, {"name": "B"}]}],
        "runs": [{"id": "r1", "cell": "digits", "arm": "A"}, {"id": "r2", "cell": "digits", "arm": "B"}],
        "settings": [{"name": "fit.batch", "value": 32, "why": "fits"}],
    }
    write_json(folder / "study.json", facts)
    return folder


@pytest.fixture
def begin(home: Path) -> Callable[[str], Journal]:
    """Opens the journal of a run by its id."""

    def opened(run: str) -> Journal:
        facts = {
            "format": 1,
            "id": run,
            "identity": f"identity-{run}",
            "cell": "digits",
            "arm": "A",
            "seed": "100",
            "seeds": {"init": 100, "order": 100},
            "fields": {"fit.lr": 1e-3, "fit.layers": [1, 2], "model": "Network", "data.test": None},
            "pins": {"data/mnist.npz": "e" * 32},
            "created": "2026-01-02T03:05:00+00:00",
        }
        return Journal.create(places.run_folder(home, run), facts)

    return opened


@pytest.fixture
def stored() -> Callable[[Path], dict[str, Any]]:
    """Reads ``{wb.key: run}`` of everything in the store of a state folder; a key that came twice fails."""

    def read(home: Path) -> dict[str, Any]:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri(home))
        runs = client.search_runs([each.experiment_id for each in client.search_experiments()])
        found = {run.data.tags["wb.key"]: run for run in runs}
        assert len(found) == len(runs)
        return found

    return read
