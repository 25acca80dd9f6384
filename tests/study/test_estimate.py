"""How long runs take, from runs like them."""

import json
from pathlib import Path

import pytest

from tests.project import Project, planner
from workbench.study.estimate import Estimate, in_words
from workbench.study.plan import Planned
from workbench.study.spec import load_spec


def record(home: Path, run: Planned, seconds: float, name: str, state: str = "finished") -> None:
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    facts = {"experiment": run.experiment, "cell": run.cell, "arm": run.arm, "choosing": run.choosing}
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "result.json").write_text(json.dumps({"state": state, "seconds": seconds}))


@pytest.fixture
def runs(project: Project) -> dict[str, Planned]:
    found = planner(project, seeds=1).runs(load_spec(project.root, "tiny"), {})
    return {run.arm: run for run in found}


def test_from_the_same_arm_else_its_cell_else_what_was_published(runs: dict[str, Planned], tmp_path: Path) -> None:
    published = tmp_path / "metrics.json"
    published.write_text(json.dumps({"cells": {"main": {"TrainBN": {"seconds": 7.0}, "Precise": {"seconds": 0.5}}}}))
    nothing = Estimate(tmp_path)
    assert nothing.seconds(runs["TrainBN"]) is None and nothing.total(runs.values(), 2) is None
    assert nothing.total([], 2) == 0.0
    assert Estimate(tmp_path, published).seconds(runs["TrainBN"]) == 7.0
    for number, seconds in enumerate((10.0, 12.0, 50.0)):
        record(tmp_path, runs["TrainBN"], seconds, f"a{number}")
    record(tmp_path, runs["Stale"], 900.0, "failed", state="failed")
    found = Estimate(tmp_path, published)
    assert found.seconds(runs["TrainBN"]) == 12.0 == found.seconds(runs["Stale"])
    assert found.seconds(runs["Precise"]) == 0.5  # it does not train: no arm that does says how long it takes
    assert found.total(runs.values(), 2) == pytest.approx(12.25) and found.total([runs["Stale"]], 2) == 12.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "unknown"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (720, "12 min"),
        (5340, "89 min"),
        (6600, "1 h 50 min"),
        (7200, "2 h 0 min"),
    ],
)
def test_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words
