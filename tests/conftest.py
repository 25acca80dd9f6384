"""What every test stands on: one thread, its own record, nothing sent anywhere, the same examples each time."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.pictures import write_pictures
from tests.project import Project, Typed, copy_project, make_project
from tests.recorded import record

# Set before torch is imported, here and in every process that a test starts: results depend on the thread count.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["DVC_NO_ANALYTICS"] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

settings.register_profile("workbench", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("workbench")

# A shell that starts pytest in the background has it ignore Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


def set_environment(patch: pytest.MonkeyPatch) -> None:
    """No record and no tracker of the person who runs the tests; a name for git."""
    for name in ("WB_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "GIT_DIR"):
        patch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "Test")
        patch.setenv(f"GIT_{role}_EMAIL", "test@example.invalid")


@contextlib.contextmanager
def own_environment() -> Iterator[pytest.MonkeyPatch]:
    """The same for what lives longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch)
        yield patch


@pytest.fixture(autouse=True)
def own_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into a record or a tracker that the person who runs it has set; git commits need a name."""
    set_environment(monkeypatch)


@pytest.fixture
def repository() -> Path:
    """The folder of this project's sources."""
    return ROOT


@pytest.fixture(scope="session")
def carried() -> Callable[[str], Path]:
    """``carried("data/adult.csv")``: the pinned file, brought into this project's data/ if it is not there yet.

    A test fails when it cannot be had.
    """
    from workbench.study.materials import ensure

    def get(path: str) -> Path:
        ensure(ROOT, [path])
        return ROOT / path

    return get


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data/small.npz, for tests that only read it."""
    root = tmp_path_factory.mktemp("pictures")
    write_pictures(root)
    return root


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated MLflow database for the whole session: its migration takes seconds, a copy nothing."""
    from workbench.record.mlflow import create_store

    database = tmp_path_factory.mktemp("template") / "mlflow.db"
    create_store(database)
    return database


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """A small project with pinned data and three experiments; never changed."""
    with own_environment():
        return make_project(tmp_path_factory.mktemp("project") / "p", migrated)


@pytest.fixture
def project(template: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the small project, in which the test stands."""
    found = copy_project(template, tmp_path / "p")
    monkeypatch.chdir(found.root)
    return found


@pytest.fixture(scope="session")
def measured_template(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project with a finished study of experiments/quick, never changed."""
    from tests.published import run_quick

    found = copy_project(template, tmp_path_factory.mktemp("measured") / "p")
    with own_environment() as patch:
        patch.chdir(found.root)
        run_quick(found)
    return found


@pytest.fixture
def measured(measured_template: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the small project with a finished study of experiments/quick, in which the test stands."""
    found = copy_project(measured_template, tmp_path / "p")
    monkeypatch.chdir(found.root)
    return found


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """``typed("run", "tiny")``: a command line of ``wb``, within this process."""
    from workbench.cli.main import main

    def call(*words: str) -> Typed:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(words)
        shown = capsys.readouterr()
        return Typed(int(end.value.code or 0), shown.out, shown.err)

    return call


@pytest.fixture(scope="session")
def recorded_template(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project with one finished study of a dirty tree; never changed."""
    with own_environment():
        return record(template, tmp_path_factory.mktemp("recorded") / "p")


@pytest.fixture
def recorded(recorded_template: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the project with a finished study, in which the test stands."""
    found = copy_project(recorded_template, tmp_path / "p")
    monkeypatch.chdir(found.root)
    return found
