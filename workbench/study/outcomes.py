"""Outcomes: what every run of a study came to, read from the run folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.record.files import read_json
from workbench.streams import Seeds


@dataclass(frozen=True)
class Outcome:
    """One run's end.

    ``state`` is "finished", "failed", or, without a result yet, "missing". ``seed`` is the seed tuple's text without
    the source, which ``source`` numbers. ``predictions`` is an npz with index, target and prediction, if there is one.
    """

    cell: str
    arm: str
    seed: str
    source: int
    state: str
    metrics: dict[str, float] = field(default_factory=dict)
    predictions: Path | None = None
    why: str = ""


def load(home: Path, study: Mapping[str, Any]) -> list[Outcome]:
    """The outcome of every run that ``study`` (a study.json) compares, in its order; one without a result is "missing".

    Runs that a study only builds on (another experiment's source networks) are left out.

    Raises:
        RecordError: for a result.json that cannot be read.
    """
    return [_outcome(home / "runs" / run["id"], run) for run in study["runs"] if _own(run, study)]


def complete(study: Mapping[str, Any], outcomes: list[Outcome]) -> list[Outcome]:
    """``outcomes`` plus a "missing" one for each planned run that has none: a study is judged as planned."""
    there = {(each.cell, each.arm, each.seed, each.source) for each in outcomes}
    planned = [_missing(run) for run in study.get("runs", ()) if _own(run, study)]
    return outcomes + [each for each in planned if (each.cell, each.arm, each.seed, each.source) not in there]


def _own(run: Mapping[str, Any], study: Mapping[str, Any]) -> bool:
    """Whether a run belongs to the study's own cells and arms."""
    if run.get("experiment", study.get("experiment")) != study.get("experiment"):
        return False
    arms = {cell["name"]: {arm["name"] for arm in cell["arms"]} for cell in study.get("cells", ())}
    return not arms or run["arm"] in arms.get(run["cell"], ())


def _outcome(folder: Path, run: Mapping[str, Any]) -> Outcome:
    missing = _missing(run)
    if not (folder / "result.json").exists():
        return missing
    result = read_json(folder / "result.json")
    try:
        state = str(result["state"])
        metrics = {str(name): float(value) for name, value in result.get("metrics", {}).items() if value is not None}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"is no result of a run ({error!r})", where=str(folder / "result.json")) from error
    file = folder / "predictions.npz"
    return Outcome(
        cell=missing.cell, arm=missing.arm, seed=missing.seed, source=missing.source, state=state, metrics=metrics,
        predictions=file if file.exists() else None, why=str(result.get("why", "")),
    )  # fmt: skip


def _missing(run: Mapping[str, Any]) -> Outcome:
    seeds = Seeds(**run["seeds"])
    return Outcome(run["cell"], run["arm"], str(seeds.but(source=0)), seeds.source, "missing")
