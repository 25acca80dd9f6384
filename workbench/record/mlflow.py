"""The mirror of our record in MLflow: a wrapper around ``MlflowClient``, and the only importer of MLflow.

Every call takes effect or raises an error that says what the sender should do: come back later
(:class:`TrackerDown`), start that copy over (:class:`TrackerGone`), or leave it (plain ``RecordError``).
All of them may be repeated with the same arguments without changing what is stored.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import tempfile
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from filelock import FileLock, Timeout

from workbench.errors import RecordError
from workbench.record.files import refusal

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]
Point = tuple[str, float, int, int]
"""Key, value, milliseconds since 1970, step."""

BATCH_METRICS = 900
BATCH_PARAMS = 100
MAX_PARAM = 6000
MAX_TAG = 8000
MAX_KEY = 250
MAX_DIGEST = 36
_QUIET = ("mlflow", "alembic")
_GONE = "RESOURCE_DOES_NOT_EXIST"
_REFUSED = {"INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "PERMISSION_DENIED", "BAD_REQUEST"}
# or else some versions of the UI take an experiment for one about language models, and show neither runs nor charts
_KIND = ("mlflow.experimentKind", "custom_model_development")
_SETTINGS = {  # a dead server must fail in seconds, where MLflow's defaults take four minutes a call
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


class TrackerDown(RecordError):
    """The tracker does not answer at the moment; what was not sent stays in the journal."""


class TrackerGone(RecordError):
    """The tracker does not know this run or experiment any more, e.g. its store was deleted."""


def tracking_uri(home: Path) -> str:
    """``MLFLOW_TRACKING_URI`` if set, else the absolute URI of the SQLite store below ``home``."""
    chosen = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    return chosen or f"sqlite:///{home.absolute() / 'mlflow' / 'mlflow.db'}"


def artifact_root(uri: str) -> Path | None:
    """The local artifact folder beside a SQLite store; None where a server decides."""
    path = store_path(uri)
    return path.parent / "artifacts" if path else None


def store_path(uri: str) -> Path | None:
    """The database file of a ``sqlite:///`` URI as an absolute path, else None."""
    prefix = "sqlite:///"
    return Path(uri.removeprefix(prefix)).absolute() if uri.startswith(prefix) else None


def without_credentials(uri: str) -> str:
    """``http://me:secret@host`` as ``http://host``."""
    parts = urllib.parse.urlsplit(uri)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return urllib.parse.urlunsplit(bare) if parts.netloc else uri


