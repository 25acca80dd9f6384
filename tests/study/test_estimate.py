"""How long runs take, from runs like them."""

import json
import os
from pathlib import Path

import pytest

from tests.project import Project, planner
from workbench.study.estimate import FINISH, START, Estimate, cost_ratio, in_words
from workbench.study.plan import Planned
from workbench.study.spec import Spec, load_spec


def record(
    home: Path,
    run: Planned,
    seconds: float,
    name: str,
    state: str = "finished",
    epochs: float | None = None,
    device: str = "cpu",
    **changes: object,
) -> None:
    folder = home / "runs" / name
    folder.mkdir(parents=True)
    fields = {**run.cls.flatten(), **{path.replace("__", "."): value for path, value in changes.items()}}
    facts = {"experiment": run.experiment, "cell": run.cell, "arm": run.arm, "choosing": run.choosing, "device": device}
    (folder / "run.json").write_text(json.dumps({**facts, "fields": fields}))
    took = {"seconds": seconds} if epochs is None else {"seconds": seconds, "epoch_seconds": epochs}
    (folder / "result.json").write_text(json.dumps({"state": state, **took}))


@pytest.fixture
def spec(project: Project) -> Spec:
    published = {"tier": "full", "cells": {"main": {"TrainBN": {"seconds": 7.0}, "Precise": {"seconds": 0.5}}}}
    (project.root / "experiments/tiny/metrics.json").write_text(json.dumps(published))
    return load_spec(project.root, "tiny")


def runs_of(project: Project, spec: Spec, **sets: object) -> dict[str, Planned]:
    return {run.arm: run for run in planner(project, seeds=1, sets=sets).runs(spec, {})}


@pytest.fixture
def runs(project: Project, spec: Spec) -> dict[str, Planned]:
    return runs_of(project, spec)


def test_from_the_same_arm_else_its_cell_else_what_was_published(
    runs: dict[str, Planned], spec: Spec, tmp_path: Path
) -> None:
    nothing = Estimate(tmp_path)
    assert nothing.seconds(runs["TrainBN"]) is None and nothing.total(runs.values(), 2) is None
    assert nothing.total([], 2) == 0.0
    assert Estimate(tmp_path, spec).seconds(runs["TrainBN"]) == 7.0
    for number, seconds in enumerate((10.0, 12.0, 50.0)):
        record(tmp_path, runs["TrainBN"], seconds, f"a{number}")
    record(tmp_path, runs["Stale"], 900.0, "failed", state="failed")
    found = Estimate(tmp_path, spec)
    assert found.seconds(runs["TrainBN"]) == 12.0 == found.seconds(runs["Stale"])
    assert found.seconds(runs["Precise"]) == 0.5  # it does not train: no arm that does says how long it takes
    assert found.total(runs.values(), 2) == 12.5  # Precise waits for TrainBN
    assert found.total([runs["Stale"]], 2) == 12.0 and found.total([runs["TrainBN"], runs["Stale"]], 1) == 24.0


def test_other_lengths_count_by_what_they_cost(
    project: Project, runs: dict[str, Planned], spec: Spec, tmp_path: Path
) -> None:
    longer = runs_of(project, spec, fit__epochs=200)
    assert Estimate(tmp_path, spec).seconds(longer["TrainBN"]) == 700.0  # published with 2 epochs
    assert Estimate(tmp_path, spec).seconds(longer["Precise"]) == 0.5
    record(tmp_path, runs["TrainBN"], 10.0, "two epochs")
    assert Estimate(tmp_path, spec).seconds(longer["Stale"]) == 1000.0
    record(tmp_path, runs["TrainBN"], 300.0, "a hundred", fit__epochs=100)  # nearer, and so more like it
    assert Estimate(tmp_path, spec).seconds(longer["TrainBN"]) == 600.0
    assert Estimate(tmp_path, spec).seconds(runs["TrainBN"]) == 10.0


def test_only_the_epochs_grow(project: Project, runs: dict[str, Planned], spec: Spec, tmp_path: Path) -> None:
    record(tmp_path, runs["TrainBN"], 10.0, "mostly evaluation", epochs=1.5)
    longer = runs_of(project, spec, fit__epochs=20)
    assert Estimate(tmp_path, spec).seconds(longer["TrainBN"]) == pytest.approx(8.5 + 15)


def test_a_run_tells_what_its_epochs_took(project: Project) -> None:
    project.wb("run", "tiny", "--arm", "TrainBN", "--seeds", "1", "--jobs", "1")
    (run,) = project.runs().values()
    assert 0 < run["result"]["epoch_seconds"] < run["result"]["seconds"]


