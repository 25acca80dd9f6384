import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.study import statistics
from workbench.study.outcomes import load
from workbench.study.summary import summarise

MakeStudy = Callable[..., dict[str, Any]]
BASE, ARM = [0.10, 0.12, 0.11], [0.60, 0.58, 0.66]


@pytest.fixture
def summary(tmp_path: Path, make_study: MakeStudy) -> Callable[..., dict[str, Any]]:
    def make(arms: dict[str, Any], *, summarising: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        study = make_study(tmp_path, {"main": arms}, **options)
        found = summarise(study, load(tmp_path, study), **(summarising or {}))
        json.dumps(found, allow_nan=False)
        return found

    return make


def test_an_arm_has_its_estimates(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": BASE, "Arm": ARM})
    base, arm = found["cells"][0]["arms"]
    assert (found["tier"], found["n_seeds"], found["id"]) == ("full", 3, "study-1")
    assert arm["mean"] == pytest.approx(sum(ARM) / 3) and arm["seeds"] == ["100", "101", "102"]
    difference, ratio = statistics.paired_difference(ARM, BASE), statistics.ratio(ARM, BASE)
    assert arm["difference_interval"] == pytest.approx([difference.low, difference.high])
    assert arm["ratio_interval"] == pytest.approx([ratio.low, ratio.high])
    assert base["ratio"] is None and base["difference"] is None
    assert arm["metrics"]["train_mode/error"] == pytest.approx(sum(ARM) / 30)
    assert arm["hypothesis"] == "Arm is better."


def test_exploratory_comparisons_have_no_adjusted_p(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": BASE, "Arm": ARM})
    assert found["cells"][0]["arms"][1]["p"] == 0.25
    assert found["cells"][0]["arms"][1]["p_holm"] is None and found["family"] == 0


def test_one_seed_has_no_intervals(summary: Callable[..., dict[str, Any]]) -> None:
    arm = summary({"Base": [0.1], "Arm": [0.3]})["cells"][0]["arms"][1]
    assert arm["ratio"] == pytest.approx(3)
    absent = ("interval", "sd", "difference_interval", "ratio_interval", "p")
    assert [arm[key] for key in absent] == [None] * 5


def test_failed_and_missing_runs_are_counted(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": BASE, "Arm": [0.2, None, 0.2]}, unfinished=1)
    _, arm = found["cells"][0]["arms"]
    assert (arm["failed"], arm["missing"], arm["n"]) == (1, 1, 2)
    assert arm["note"] == "1 of 2 runs failed, counted as test/error 1; 1 of 3 seeds not finished"
    assert [each["failed"] for each in arm["points"]] == [False, True]
    assert arm["points"][1]["value"] == 1.0


def test_a_study_before_its_first_result(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": BASE, "Arm": ARM}, unfinished=3)
    assert found["cells"][0]["arms"][1]["mean"] is None and found["cells"][0]["arms"][1]["points"] == []
    assert found["n_seeds"] == 3


def test_sources_are_listed_and_averaged(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": [0.1, 0.1, 0.1, 0.1], "Arm": [0.2, 0.4, 0.2, 0.4]}, sources=2)
    arm = found["cells"][0]["arms"][1]
    assert arm["n"] == 2 and arm["values"] == pytest.approx([0.3, 0.3])
    assert arm["ratio"] == pytest.approx(0.08**0.5 / 0.1)
    assert [each["ratio"] for each in arm["sources"]] == pytest.approx([2, 4])
    assert arm["source_spread"] == pytest.approx(2)
    assert len(arm["points"]) == 4 and arm["points"][1] == {"seed": "100", "source": 1, "value": 0.4, "failed": False}


def test_another_measure(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": BASE, "Arm": ARM}, summarising={"measure": "recalibrated/error"})
    assert found["cells"][0]["measure"] == "recalibrated/error"
    assert found["cells"][0]["arms"][1]["mean"] == pytest.approx(sum(ARM) / 6)


def test_the_examples_interval_is_noted(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": [0.1] * 3, "Arm": [0.2] * 3}, predictions=True)
    arm = found["cells"][0]["arms"][1]
    assert arm["note"] == "interval over test examples, the wider one"
    assert arm["ratio_interval"][0] < 1.9


def test_unpaired_only_when_asked_for(summary: Callable[..., dict[str, Any]]) -> None:
    found = summary({"Base": BASE, "Arm": ARM}, summarising={"unpaired": True})
    arm = found["cells"][0]["arms"][1]
    expected, p = statistics.welch(ARM, BASE)
    assert found["unpaired"] and arm["difference_interval"] == pytest.approx([expected.low, expected.high])
    assert arm["p"] == pytest.approx(p)


def test_the_same_record_gives_the_same_summary(summary: Callable[..., dict[str, Any]]) -> None:
    arms = {"Base": BASE, "Arm": [0.2, None, 0.3]}
    assert summary(arms, predictions=True) == summary(arms, predictions=True)
