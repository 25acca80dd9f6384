"""The files that a study leaves for readers and for DVC."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.project import read
from workbench.study.claims import Claim
from workbench.study.outcomes import load
from workbench.study.publish import replaces, write_metrics, write_points, write_results
from workbench.study.summary import summarise


def test_results_and_metrics(make_study: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    errors = {"main": {"Base": [0.1, 0.11, 0.12], "Arm": [0.2, 0.21, 1 / 3], "Broken": [0.1, None, 0.1]}}
    study = make_study(tmp_path, errors, claims=[Claim.ratio("Arm", "Base", at_least=1.5, name="C1")])
    for number, run in enumerate(study["runs"]):
        path = tmp_path / "runs" / run["id"] / "result.json"
        path.write_text(json.dumps({**read(path), "seconds": number + 0.04}))
    summary = summarise(study, load(tmp_path, study))
    folder = tmp_path / "studies/study-1"
    write_results(folder, study, summary)
    for name in ("result.txt", "result.md", "result.tex", "report.html", "figure.png", "figure.svg"):
        assert (folder / name).stat().st_size > 100, name
    assert "C1" in (folder / "result.md").read_text() and "Broken" in (folder / "result.txt").read_text()
    write_metrics(tmp_path / "metrics.json", study, summary, tmp_path)
    kept = read(tmp_path / "metrics.json")
    arm = kept["cells"]["main"]["Arm"]
    assert kept["device"] == "cpu"  # seconds of another say nothing of this one
    assert kept["tier"] == "full" and arm["mean"] == 0.247778 and arm["seeds"] == 3 and arm["seconds"] == 4.0
    assert arm["low"] < arm["mean"] < arm["high"] and arm["ratio_low"] < arm["ratio"] < arm["ratio_high"]
    assert kept["cells"]["main"]["Broken"]["failed"] == 1 and set(kept["claims"]) == {"C1"}
    first = (tmp_path / "metrics.json").read_bytes()
    write_metrics(tmp_path / "metrics.json", study, summary, tmp_path)
    assert (tmp_path / "metrics.json").read_bytes() == first


def test_the_whole_studys_numbers_do_not_give_way_to_a_parts(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    assert replaces(path, "default") and replaces(path, "full")
    assert not replaces(path, "smoke") and not replaces(path, "a tier of its own")
    path.write_text('{"tier": "full"}')
    assert replaces(path, "full") and not replaces(path, "default")
    path.write_text("<<<<<<< HEAD")
    assert replaces(path, "default")


def test_every_run_is_a_point(make_study: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    study = make_study(tmp_path, {"a, b": {"Base": [0.1, None], "Arm": [0.25, 0.5]}})
    write_points(tmp_path / "points.csv", summarise(study, load(tmp_path, study)))
    first, *lines = (tmp_path / "points.csv").read_text().splitlines()
    assert first == "cell,arm,seed,source,value,failed"
    assert lines[0] == '"a, b",Base,100,0,0.1,0' and lines[1].endswith(",1") and len(lines) == 4