def test_cost_goes_by_epochs_items_and_steps() -> None:
    known = {"fit.epochs": 2, "fit.batch": 32, "data.train": 100}
    assert cost_ratio({**known, "fit.epochs": 6, "data.train": 50}, known) == 1.5
    assert cost_ratio({**known, "fit.batch": 8}, known) == 1.6 and cost_ratio({**known, "fit.batch": 64}, known) == 0.9
    assert cost_ratio({"fit.epochs": "auto"}, known) == 1.0
    assert cost_ratio({"data.size": 96}, {"data.size": 48}) == 4.0 and cost_ratio({"data.size": 96}, known) == 1.0


@pytest.mark.parametrize(
    ("path", "now", "before"),
    [
        ("data.train", None, 100),
        ("data.train", 100, None),
        ("data.size", 64, None),
        ("model.arch", "resnet20", "resnet8"),
        ("model.layers", [1000, 500], [200, 100]),
        ("model.weights", "experiments/source:Large", "experiments/source"),
    ],
)
def test_what_no_rule_tells_is_unknown(path: str, now: object, before: object) -> None:
    assert cost_ratio({path: now}, {path: before}) is None and cost_ratio({path: now}, {path: now}) == 1.0


def test_nothing_is_said_of_another_network_or_of_all_the_data(
    project: Project, runs: dict[str, Planned], spec: Spec, tmp_path: Path
) -> None:
    larger = runs_of(project, spec, model__arch="resnet20")["TrainBN"]
    record(tmp_path, runs["TrainBN"], 10.0, "small")
    assert Estimate(tmp_path, spec).seconds(larger) is None and Estimate(tmp_path, spec).total([larger], 2) is None
    record(tmp_path, larger, 90.0, "large")
    assert Estimate(tmp_path, spec).seconds(larger) == 90.0
    some = runs_of(project, spec, data__train=64)["TrainBN"]
    assert Estimate(tmp_path, spec).seconds(some) is None  # the others have all there is


def test_larger_pictures_cost_more_in_evaluation_too(
    project: Project, runs: dict[str, Planned], spec: Spec, tmp_path: Path
) -> None:
    record(tmp_path, runs["TrainBN"], 10.0, "small", epochs=6.0, data__size=8)
    larger = runs_of(project, spec, data__size=16)["TrainBN"]
    assert Estimate(tmp_path).seconds(larger) == pytest.approx(40.0)


def test_another_device_says_nothing(runs: dict[str, Planned], spec: Spec, tmp_path: Path) -> None:
    record(tmp_path, runs["TrainBN"], 10.0, "here", device="cpu")
    assert Estimate(tmp_path, spec, "cuda:0").seconds(runs["TrainBN"]) is None
    record(tmp_path, runs["TrainBN"], 2.0, "there", device="cuda:1")
    assert Estimate(tmp_path, spec, "cuda:0").seconds(runs["TrainBN"]) == 2.0
    assert Estimate(tmp_path, spec).seconds(runs["TrainBN"]) == 10.0


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


def write_study(home: Path, name: str, experiment: str, began: int, ended: int, *runs: tuple[int, int]) -> None:
    folder = home / "studies" / name
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({"experiment": experiment, "created": 1000 * began}))
    (folder / "result.json").write_text("{}")
    os.utime(folder / "result.json", (ended, ended))
    for number, (start, end) in enumerate(runs):
        run = home / "runs" / f"{name}-{number}"
        run.mkdir(parents=True)
        facts = {"experiment": experiment, "cell": "main", "arm": "Base", "study": name, "created": 1000 * start}
        (run / "run.json").write_text(json.dumps(facts))
        (run / "result.json").write_text(json.dumps({"state": "finished", "seconds": end - start}))


def test_what_a_study_takes_beside_its_runs(tmp_path: Path) -> None:
    assert Estimate(tmp_path).beside("tiny", 2) == FINISH + 2 * START
    write_study(tmp_path, "other", "other", 1000, 1100, (1010, 1050), (1020, 1060), (1070, 1095))
    assert Estimate(tmp_path).beside("tiny", 2) == 10 + 10 + 5  # two went on at once from 1010 to 1060
    write_study(tmp_path, "mine", "tiny", 2000, 2030, (1000, 1900), (2004, 2020))
    assert Estimate(tmp_path).beside("tiny", 2) == 4 + 10  # a run of an earlier attempt is none of its own
    write_study(tmp_path, "again", "tiny", 3000, 3001, (1000, 1900))  # all was recorded
    assert Estimate(tmp_path).beside("tiny", 2) == 14


def test_a_source_has_the_time_that_its_own_experiment_published(project: Project, tmp_path: Path) -> None:
    published = {"tier": "full", "cells": {"main": {"First": {"seconds": 7.0}}}}
    (project.root / "experiments/source/metrics.json").write_text(json.dumps(published))
    target = load_spec(project.root, "target")
    source, tuned, _ = planner(project).runs(target, {})
    assert source.experiment == "source" and Estimate(tmp_path, target).seconds(source) == 7.0
    assert Estimate(tmp_path, target).seconds(tuned) is None and Estimate(tmp_path).seconds(source) is None
