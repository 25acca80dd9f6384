"""A recorded run opened: the same network, the same answers, and refusals where it cannot be the same."""

from pathlib import Path

import pytest

from tests.project import Project, read
from tests.recorded import change_everything, facts
from workbench.errors import DataError, RecordError, UsageError
from workbench.record.files import write_json
from workbench.study.inspect import open_run, ship
from workbench.training.checkpoint import weights_hash


def run_of(project: Project, arm: str = "Base") -> str:
    return next(str(each["id"]) for each in facts(project)["runs"] if each["arm"] == arm)


def test_the_network_and_its_answers_are_the_recorded_ones(recorded: Project) -> None:
    run = run_of(recorded)
    opened = open_run(recorded.root, recorded.home, run[:8])
    result = read(recorded.home / "runs" / run / "result.json")
    state = opened.interpretation.state
    assert weights_hash(state.model) == result["weights"] and state.metrics == result["metrics"]
    assert opened.agreement() == "The same answers as recorded on 120 of 120 test items."
    error = float(opened.interpretation.answers().scores["error"].mean())
    assert error == pytest.approx(result["metrics"]["test/error"])
    curves = opened.interpretation.curves()
    assert curves.metrics["train/loss"][-1][0] == state.steps and opened.notes == ()


def test_artifacts_reach_mlflow_as_the_run_s(recorded: Project) -> None:
    from mlflow import MlflowClient

    from workbench.record.mlflow import tracking_uri

    run = run_of(recorded)
    opened = open_run(recorded.root, recorded.home, run)
    opened.interpretation.summary().save(opened.folder, "summary")
    assert ship(recorded.home, opened).startswith("Sent to MLflow (sqlite:///")
    ledger = read(recorded.study() / "shipped.json")[tracking_uri(recorded.home)]  # a copied project has two
    mirror = ledger["runs"][run]["mlflow_run_id"]
    client = MlflowClient(tracking_uri(recorded.home))
    names = [each.path for each in client.list_artifacts(mirror, "artifacts/inspect")]
    assert names == ["artifacts/inspect/summary.csv", "artifacts/inspect/summary.txt"]


def test_a_tracker_that_is_down_is_no_error(recorded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_run(recorded.root, recorded.home, run_of(recorded))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert ship(recorded.home, opened).endswith("To send them later, type: wb sync")


def test_data_that_changed_are_refused(recorded: Project) -> None:
    change_everything(recorded)
    with pytest.raises(
        DataError, match=r"data/small.npz: is pinned at \w{8}, and the run read \w{8}. Type: git checkout"
    ):
        open_run(recorded.root, recorded.home, run_of(recorded))


def test_answers_that_differ_are_said(recorded: Project) -> None:
    run = run_of(recorded)
    other = recorded.home / "runs" / run_of(recorded, "Stale") / "predictions.npz"
    other.replace(recorded.home / "runs" / run / "predictions.npz")
    said = open_run(recorded.root, recorded.home, run).agreement()
    assert said.startswith("The same answers as recorded on ") and said.endswith("are not what they were.")


def test_runs_without_a_network(recorded: Project) -> None:
    run = run_of(recorded)
    folder = recorded.home / "runs" / run
    (folder / "weights.safetensors").unlink()
    with pytest.raises(RecordError, match="the run's weights are not here"):
        open_run(recorded.root, recorded.home, run)
    write_json(folder / "result.json", {"state": "failed", "why": "the loss is nan", "metrics": {}})
    with pytest.raises(UsageError, match=f"run {run} is failed: the loss is nan"):
        open_run(recorded.root, recorded.home, run)


def test_a_device_that_is_not_here(recorded: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    path = recorded.home / "runs" / run_of(recorded) / "run.json"
    write_json(path, {**read(path), "device": "cuda"})
    opened = open_run(recorded.root, recorded.home, run_of(recorded))
    assert opened.notes == ("The run computed on cuda, which is not here: numbers may differ in their last digits.",)


def test_it_stands_beside_the_run(recorded: Project) -> None:
    opened = open_run(recorded.root, recorded.home, run_of(recorded))
    assert opened.folder == Path(recorded.home / "runs" / opened.run.id / "artifacts" / "inspect")
