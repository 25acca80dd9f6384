from __future__ import annotations

import math

import pytest

from workbench.record import translate


def test_names() -> None:
    assert translate.run_name({"id": "r", "cell": "digits", "arm": "A", "seed": "100/2"}) == "A / 100/2 / digits"
    assert translate.run_name({"id": "r"}) == "r"
    run = {"id": "r", "experiment": "source", "cell": "main", "arm": "A", "seed": "0"}
    assert translate.run_name(run, {"experiment": "x"}) == "A / 0 / source"
    assert translate.run_name(run, {"experiment": "source"}) == "A / 0 / main"
    chosen = {**run, "choosing": True, "fields": {"fit.lr": 1e-3}}
    assert translate.run_name(chosen) == "A / lr 0.001 / 0 / main"
    assert translate.study_name({"id": "s", "experiment": "x", "tier": "full"}) == "x (full)"
    again = {"id": "s", "experiment": "x", "tier": "full", "reproduces": "s at abc"}
    assert translate.study_name(again) == "x (full, reproduced)"


def test_git_tags_are_always_five_and_the_diff_is_named_not_copied() -> None:
    clean = translate.git_tags({"commit": "c" * 40, "dirty": False})
    assert set(clean) == {f"mlflow.source.git.{key}" for key in ("commit", "branch", "repoURL", "dirty", "diff")}
    assert clean["mlflow.source.git.dirty"] == "false" and clean["mlflow.source.git.diff"] == ""
    dirty = translate.git_tags(
        {"commit": "c" * 40, "dirty": True, "snapshot": "d" * 40, "diff_stat": "2 files changed"}
    )
    assert dirty["mlflow.source.git.diff"] == f"2 files changed: git diff {'c' * 12} {'d' * 40}"


def test_run_takes_from_its_study_what_it_does_not_say_itself() -> None:
    study = {"id": "s", "experiment": "x", "commit": "a" * 40, "tier": "smoke", "pins": {"data/a": "1" * 32}}
    tags = translate.tags({"id": "r", "commit": "b" * 40, "tier": None}, study, "home")
    assert tags["mlflow.source.git.commit"] == "b" * 40
    assert (tags["wb.tier"], tags["wb.run"], tags["wb.study"]) == ("smoke", "r", "s")
    assert tags["wb.pin.data/a"] == "1" * 32
    assert "wb.run" not in translate.tags(study, study, "home")


def test_summary_leaves_out_what_is_not_a_number() -> None:
    arm = {
        "name": "A",
        "mean": 0.5,
        "interval": None,
        "p": None,
        "ratio": math.inf,
        "ratio_interval": [1, 2],
        "note": "x",
    }
    found = translate.summary_metrics({"cells": [{"name": "c", "arms": [arm]}]})
    assert found == {"c/A/mean": 0.5, "c/A/ratio": math.inf, "c/A/ratio_low": 1.0, "c/A/ratio_high": 2.0}


def test_tables_survive_bars_line_breaks_and_nothing() -> None:
    assert "a\\|b c" in translate.settings({"settings": [{"name": "a|b\nc", "value": [1], "why": "w"}]})
    assert translate.verdicts({}).count("---") == 7
    row = {"name": "C", "verdict": "no", "estimate": math.nan, "interval": [math.nan, 1], "p": 0.0}
    shown = translate.verdicts({"claims": [row, {"name": "D", "verdict": "not tested in this tier"}]})
    assert "| C |  | no | nan | nan to 1 | 0 |" in shown
    assert "\n\nNot tested in this tier: D.\n\n" in shown and "| D |" not in shown


@pytest.mark.parametrize("moment", [1_700_000_000, 1_700_000_000_000, "2023-11-14T22:13:20+00:00"])
def test_moments(moment: object) -> None:
    assert translate.milliseconds(moment, 5) == 1_700_000_000_000


def test_unknown_moment_is_the_default() -> None:
    assert translate.milliseconds(None, 5) == 5 == translate.milliseconds("yesterday", 5)
