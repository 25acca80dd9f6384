from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record.files import read_json
from workbench.record.journal import Journal, read_run
from workbench.record.mlflow import tracking_uri
from workbench.record.server import HOST, Server, answers, free_port, is_free, page
from workbench.record.shipper import Shipper, sync
from workbench.record.shipping import pending

Begin = Callable[[str], Journal]


def test_taken_port_is_seen_and_the_next_free_one_named() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert free_port(port) > port
    assert not answers(f"http://{HOST}:{port}", timeout=0.5)


def test_only_a_local_store_is_served() -> None:
    with pytest.raises(RecordError, match="local store"):
        Server("http://example.org", 5000)


def test_pages() -> None:
    assert page("http://x", "1", "ab") == "http://x/#/experiments/1/runs/ab?workflowType=machine_learning"


@pytest.mark.slow
def test_server_that_cannot_start_says_why(home: Path) -> None:
    (home / "mlflow" / "mlflow.db").write_bytes(b"not a database" * 100)
    with Server(tracking_uri(home), free_port(5600)) as server, pytest.raises(RecordError, match=r"server\.log"):
        server.start()
        server.wait(60)
    assert not server.alive()


@pytest.mark.slow
def test_server_killed_half_way_loses_nothing(
    home: Path, study: Path, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, port, steps = tracking_uri(home), free_port(5610), 600
    server = Server(store, port)
    server.start()
    server.wait()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    shipper = Shipper(home, every=0.05)
    shipper.add_study(study)
    shipper.start()
    journal, halfway = begin("r1"), threading.Event()

    def train() -> None:
        for step in range(steps):
            start = time.perf_counter()
            journal.metric("train/loss", 1.0 / (step + 1), step)
            slowest.append(time.perf_counter() - start)
            if step == steps // 2:
                halfway.set()
            time.sleep(0.01)

    slowest: list[float] = []
    training = threading.Thread(target=train)
    training.start()
    halfway.wait()
    deadline = time.monotonic() + 60
    while "offset" not in (study / "shipped.json").read_text() if (study / "shipped.json").exists() else True:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.stop(kill=True)
    training.join()
    journal.seal({"state": "finished", "metrics": {"test/error": 0.25}})
    told = shipper.stop(timeout=40)
    assert "kept locally" in told and "wb sync" in told
    assert max(slowest) < 2.0
    assert [step for step, _, _ in read_run(journal.folder).metrics["train/loss"]] == list(range(steps))
    assert "r1" in pending(study, server.url)

    with Server(store, port) as again:
        again.start()
        again.wait()
        for _ in range(2):
            sync(home)
        assert pending(study, again.url) == ["s1"]

        from mlflow import MlflowClient

        client = MlflowClient(again.url)
        entry = read_json(study / "shipped.json")[again.url]
        run = client.get_run(entry["runs"]["r1"]["mlflow_run_id"])
        points = client.get_metric_history(run.info.run_id, "train/loss")
        assert sorted((point.step, point.value) for point in points) == [(s, 1.0 / (s + 1)) for s in range(steps)]
        assert run.info.status == "FINISHED" and run.data.metrics["test/error"] == 0.25
        assert client.get_run(entry["study"]["mlflow_run_id"]).info.status == "KILLED"
        assert len(client.search_runs([run.info.experiment_id])) == 2
        assert "run.json" in [each.path for each in client.list_artifacts(run.info.run_id)]
    assert not again.alive() and is_free(port)
