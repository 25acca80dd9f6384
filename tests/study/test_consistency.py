"""A published summary against the published runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, read
from tests.published import content
from workbench.study import published
from workbench.study.claims import Claim
from workbench.study.consistency import contradictions

MakeStudy = Callable[..., dict[str, Any]]


@pytest.fixture
def study(make_study: MakeStudy, tmp_path: Path) -> dict[str, Any]:
    errors = {"main": {"Base": [0.1, 0.12, 0.11, 0.13], "Arm": [0.3, 0.33, None, 0.32]}}
    claims = [Claim.ratio("Arm", "Base", at_least=1.5, name="C1")]
    made = make_study(tmp_path, errors, claims=claims, sources=2, predictions=True)
    found: dict[str, Any] = content(tmp_path, made)["studies"]["full"]
    return found


def test_what_was_published_follows_from_its_runs(study: dict[str, Any]) -> None:
    counts: list[int] = []
    assert list(contradictions(study, counts.append)) == []
    assert sum(counts) == 2 * 8 + 1


def test_so_does_a_study_that_was_really_run(measured: Project) -> None:
    found = published.entry(measured.home, read(measured.study() / "study.json"))
    assert list(contradictions(found)) == []


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [("mean", 0.115001, "cells.main.Base mean 0.115001"), ("sd", None, "Base sd None"), ("failed", 1, "Base failed 1")],
)
def test_a_changed_summary_is_found(study: dict[str, Any], key: str, value: Any, what: str) -> None:
    study["summary"]["cells"][0]["arms"][0][key] = value
    ((says, _),) = contradictions(study)
    assert what in says


def test_a_changed_run_is_found_in_all_that_follows_from_it(study: dict[str, Any]) -> None:
    study["runs"][0]["metrics"]["test/error"] += 1e-6
    found = [says for says, _ in contradictions(study)]
    assert any("Base mean" in says for says in found) and any("claims.C1" in says for says in found)


def test_a_changed_claim_or_a_lost_arm_is_found(study: dict[str, Any]) -> None:
    study["summary"]["claims"][0]["estimate"] *= 1.001
    del study["summary"]["cells"][0]["arms"][1]
    found = [says for says, _ in contradictions(study)]
    assert len(found) == 9 and any("claims.C1" in says for says in found)


def test_runs_that_say_nothing_are_said(study: dict[str, Any]) -> None:
    study["runs"][0]["seeds"] = {"start": 1}
    ((says, follows),) = contradictions(study)
    assert says == "its runs" and "nothing can be computed" in follows
