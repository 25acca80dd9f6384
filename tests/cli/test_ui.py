from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from workbench.record.files import write_json
from workbench.record.journal import Journal
from workbench.record.places import home, study_folder
from workbench.record.server import HOST, answers, free_port, is_free

WB = [sys.executable, "-u", "-c", "from workbench.cli.main import main; main()"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "experiments").mkdir()
    return tmp_path


def record(project: Path) -> None:
    facts = {"id": "s1", "experiment": "bn_finetune", "created": 1_700_000_000_000, "runs": []}
    folder = study_folder(home(project), "s1")
    write_json(folder / "study.json", facts)
    Journal.create(folder, facts, kind="study").seal({"cells": [], "claims": []})


def test_nothing_recorded_says_how_to_begin(project: Path) -> None:
    done = subprocess.run([*WB, "ui"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert "nothing is recorded yet" in done.stderr and "wb run" in done.stderr
    assert not home(project).exists()


def test_port_taken_names_the_next_free_one(project: Path) -> None:
    record(project)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run([*WB, "ui", "--port", str(port)], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    found = re.search(rf"port {port} is taken by another program. Type: wb ui --port (\d+)", done.stderr)
    assert found is not None and int(found.group(1)) > port


@pytest.mark.parametrize("port", ["0", "70000", "x"])
def test_port_that_is_none(project: Path, port: str) -> None:
    done = subprocess.run([*WB, "ui", "--port", port], cwd=project, capture_output=True, text=True)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_shows_the_study_until_it_is_stopped(project: Path) -> None:
    record(project)
    port = free_port(5700)
    command = [*WB, "ui", "--port", str(port), "--no-browser"]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line.strip())
                if "Ctrl-C" in line:
                    break
            assert "Sending 1 record that MLflow does not have yet." in lines
            (url,) = [line for line in lines if line.startswith("http")]
            found = re.fullmatch(
                rf"http://127.0.0.1:{port}/#/experiments/(\w+)/runs/(\w+)\?workflowType=machine_learning", url
            )
            assert found is not None and answers(f"http://127.0.0.1:{port}")
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/get?run_id={found.group(2)}"
            ) as reply:
                run = json.load(reply)["run"]
            assert run["info"]["experiment_id"] == found.group(1) and run["info"]["status"] == "FINISHED"
            os.kill(process.pid, signal.SIGINT)
            rest = process.stdout.read()
            assert process.wait(30) == 0
        finally:
            process.kill()  # harmless when it ended; otherwise a failure above would wait for it for ever
    assert "Stopping" in rest
    assert is_free(port)
    assert not (project / "mlruns").exists() and not (project / "mlflow.db").exists()
