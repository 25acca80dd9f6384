"""An MLflow server of our own over the local store, on this machine only."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Self

from workbench.errors import RecordError
from workbench.record.mlflow import artifact_root, create_store, store_path

HOST = "127.0.0.1"
_FIRST_SECONDS = 120.0


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(first: int) -> int:
    """The first port from ``first`` on that nobody listens on."""
    for port in range(first, min(first + 200, 65536)):
        if is_free(port):
            return port
    raise RecordError(f"no free port between {first} and {first + 199}")


def answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether an MLflow server at ``url`` says that it is well."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=timeout) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


class Server:
    """A server process over the store at ``uri`` (``sqlite:///...``); what it prints goes to server.log beside it.

    As a context manager it is stopped at the end, with all its children.
    """

    def __init__(self, uri: str, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self._uri, self._port = uri, port
        self._process: subprocess.Popen[bytes] | None = None
        database = store_path(uri)
        if database is None:
            raise RecordError("only a local store can be served", where=uri)
        self.log = database.parent / "server.log"
        self._database = database

    def start(self) -> None:
        """Begin; the server answers some seconds later (:meth:`wait`)."""
        create_store(self._database)
        root = artifact_root(self._uri)
        assert root is not None
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self._uri]
        command += ["--artifacts-destination", root.as_uri(), "--host", HOST, "--port", str(self._port)]
        command += ["--workers", "1"]
        settings = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"} | settings
        with self.log.open("wb") as log:
            # a session of its own: Ctrl-C reaches us alone, and we stop the server with its workers
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def wait(self, seconds: float = _FIRST_SECONDS, tick: Callable[[], None] = lambda: None) -> None:
        """Return when the server answers; ``tick`` is called about five times a second until then.

        Raises:
            RecordError: when it ends, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while not answers(self.url):
            if not self.alive() or time.monotonic() > deadline:
                ending = "ended while starting" if not self.alive() else f"did not answer within {seconds:g} s"
                self.stop()
                raise RecordError(f"the MLflow server {ending} ({self._last_words()})", hint=f"See {self.log}")
            tick()
            time.sleep(0.2)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self, *, kill: bool = False) -> None:
        """End the server and its workers, at once with ``kill``; harmless when repeated."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal(process, signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()
        _signal(process, signal.SIGKILL)  # whatever of its group outlived it

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:200] if lines else "it said nothing"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send to the whole group that the server leads."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def page(url: str, experiment: str | None = None, run: str | None = None) -> str:
    """The address of a run's page, an experiment's page, or the first page, in the UI at ``url``.

    It asks for the UI's model training half: by itself MLflow 3.17 shows the one for language models, where an
    experiment's page has no runs and no charts.
    """
    place = "" if experiment is None else f"experiments/{experiment}" + (f"/runs/{run}" if run else "/runs")
    return f"{url}/#/{place}?workflowType=machine_learning"
