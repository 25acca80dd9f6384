import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli.compare import command
from workbench.errors import UsageError


def record(root: Path, experiment: str, errors: dict[str, list[float]], first_seed: int = 0) -> None:
    """A study with one cell, written as ``wb run`` writes it."""
    home, runs = root / ".wb", []
    for arm, values in errors.items():
        for place, value in enumerate(values):
            seeds = dict.fromkeys(("subset", "init", "order", "augment"), first_seed + place)
            runs.append(
                {"id": f"{experiment}-{arm}-{place}", "cell": "main", "arm": arm, "seeds": {**seeds, "source": 0}}
            )
            folder = home / "runs" / f"{experiment}-{arm}-{place}"
            folder.mkdir(parents=True)
            result = {"state": "finished", "metrics": {"test/error": value}}
            (folder / "result.json").write_text(json.dumps(result))
    cell = {"name": "main", "measure": "test/error", "baseline": next(iter(errors)), "chance": 0.9, "n_test": 500}
    cell["arms"] = [{"name": name, "hypothesis": "", "changes": {}} for name in errors]
    study = {"id": f"{experiment}-full-1", "experiment": experiment, "tier": "full", "created": 0, "cells": [cell]}
    folder = home / "studies" / f"{experiment}-full-1"
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps({**study, "runs": runs}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_experiment_is_shown(project: Path) -> None:
    record(project, "demo", {"Base": [0.10, 0.12], "Arm": [0.20, 0.23]})
    done = CliRunner().invoke(command, ["experiments/demo"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "demo-full-1: demo, tier 'full', 1970-01-01 00:00 UTC" in done.output
    assert "Arm " in done.output and "1.96 [" in done.output and "Exploratory: nothing is tested." in done.output


def test_arms_without_shared_seeds_need_a_word(project: Path) -> None:
    record(project, "one", {"Base": [0.10, 0.12]})
    record(project, "two", {"Arm": [0.20, 0.23]}, first_seed=50)
    with pytest.raises(UsageError, match="share no seeds"):
        CliRunner().invoke(command, ["one", "two"], catch_exceptions=False)
    done = CliRunner().invoke(command, ["one", "two", "--unpaired"], catch_exceptions=False)
    assert done.exit_code == 0 and "Welch's t" in done.output and "Arm @two" in done.output


def test_another_measure_and_an_unknown_name(project: Path) -> None:
    record(project, "demo", {"Base": [0.10, 0.12]})
    with pytest.raises(UsageError, match="no run measured 'test/loss'"):
        CliRunner().invoke(command, ["demo", "--measure", "test/loss"], catch_exceptions=False)
    with pytest.raises(UsageError, match="did you mean 'demo'"):
        CliRunner().invoke(command, ["dmo"], catch_exceptions=False)


def test_nothing_to_compare_is_a_usage_error(project: Path) -> None:
    assert CliRunner().invoke(command, []).exit_code == 2
