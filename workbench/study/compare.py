"""Recorded studies side by side: exploratory, paired by seed, unpaired only when asked for."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.errors import RecordError, UsageError, nearest
from workbench.record.files import read_json
from workbench.study.outcomes import Outcome, load
from workbench.study.summary import summarise
from workbench.study.units import gather

Study = dict[str, Any]


def compare(
    home: Path, names: Sequence[str], *, measure: str | None = None, unpaired: bool = False
) -> tuple[list[Study], dict[str, Any], list[str]]:
    """Holds the arms of one or several studies against each other.

    Args:
        home: the state folder.
        names: experiments (their latest study) or the beginnings of study ids.
        measure: instead of the cells' own.
        unpaired: use Welch's t, for arms that share no seeds.

    Returns:
        The studies found, a summary without claims as :func:`summarise` makes it, and notes on how to read it. Cells
        of the same name, measure and test set stand together; the first study's baseline is theirs.

    Raises:
        UsageError: for unknown or ambiguous names, a measure that no run has, and arms that share no seeds with the
            baseline unless ``unpaired``.
    """
    studies: list[Study] = []
    for name in names:
        found = find(home, name)
        if all(found["id"] != each["id"] for each in studies):
            studies.append(found)
    cells, outcomes = _joined(home, studies)
    joint = {
        "id": " and ".join(each["id"] for each in studies), "experiment": "", "title": "", "tier": "", "cells": cells,
    }  # fmt: skip
    notes = [] if unpaired else _pairing(cells, outcomes, measure)
    return studies, summarise(joint, outcomes, measure=measure, unpaired=unpaired), notes + _pins(studies)


def find(home: Path, name: str) -> Study:
    """The study of that name: an experiment's latest, or the one whose id begins so.

    Raises:
        UsageError: for a name that fits none, with the nearest, or several.
    """
    studies = recorded(home)
    if not studies:
        raise UsageError("nothing has been run yet", where=name, hint=f"Type: wb run {name} --smoke")
    short = Path(name).name
    by_experiment = [each for each in studies if Path(str(each["experiment"])).name == short]
    if by_experiment and all(each["id"] != name for each in studies):
        return by_experiment[-1]
    by_id = [each for each in studies if str(each["id"]).startswith(name)]
    exact = [each for each in by_id if each["id"] == name]
    if len(exact or by_id) == 1:
        return (exact or by_id)[0]
    if by_id:
        ids = ", ".join(str(each["id"]) for each in by_id)
        raise UsageError(f"'{name}' begins {len(by_id)} studies: {ids}", hint="Type more of the one you mean")
    known = {str(each["id"]) for each in studies} | {Path(str(each["experiment"])).name for each in studies}
    raise UsageError(f"no experiment or study '{name}' is recorded{nearest(short, known)}", hint="Type: wb list")


def recorded(home: Path) -> list[Study]:
    """Every study.json under the state folder that can be read, the latest last."""
    found = []
    for path in sorted(home.glob("studies/*/study.json")):
        try:
            study = read_json(path)
        except RecordError:
            continue
        if isinstance(study, dict) and {"id", "experiment", "cells", "runs"} <= study.keys():
            found.append(study)
    return sorted(found, key=lambda each: (begun(each.get("created")), str(each["id"])))


def begun(created: Any) -> float:
    """Seconds since 1970 of milliseconds or an ISO time; 0 for anything else."""
    if isinstance(created, int | float):
        return created / 1000
    try:
        time = datetime.datetime.fromisoformat(str(created))
    except ValueError:
        return 0.0
    return (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).timestamp()


def _joined(home: Path, studies: Sequence[Study]) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """One list of cells with arms from every study, and the outcomes under the arms' new names."""
    joint: list[tuple[Study, dict[str, Any]]] = []
    outcomes: list[Outcome] = []
    for study, label in zip(studies, _labels(studies), strict=True):
        mine = load(home, study)
        for cell in study["cells"]:
            into = next((made for first, made in joint if _alike(first, study, cell)), None)
            if into is None:
                taken = any(made["name"] == cell["name"] for _, made in joint)
                name = f"{cell['name']}{label}" if taken else cell["name"]
                into = {**cell, "name": name, "baseline": f"{cell['baseline']}{label}", "arms": [], "exploratory": True}
                joint.append((study, into))
            into["arms"] += [{**arm, "name": f"{arm['name']}{label}"} for arm in cell["arms"]]
            own = [each for each in mine if each.cell == cell["name"]]
            outcomes += [replace(each, cell=into["name"], arm=f"{each.arm}{label}") for each in own]
    return [made for _, made in joint], outcomes


def _alike(first: Study, study: Study, cell: Mapping[str, Any]) -> bool:
    """Whether a cell of ``study`` may stand in the first's of that name: same measure, same test set, same data."""
    if first is study or _conflicts(first, study):
        return False
    other = next((each for each in first["cells"] if each["name"] == cell["name"]), None)
    if other is None or other["measure"] != cell["measure"]:
        return False
    return len({each.get("n_test") for each in (other, cell)} - {None}) < 2


def _conflicts(one: Study, other: Study) -> list[str]:
    """The data files that both studies pin with different contents."""
    mine, theirs = one.get("pins") or {}, other.get("pins") or {}
    return sorted(path for path in mine if path in theirs and mine[path] != theirs[path])


def _labels(studies: Sequence[Study]) -> list[str]:
    """What tells the arms of several studies apart: the experiment, or the id where two are of one experiment."""
    if len(studies) == 1:
        return [""]
    experiments = [Path(str(each["experiment"])).name for each in studies]
    different = len(set(experiments)) == len(experiments)
    return [f" @{name if different else each['id']}" for name, each in zip(experiments, studies, strict=True)]


def _pairing(cells: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome], measure: str | None) -> list[str]:
    """Notes on seeds that only one of two arms has; refuses arms that share none."""
    notes = []
    for cell in cells:
        values = gather(cell, outcomes, measure, resample=False)
        base = values.arms.get(values.baseline)
        for arm in values.arms.values():
            if base is None or not arm.seeds or not base.seeds or arm is base:
                continue
            shared = [seed for seed in base.seeds if seed in arm.seeds]
            if not shared:
                raise UsageError(
                    f"{arm.name} ({_range(arm.seeds)}) and {base.name} ({_range(base.seeds)}) share no seeds",
                    where=f"cell {cell['name']}",
                    hint="Add --unpaired to compare them by Welch's t",
                )
            if len(shared) < max(len(arm.seeds), len(base.seeds)):
                notes.append(f"{cell['name']}: {arm.name} is paired with {base.name} at {_range(shared)} only.")
    return notes


def _pins(studies: Sequence[Study]) -> list[str]:
    """A note for each data file that two studies read in different versions."""
    paths = {path for one, other in itertools.combinations(studies, 2) for path in _conflicts(one, other)}
    return [
        f"{path} had other contents in another of these studies; their cells stand apart." for path in sorted(paths)
    ]


def _range(seeds: Sequence[str]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
