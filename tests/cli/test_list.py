"""``wb list``: experiments and studies from small files, whatever state these are in."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.list import command, headline, read_studies, title_of
from workbench.errors import UsageError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec(project: Path, name: str, text: str) -> Path:
    path = project / "experiments" / name / "spec.py"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def study(project: Path, name: str, id: str, result: dict[str, Any] | None = None, **facts: Any) -> Path:
    folder = project / ".wb/studies" / id
    folder.mkdir(parents=True)
    whole = {
        "id": id,
        "experiment": f"experiments/{name}",
        "tier": "default",
        "created": 1795442829000,  # 2026-11-23 14:07:09 UTC, in milliseconds
    }
    (folder / "study.json").write_text(json.dumps(whole | {"runs": []} | facts))
    if result is not None:
        (folder / "result.json").write_text(json.dumps(result))
    return folder


def listed(*words: str) -> str:
    return CliRunner().invoke(command, list(words), catch_exceptions=False).output


def test_without_experiments_it_says_how_to_begin(project: Path) -> None:
    assert "wb new" in listed()


def test_one_row_each_with_the_newest_study(project: Path) -> None:
    spec(project, "ran", '"""Does it help?\n\nMore.\n"""')
    spec(project, "fresh", '"""Not yet."""')
    claim = {
        "name": "C1",
        "verdict": "supported",
        "estimate": 6.123,
        "interval": [5.0, 7.5],
        "confirmatory": True,
    }
    study(project, "ran", "s1", created="2026-11-22T10:00:00Z", tier="smoke")
    study(project, "ran", "s2", {"claims": [claim]})
    rows = listed().splitlines()
    assert rows[2].split("  ")[0] == "fresh" and "not run yet" in rows[2]
    for part in (
        "ran",
        "Does it help?",
        "default",
        "2026-11-23 14:07",
        "finished",
        "C1: supported (6.12, 5 to 7.5)",
    ):
        assert part in rows[3]
    assert len(rows) == 4


def test_the_studies_of_one_experiment(project: Path) -> None:
    spec(project, "ran", '"""Q"""')
    assert "has not been run" in listed("ran")
    study(project, "ran", "s1")
    study(project, "other", "s2")
    text = listed("experiments/ran")
    assert "s1" in text and "s2" not in text
    assert text.splitlines()[-1] == "The runs of one: wb list s1"


def test_an_unfinished_study_says_how_far_it_is(project: Path) -> None:
    study(project, "ran", "s1", runs=[{"id": "a"}, {"id": "b"}, {"id": "c"}])
    for run, state in (("a", "finished"), ("b", "failed")):
        (project / ".wb/runs" / run).mkdir(parents=True)
        (project / ".wb/runs" / run / "result.json").write_text(json.dumps({"state": state}))
    assert [each.state for each in read_studies(project / ".wb")] == ["2 of 3 runs, 1 failed"]


def test_an_unknown_experiment_gets_the_nearest(project: Path) -> None:
    spec(project, "bn_finetune", "")
    with pytest.raises(UsageError, match="did you mean 'bn_finetune'"):
        listed("bn_fintune")


def test_a_spec_is_read_but_never_run(project: Path) -> None:
    assert title_of(spec(project, "a", '"""T"""\nraise SystemExit("ran")')) == "T"
    assert title_of(spec(project, "b", "x = 1")) == "(no docstring)"
    assert title_of(spec(project, "c", "\n\nx = (")) == "(does not parse: spec.py:3)"
    assert title_of(spec(project, "d", "x = '\0'")).startswith("(does not parse")


def test_records_that_cannot_be_read_are_passed_over(project: Path) -> None:
    spec(project, "ran", '"""Q"""')
    study(project, "ran", "good")
    (study(project, "ran", "torn") / "study.json").write_text('{"id": ')
    (study(project, "ran", "odd") / "study.json").write_text("[1]")
    assert [each.id for each in read_studies(project / ".wb")] == ["good"]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({}, ""),
        (
            {"claims": [], "cells": [{"measure": "test/error", "arms": [{"name": "A", "mean": 0.25}]}]},
            "A: test/error 0.25",
        ),
        (
            {
                "claims": [
                    {"name": "E", "verdict": "seen", "confirmatory": False},
                    {"name": "C", "verdict": "no"},
                ]
            },
            "C: no",
        ),
        ({"claims": [{"name": "C", "verdict": "out of reach", "estimate": "NaN"}]}, "C: out of reach"),
    ],
)
def test_headline(result: dict[str, Any], said: str) -> None:
    assert headline(result) == said


def test_the_runs_of_a_study_with_the_ids_that_others_take(project: Path) -> None:
    spec(project, "ran", '"""Does it help?"""')
    runs = [
        {"id": "aa11", "experiment": "ran", "cell": "main", "arm": "Base", "seeds": {"order": 3}},
        {"id": "bb22", "experiment": "source", "cell": "main", "arm": "First", "seeds": {"order": 4}},
    ]
    study(project, "ran", "ran-1", measure="test/error", runs=runs, experiment="ran")
    folder = project / ".wb/runs/aa11"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text('{"state": "finished", "metrics": {"test/error": 0.125}, "seconds": 7.4}')
    lines = listed("ran-1").splitlines()
    assert lines[0].split()[:3] == ["run", "experiment", "cell"]
    assert lines[2].split() == ["aa11", "ran", "main", "Base", "3", "finished", "0.125", "7"]
    assert lines[3].split() == ["bb22", "source", "main", "First", "4", "not", "finished"]
    study(project, "ran", "alone", measure="test/error", runs=runs[:1], experiment="ran")
    lines = listed("alone").splitlines()
    assert lines[0].split()[:2] == ["run", "cell"] and lines[2].split()[:2] == ["aa11", "main"]
    with pytest.raises(UsageError, match="no experiment or study 'ran-2'; did you mean 'ran-1'"):
        listed("ran-2")