class Tracker:
    """A connection to one MLflow store; safe to use from one thread at a time.

    ``shown`` is its address without credentials.
    """

    def __init__(self, uri: str) -> None:
        _import()
        from mlflow import MlflowClient

        self.uri = uri
        self.shown = without_credentials(uri)
        with self._asking():
            self._client = MlflowClient(tracking_uri=uri)
        self._experiments: dict[str, str] = {}

    @classmethod
    def open(cls, home: Path) -> Self:
        """Connect to the store of ``home`` (:func:`tracking_uri`), creating a local one when there is none.

        Raises:
            TrackerDown: when a server does not answer.
            RecordError: when the store is broken or of another kind than a database or a server.
        """
        uri = tracking_uri(home)
        database = store_path(uri)
        if database is not None:
            create_store(database)
        elif not re.match(r"[a-z][a-z0-9+]*:", uri) or uri.startswith("file:"):
            raise RecordError(
                "MLflow has no folder stores any more",
                where=f"MLFLOW_TRACKING_URI={uri}",
                hint="Unset it, or give sqlite:////absolute/path.db or http://host:port",
            )
        tracker = cls(uri)
        tracker.ping()
        return tracker

    def ping(self) -> None:
        """Return when the tracker answers.

        Raises:
            TrackerDown: when it does not.
        """
        with self._asking():
            self._client.search_experiments(max_results=1)

    def experiment(self, name: str) -> str:
        """The id of the experiment, made (or brought back from MLflow's bin) when needed."""
        if name not in self._experiments:
            with self._asking():
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    self._experiments[name] = self._client.create_experiment(name, self._location(name), dict([_KIND]))
                else:
                    if found.lifecycle_stage == "deleted":
                        self._client.restore_experiment(found.experiment_id)
                    if _KIND[0] not in found.tags:
                        self._client.set_experiment_tag(found.experiment_id, *_KIND)
                    self._experiments[name] = found.experiment_id
        return self._experiments[name]

    def _location(self, name: str) -> str | None:
        root = artifact_root(self.uri)
        return (root / re.sub(r"[^\w.-]", "_", name)).as_uri() if root else None

    def ensure_run(
        self,
        experiment: str,
        key: str,
        *,
        name: str,
        start: int,
        tags: Mapping[str, str],
        parent: str | None = None,
    ) -> str:
        """The id of the run that carries ``wb.key = key`` and the ``wb.home`` of ``tags``, made when there is none.

        Looking first makes it safe to die between creating a run and remembering its id. The home counts, because a
        colleague's study of the same question, or its reproduction, has the same key in the same store.

        Args:
            experiment: an experiment's id.
            start: milliseconds since 1970.
            parent: the id of the parent run; the UI then shows this one below it.
        """
        with self._asking():
            query = f"tags.`wb.key` = '{key}'"
            if "wb.home" in tags:
                query += f" and tags.`wb.home` = '{tags['wb.home']}'"
            found = self._client.search_runs([experiment], query, max_results=1)
            if found:
                return str(found[0].info.run_id)
            own = {"wb.key": key, "mlflow.user": _user(), **tags}
            if parent is not None:
                own["mlflow.parentRunId"] = parent
            run = self._client.create_run(experiment, start_time=start, tags=_tags(own), run_name=name)
            return str(run.info.run_id)

    def params(self, run: str, params: Mapping[str, Any]) -> None:
        """Record the parameters, which MLflow never lets anybody change."""
        from mlflow.entities import Param

        entries = [Param(_key(key), str(value)[:MAX_PARAM]) for key, value in params.items()]
        for chunk in _chunks(entries, BATCH_PARAMS):
            with self._asking():
                self._client.log_batch(run, params=chunk)

    def tags(self, run: str, tags: Mapping[str, str]) -> None:
        """Set the tags; a tag that is there is replaced."""
        from mlflow.entities import RunTag

        entries = [RunTag(key, value) for key, value in _tags(tags).items()]
        for chunk in _chunks(entries, BATCH_PARAMS):
            with self._asking():
                self._client.log_batch(run, tags=chunk)

    def metrics(self, run: str, points: Sequence[Point]) -> None:
        """Record points with their original times, which makes sending them again harmless."""
        from mlflow.entities import Metric

        entries = [Metric(_key(key), value, time, step) for key, value, time, step in points]
        for chunk in _chunks(entries, BATCH_METRICS):
            with self._asking():
                self._client.log_batch(run, metrics=chunk)

    def input(self, run: str, name: str, digest: str, *, context: str = "training") -> None:
        """Record that the run read the data set ``name`` (a project path) with this DVC md5.

        What is stored equals ``mlflow.log_input`` of a ``MetaDataset``, without importing pandas for it.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if len(digest) > MAX_DIGEST:
            raise RecordError(f"a digest of {len(digest)} characters; MLflow takes {MAX_DIGEST}", where=name)
        source = f'{{"uri": "{name}"}}'
        tags = [InputTag("mlflow.data.context", context)]
        entry = DatasetInput(Dataset(name, digest, "local", source), tags)
        with self._asking():
            self._client.log_inputs(run, [entry])

    def file(self, run: str, path: Path, folder: str | None = None) -> None:
        """Store a file as an artifact, in ``folder`` of the run's artifacts; an older one is replaced."""
        with self._asking():
            self._client.log_artifact(run, str(path), folder)

    def folder(self, run: str, path: Path, folder: str | None = None) -> None:
        """Store a folder's content as artifacts."""
        with self._asking():
            self._client.log_artifacts(run, str(path), folder)

    def text(self, run: str, text: str, name: str) -> None:
        """Store ``text`` as the artifact ``name``."""
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / name).write_text(text)
            self.file(run, Path(place) / name)

    def status(self, run: str, status: Status, end: int | None = None) -> None:
        """Set the run's status; all but RUNNING also set the end (milliseconds since 1970, default now)."""
        with self._asking():
            if status == "RUNNING":
                self._client.update_run(run, status="RUNNING")
            else:
                self._client.set_terminated(run, status=status, end_time=end)

    def running(self, home: str) -> dict[str, str]:
        """``{run id: its wb.key}`` of the runs of state folder ``home`` that MLflow believes to run."""
        with self._asking():
            experiments = [each.experiment_id for each in self._client.search_experiments()]
            query = f"attributes.status = 'RUNNING' and tags.`wb.home` = '{home}'"
            found = self._client.search_runs(experiments, query, max_results=1000)
        return {str(run.info.run_id): str(run.data.tags.get("wb.key", "")) for run in found}

    def told(self, run: str) -> dict[str, str]:
        """The tags of a run; :class:`TrackerGone` where there is none of that id."""
        with self._asking():
            return dict(self._client.get_run(run).data.tags)

    def children(self, run: str) -> dict[str, dict[str, str]]:
        """``{run id: its tags}`` of the runs below a parent run."""
        with self._asking():
            experiment = self._client.get_run(run).info.experiment_id
            query = f"tags.`mlflow.parentRunId` = '{run}'"
            found = self._client.search_runs([experiment], query, max_results=50_000)
        return {str(each.info.run_id): dict(each.data.tags) for each in found}

    def fetch(self, run: str, name: str, place: Path) -> bool:
        """Bring the artifact ``name`` of a run into the folder ``place``; False where the run has none."""
        with self._asking():
            if name not in {each.path for each in self._client.list_artifacts(run)}:
                return False
            place.mkdir(parents=True, exist_ok=True)
            self._client.download_artifacts(run, name, str(place))
        return True

    def stage(self, run: str) -> Literal["active", "deleted", "gone"]:
        """Whether MLflow has the run, has it in its bin (somebody deleted it), or does not know it."""
        try:
            with self._asking():
                return "active" if self._client.get_run(run).info.lifecycle_stage == "active" else "deleted"
        except TrackerGone:
            return "gone"

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Turn whatever MLflow and its transports raise into the three errors of this module."""
        import requests
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except MlflowException as error:
            code = str(error.error_code)
            message = str(error).strip().splitlines()[0][:300]
            if code == _GONE:
                raise TrackerGone(message, where=self.shown) from error
            if code in _REFUSED:
                raise RecordError(f"MLflow refuses it ({message})", where=self.shown) from error
            raise self._down(message) from error
        except (requests.RequestException, SQLAlchemyError, OSError) as error:
            raise self._down(str(error).strip().splitlines()[0][:300]) from error

    def _down(self, message: str) -> TrackerDown:
        hint = "Nothing is lost; once it is back, type: wb sync"
        database = store_path(self.uri)
        if database is not None:
            broken = f"{database.parent} {database.parent}.broken"
            hint = f"If it is damaged, make a new one from the journals: mv {broken} && wb sync"
        return TrackerDown(f"MLflow does not answer ({without_secrets(message)})", where=self.shown, hint=hint)


def create_store(database: Path) -> None:
    """Make the SQLite store when it is not there: migrated once, in WAL mode, with its artifacts beside it.

    MLflow's own first open is not safe against a second process or a kill (both leave a database that never
    opens again), so the tables are made in a temporary file under a lock, which then takes its place.
    """
    if database.exists():
        return
    _import()
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(database.with_suffix(".lock")).acquire(timeout=120):
            if not database.exists():
                _migrate(database)
    except Timeout as error:
        raise TrackerDown("another process is still creating the MLflow store", where=str(database)) from error
    except OSError as error:
        raise refusal(database, error) from error


def _migrate(database: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with tempfile.TemporaryDirectory(dir=database.parent, prefix=".new-") as place:
        fresh = Path(place) / database.name
        make: Any = SqlAlchemyStore  # it has no types
        make(f"sqlite:///{fresh}", (database.parent / "artifacts").as_uri()).engine.dispose()
        connection = sqlite3.connect(fresh)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        fresh.replace(database)


def _import() -> None:
    """Import MLflow with short timeouts, no telemetry, and without its start-up chatter."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # its code and SQLAlchemy's warn about each other; nothing that a user of ours could act on
    warnings.filterwarnings("ignore", module=r"(mlflow|sqlalchemy|alembic)(\.|$)")
    import mlflow  # noqa: F401

    for name in _QUIET:  # what goes wrong is raised, and said in one line; MLflow would print a traceback each time
        logging.getLogger(name).setLevel(logging.CRITICAL)


def without_secrets(text: str) -> str:
    """``text`` with the credentials of every URL in it taken out."""
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1", text)


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {_key(key): str(value)[:MAX_TAG] for key, value in tags.items()}


def _key(key: str) -> str:
    """A name that MLflow accepts: letters, digits, ``_ - . : /`` and spaces, and no empty step in a path."""
    clean = re.sub(r"[^\w./ :-]", "_", key)
    return "/".join(step for step in clean.split("/") if step.strip("."))[:MAX_KEY] or "_"


def _chunks(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
