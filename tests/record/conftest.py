"""One migrated MLflow database for the whole session: its migration takes seconds, a copy nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.record import places
from workbench.record.mlflow import create_store


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("template") / "mlflow.db"
    create_store(database)
    return database


@pytest.fixture
def home(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose MLflow store is migrated and empty."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    place = places.prepare(tmp_path / ".wb")
    (place / "mlflow").mkdir()
    shutil.copy(migrated, place / "mlflow" / "mlflow.db")
    return place
