import json
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.study.outcomes import Outcome, complete, load

RUN = {"id": "r1", "cell": "main", "arm": "A", "seeds": {"subset": 3, "init": 3, "order": 3, "augment": 3, "source": 2}}


def written(home: Path, text: str) -> None:
    (home / "runs" / "r1").mkdir(parents=True)
    (home / "runs" / "r1" / "result.json").write_text(text)


def test_a_finished_run_brings_its_numbers(tmp_path: Path) -> None:
    written(tmp_path, json.dumps({"state": "finished", "metrics": {"test/error": 0.25}}))
    assert load(tmp_path, {"runs": [RUN]}) == [Outcome("main", "A", "3", 2, "finished", {"test/error": 0.25})]


def test_a_failed_run_brings_its_reason(tmp_path: Path) -> None:
    written(tmp_path, json.dumps({"state": "failed", "metrics": {"test/loss": "NaN"}, "why": "the loss is NaN"}))
    (found,) = load(tmp_path, {"runs": [RUN]})
    assert (found.state, found.why) == ("failed", "the loss is NaN")
    assert found.metrics["test/loss"] != found.metrics["test/loss"]


def test_a_run_without_a_result_is_missing(tmp_path: Path) -> None:
    assert [each.state for each in load(tmp_path, {"runs": [RUN]})] == ["missing"]


def test_a_study_is_completed_as_planned() -> None:
    other = {**RUN, "arm": "B"}
    done = Outcome("main", "A", "3", 2, "finished", {"test/error": 0.1})
    assert [each.state for each in complete({"runs": [RUN, other]}, [done])] == ["finished", "missing"]


def test_runs_that_a_study_builds_on_are_left_out(tmp_path: Path) -> None:
    source = {**RUN, "arm": "Source", "experiment": "fashion_source"}
    cells = [{"name": "main", "arms": [{"name": "A"}]}]
    study = {"experiment": "demo", "runs": [source, {**RUN, "cell": "elsewhere"}, RUN], "cells": cells}
    assert [each.arm for each in load(tmp_path, study)] == ["A"] == [each.arm for each in complete(study, [])]


def test_predictions_are_found(tmp_path: Path) -> None:
    written(tmp_path, json.dumps({"state": "finished", "metrics": {}}))
    (tmp_path / "runs/r1/predictions.npz").touch()
    assert load(tmp_path, {"runs": [RUN]})[0].predictions == tmp_path / "runs/r1/predictions.npz"


@pytest.mark.parametrize("text", ["{", '{"metrics": {}}', '{"state": "finished", "metrics": {"a": "b"}}'])
def test_a_damaged_result_is_named(tmp_path: Path, text: str) -> None:
    written(tmp_path, text)
    with pytest.raises(RecordError, match=r"r1/result\.json"):
        load(tmp_path, {"runs": [RUN]})
