"""The readable results of a study: tables, figure, report, and the files that DVC reads."""

from __future__ import annotations

import csv
import io
import json
import re
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.record.files import read_json, write_bytes, write_json
from workbench.record.journal import read_run
from workbench.record.places import run_folder
from workbench.study import figure, report, table


def write_results(folder: Path, record: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Writes result.txt, result.md, result.tex, figure.png, figure.svg and report.html into a study's folder."""
    for name, style in (("result.txt", "terminal"), ("result.md", "markdown"), ("result.tex", "latex")):
        write_bytes(folder / name, table.tables(summary, style).encode())  # type: ignore[arg-type]
    figure.save(figure.figure(summary), folder)
    report.write(folder / "report.html", record, summary)


def write_curves(folder: Path, record: Mapping[str, Any], home: Path, measure: str = "train/loss") -> None:
    """Draws the history of ``measure`` for every cell into ``artifacts/curves``: a line and a band an arm."""
    for cell in record["cells"]:
        curves: dict[str, list[list[tuple[int, float]]]] = {arm["name"]: [] for arm in cell["arms"]}
        for run in record["runs"]:
            if run["cell"] == cell["name"] and run["experiment"] == record["experiment"]:
                points = read_run(run_folder(home, run["id"])).metrics.get(measure, [])
                curves[run["arm"]].append([(step, value) for step, value, _ in points])
        drawn = {arm: runs for arm, runs in curves.items() if any(runs)}
        name = re.sub(r"[^a-z0-9]+", "_", cell["name"].lower()).strip("_")
        figure.save(figure.curves_figure(drawn, measure, cell["name"]), folder / "artifacts" / "curves", name)


def write_metrics(path: Path, record: Mapping[str, Any], summary: Mapping[str, Any], home: Path) -> None:
    """Writes a small metrics file, for ``dvc metrics`` and for later estimates of time.

    Means, intervals and ratios of every arm, median seconds of a run, and the verdicts; six significant digits.
    """
    seconds = _seconds(record, home)
    cells = {
        cell["name"]: {
            arm["name"]: _numbers(arm) | {"seconds": seconds.get((cell["name"], arm["name"]))} for arm in cell["arms"]
        }
        for cell in summary["cells"]
    }
    claims = {
        claim["name"]: {key: _rounded(claim.get(key)) for key in ("verdict", "estimate", "p_holm")}
        for claim in summary["claims"]
    }
    facts = {"tier": summary["tier"], "device": str(record.get("device", "cpu")).partition(":")[0]}
    write_json(path, {**facts, "seeds": summary["n_seeds"], "cells": cells, "claims": claims})


def replaces(path: Path, tier: str) -> bool:
    """Whether a tier's numbers may take the place of those in the metrics file.

    Only those of the default and the full tier are kept beside a spec, and the default's never replace the full one's.
    """
    try:
        held = read_json(path).get("tier") if path.exists() else None
    except (RecordError, AttributeError):
        held = None  # damaged by hand, or by a merge: better numbers are at hand
    return tier == "full" or (tier == "default" and held != "full")


def write_points(path: Path, summary: Mapping[str, Any]) -> None:
    """Writes a line ``cell,arm,seed,source,value,failed`` for every run, for ``dvc plots`` and spreadsheets."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("cell", "arm", "seed", "source", "value", "failed"))
    for cell in summary["cells"]:
        for arm in cell["arms"]:
            for each in arm["points"]:
                value = _rounded(each["value"])
                lines.writerow((cell["name"], arm["name"], each["seed"], each["source"], value, int(each["failed"])))
    write_bytes(path, text.getvalue().encode())


def _numbers(arm: Mapping[str, Any]) -> dict[str, Any]:
    low, high = arm.get("interval") or (None, None)
    ratio_low, ratio_high = arm.get("ratio_interval") or (None, None)
    # No key may be "error": DVC takes one at any depth for a file that it could not read.
    found = {
        "mean": arm.get("mean"), "low": low, "high": high, "ratio": arm.get("ratio"), "ratio_low": ratio_low,
        "ratio_high": ratio_high,
    }  # fmt: skip
    return {key: _rounded(value) for key, value in found.items()} | {"seeds": arm["n"], "failed": arm["failed"]}


def _seconds(record: Mapping[str, Any], home: Path) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], list[float]] = {}
    for run in record["runs"]:
        result = read_json(run_folder(home, run["id"]) / "result.json")
        if result["state"] == "finished":
            found.setdefault((run["cell"], run["arm"]), []).append(float(result["seconds"]))
    return {key: round(statistics.median(values), 1) for key, values in found.items()}


def _rounded(value: Any) -> Any:
    return json.loads(f"{value:.6g}") if isinstance(value, float) else value
