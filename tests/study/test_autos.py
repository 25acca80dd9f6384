""" "auto" is resolved once, on the baseline, remembered, and the same for every arm."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.project import TINY, Project, planner, runner, stored
from workbench import Network
from workbench.errors import SpecError
from workbench.record.mlflow import tracking_uri
from workbench.study import autos
from workbench.study.plan import Planned
from workbench.study.spec import load_spec


def no_runs(runs: list[Planned]) -> None:
    assert runs == []


@pytest.fixture
def open_project(project: Project) -> Project:
    project.spec("tiny", TINY.replace("epochs=2, batch=32, lr=1e-2", 'epochs=2, batch="auto", lr="auto"'))
    return project


def test_found_once_and_shared(open_project: Project) -> None:
    spec, asked = load_spec(open_project.root, "tiny"), planner(open_project, seeds=1)
    cell, base = spec.experiment.cells[0], spec.experiment.baseline
    assert autos.open_fields(base) == ["batch", "lr"] and autos.remembered(asked, spec, cell, base) is None
    rows = autos.resolve_all(asked, spec, no_runs)
    found = asked.autos["main"]
    assert (
        found["fit__batch"] == 32
        and 1e-6 < found["fit__lr"] < 1
        and {*found} == {"fit__batch", "fit__lr", "fit__weight_decay"}
    )
    by_name = {row["setting"]: row for row in rows}
    assert by_name["fit.lr"]["value"] == found["fit__lr"] and by_name["fit.lr"]["why"]
    runs = asked.runs(spec, {})
    wanted = (32, found["fit__lr"], found["fit__weight_decay"])
    assert {(run.cls.fit.batch, run.cls.fit.lr, run.cls.fit.weight_decay) for run in runs} == {wanted}

    again = planner(open_project, seeds=1)
    assert autos.remembered(again, spec, cell, base) is not None
    assert autos.resolve_all(again, spec, no_runs) == rows and [run.id for run in again.runs(spec, {})] == [
        run.id for run in runs
    ]


def test_another_question_is_asked_anew(open_project: Project) -> None:
    spec, asked = load_spec(open_project.root, "tiny"), planner(open_project)
    autos.resolve_all(asked, spec, no_runs)
    cell, base = spec.experiment.cells[0], spec.experiment.baseline
    other = planner(open_project, sets={"data__train": 64})
    assert autos.remembered(other, spec, cell, base) is None
    moved = planner(open_project)
    moved.pins = {"data/small.npz": "0" * 32}
    assert autos.remembered(moved, spec, cell, base) is None


def test_without_auto_the_settings_are_told_all_the_same(project: Project) -> None:
    spec, asked = load_spec(project.root, "tiny"), planner(project)
    rows = autos.resolve_all(asked, spec, no_runs)
    assert asked.autos == {"main": {}} and {row["cell"] for row in rows} == {"main"}
    assert {"loss", "head", "normalise.mean"} <= {row["setting"] for row in rows}


def test_the_range_test_is_shown_as_an_artifact_of_the_study(open_project: Project, tmp_path: Path) -> None:
    study = runner(open_project, "tiny", seeds=1, arms=("TrainBN",), sets={"fit__epochs": 1}).run()
    client, runs = MlflowClient(tracking_uri(open_project.home)), stored(open_project.home).values()
    sent = [each.path for run in runs for each in client.list_artifacts(run.info.run_id, "artifacts/range_tests")]
    assert sent == ["artifacts/range_tests/main.png", "artifacts/range_tests/main.svg"]
    assert (study.folder / "artifacts/range_tests/main.png").read_bytes().startswith(b"\x89PNG")
    open_project.spec("tiny", TINY)
    spec, asked = load_spec(open_project.root, "tiny"), planner(open_project)
    autos.resolve_all(asked, spec, no_runs)
    autos.write_range_tests(asked, spec, tmp_path / "given")
    assert not (tmp_path / "given").exists(), "a rate that is given has none"


def test_a_network_is_found_once_too_and_crosses_to_a_worker_in_plain_values(project: Project) -> None:
    model = 'model = Network("resnet8", width=4, norm=Norm())'
    only = TINY[: TINY.index("class Stale")] + "experiment = Experiment(baseline=TrainBN, seeds=1)\n"
    project.spec("tiny", only.replace(model, ""))
    spec, asked = load_spec(project.root, "tiny"), planner(project)
    assert autos.open_fields(spec.experiment.baseline) == ["model"]
    rows = {row["setting"]: row for row in autos.resolve_all(asked, spec, no_runs)}
    assert rows["model"]["value"] == "Network(arch='resnet8')" and "pictures" in rows["model"]["why"]
    (run,) = asked.runs(spec, {})
    assert run.cls.model == Network("resnet8") and json.loads(json.dumps(run.autos)) == run.autos


def test_a_measure_that_the_target_lacks_is_refused_before_training(project: Project) -> None:
    project.spec("tiny", TINY.replace("    seeds=2,", '    seeds=2, measure="test/error",').replace(
        'augment=Augment(flip=True, shift=0.1)', "target=Halves()").replace(
        "class TrainBN", HALVES + "\n\nclass TrainBN"))  # fmt: skip
    with pytest.raises(SpecError, match=r"the target measures distance, loss\. Set measure='test/distance'"):
        autos.resolve_all(planner(project), load_spec(project.root, "tiny"), no_runs)


HALVES = """
from workbench import SingleLabel


class Halves(SingleLabel):
    \"\"\"Another name for the error.\"\"\"

    names = ("distance", "loss")

    def metrics(self, output, y):
        error, loss = super().metrics(output, y).values()
        return {"distance": error, "loss": loss}
"""
