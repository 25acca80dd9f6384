"""What every test stands on: one thread, its own record, nothing sent anywhere, the same examples each time."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Set before torch is imported, here and in every process that a test starts: results depend on the thread count.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

settings.register_profile("workbench", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("workbench")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def own_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into a record or a tracker that the person who runs it has set; git commits need a name."""
    for name in ("WB_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.invalid")


@pytest.fixture
def repository() -> Path:
    """The folder of this project's sources."""
    return ROOT
