"""The published results of an experiment, experiments/NAME/results.json: what a stranger holds a new run against.

One entry a tier. Numbers keep every digit, because they are compared bit for bit; each run and each arm is one line,
so that git shows which of them changed. Nothing in it names a machine, a user or a folder outside of the project.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.record.files import decode, encode, read_json, write_bytes
from workbench.record.journal import RunView, read_run
from workbench.record.places import run_folder, study_folder

RESULTS = "results.json"
FORMAT = 1
# A run keeps at most 12 points of its history, and a study of many runs about 1,500 in all: half a megabyte is read.
MOST_POINTS, LEAST_POINTS, ALL_POINTS = 12, 3, 1500
HISTORIES = ("train/loss",)

_COPIED = (
    "id", "identity", "experiment", "title", "tier", "created", "measure", "options", "library", "device", "threads",
    "dirty", "lock", "pins", "cells", "claims", "settings", "environment",
)  # fmt: skip
_SUMMARY = ("n_seeds", "family", "cells", "claims")
_SHARED = ("fields", "stages", "pins", "level", "library", "device", "threads")
_ARRAYS = ("index", "target", "prediction")
_LINES = ("runs", "arms", "claims", "settings")
_WIDTH = 110


def place(root: Path, experiment: str) -> Path:
    """Where an experiment's published results lie."""
    return root / "experiments" / experiment / RESULTS


def entry(home: Path, study: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of one finished study.

    Args:
        home: the state folder.
        study: the content of its study.json.

    Returns:
        The study's own facts; ``summary``: its result.json without the single points; ``arms``: what the runs of each
        (experiment, cell, arm) share; ``runs``: every run in the study's order, source runs included.

    Raises:
        RecordError: when a record is missing or damaged, or runs of one arm differ in what they must share.
    """
    found = {key: study[key] for key in _COPIED}
    environment = study["environment"]
    found["commit"] = commit_of(study)
    found |= {"class": environment["class"], "level": environment["level"]}
    result = read_json(study_folder(home, study["id"]) / "result.json")
    found["summary"] = {key: _without_points(result[key]) for key in _SUMMARY}
    arms: dict[tuple[str, str, str], dict[str, Any]] = {}
    runs: list[dict[str, Any]] = []
    points = max(LEAST_POINTS, min(MOST_POINTS, ALL_POINTS // max(len(study["runs"]), 1)))
    for listed in study["runs"]:
        view = read_run(run_folder(home, listed["id"]))
        key = (listed["experiment"], listed["cell"], listed["arm"])
        arm = dict(zip(("experiment", "cell", "arm"), key, strict=True)) | {each: view.facts[each] for each in _SHARED}
        if arms.setdefault(key, arm) != arm:
            raise RecordError(
                f"has other settings than the first run of {' · '.join(key)}", where=f"run {listed['id']}"
            )
        runs.append(_run(listed, view, points))
    return {**found, "arms": list(arms.values()), "runs": runs}


def commit_of(study: Mapping[str, Any]) -> str:
    """The commit that re-creates a study's tree: its snapshot, else the commit that was checked out."""
    return str(study.get("snapshot") or study["commit"])


def write(path: Path, experiment: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes the entries of some tiers, ``{tier: entry}``, and keeps those of other tiers that are in the file.

    Raises:
        RecordError: when the file that is there is damaged, or cannot be written.
    """
    studies = dict(read(path)["studies"]) if path.exists() else {}
    studies |= entries
    content = {"format": FORMAT, "experiment": experiment, "studies": studies}
    write_bytes(path, f"{_laid_out(encode(content))}\n".encode())


def read(source: Path | str, where: str = RESULTS) -> dict[str, Any]:
    """The content of a results.json, from its path or, as of another commit, its text.

    Args:
        source: the file, or the text of one.
        where: what to call a text in messages.

    Raises:
        RecordError: when there is no such file, or it is not what ``wb publish`` writes.
    """
    if isinstance(source, Path):
        where = "/".join(source.parts[-3:])
        try:
            source = source.read_text(encoding="utf-8")
        except FileNotFoundError:
            hint = f"Type: wb publish {where.split('/')[-2]}"
            raise RecordError("there are no published results", where=where, hint=hint) from None
        except (OSError, UnicodeDecodeError) as error:
            raise RecordError(f"cannot be read ({error})", where=where) from error
    try:
        content = decode(json.loads(source))
    except ValueError as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RecordError(
            "is not valid JSON (a merge conflict?)", where=f"{where}{line}", hint=_again(where)
        ) from error
    _check(content, where)
    return dict(content)


def predictions_hash(path: Path) -> str:
    """SHA-256 of what a predictions.npz holds in index, target and prediction.

    Of names, types, shapes and values, not of the file: archives of equal content may differ in their bytes.

    Raises:
        RecordError: for a file that is not there or holds no predictions.
    """
    import numpy as np

    found = hashlib.sha256()
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in _ARRAYS:
                array = np.ascontiguousarray(arrays[name])
                array = array.astype(array.dtype.newbyteorder("<"), copy=False)
                found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
                found.update(array.tobytes())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RecordError(f"holds no predictions ({error})", where=str(path)) from error
    return found.hexdigest()


def thinned(points: Sequence[tuple[int, float, int]], most: int) -> list[list[float]]:
    """At most ``most`` (from 2) of a history's points as [step, value], evenly chosen, with the first and the last."""
    last = len(points) - 1
    chosen = range(last + 1) if last < most else (round(k * last / (most - 1)) for k in range(most))
    return [[points[k][0], points[k][1]] for k in chosen]


def _run(listed: Mapping[str, Any], view: RunView, points: int) -> dict[str, Any]:
    result = view.result
    if result is None:
        raise RecordError("has no result", where=f"run {listed['id']}", hint="Type: wb run, and then publish again")
    file = view.folder / "predictions.npz"
    found = {key: listed[key] for key in ("id", "experiment", "cell", "arm", "seeds")}
    found |= {
        "identity": view.facts["identity"],
        "state": result["state"],
        "metrics": result["metrics"],
        "weights": result.get("weights"),
        "predictions": predictions_hash(file) if file.exists() else None,
        "sources": view.facts["sources"],
        "seconds": round(result.get("seconds", 0.0), 2),
    }
    if result["state"] == "failed":
        found["why"] = result.get("why", "")
    history = {key: thinned(view.metrics[key], points) for key in HISTORIES if key in view.metrics}
    return found | {"history": history}


def _without_points(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_points(each) for key, each in value.items() if key != "points"}
    return [_without_points(each) for each in value] if isinstance(value, list) else value


def _laid_out(value: Any, depth: int = 0, key: str = "") -> str:
    """JSON with what fits on a line on one line, and so each element of the lists named in ``_LINES``."""
    short = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if not isinstance(value, dict | list) or len(short) + depth <= _WIDTH:
        return short
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict):
        lines = [f"{json.dumps(name)}: {_laid_out(each, depth + 1, name)}" for name, each in value.items()]
    elif key in _LINES:
        lines = [json.dumps(each, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for each in value]
    else:
        lines = [_laid_out(each, depth + 1) for each in value]
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{opening}{inner}{f',{inner}'.join(lines)}{outer}{closing}"


def _check(content: Any, where: str) -> None:
    """Raises RecordError unless the content has the shape that readers rely on."""
    if not isinstance(content, Mapping) or not isinstance(content.get("studies"), Mapping):
        raise RecordError("has no 'studies': it is not what wb publish writes", where=where, hint=_again(where))
    if content.get("format") != FORMAT:
        problem = f"has format {content.get('format')!r}, and this version reads {FORMAT}"
        raise RecordError(problem, where=where, hint="Use the workbench of the commit that wrote it")
    for tier, study in content["studies"].items():
        wanted = {*_COPIED, "commit", "class", "level", "summary", "arms", "runs"}
        missing = sorted(wanted - set(study)) if isinstance(study, Mapping) else ["anything"]
        missing += [] if missing else sorted(set(_SUMMARY) - set(study["summary"]))
        if missing:
            problem = f"its tier '{tier}' lacks {', '.join(missing)}"
            raise RecordError(problem, where=where, hint=_again(where))
        for run in study["runs"]:
            absent = sorted({"id", "identity", "experiment", "cell", "arm", "seeds", "state", "metrics"} - set(run))
            if absent:
                problem = f"a run of its tier '{tier}' lacks {', '.join(absent)}"
                raise RecordError(problem, where=where, hint=_again(where))


def _again(where: str) -> str:
    file = where.partition(" ")[0]  # "... at 4f2c91e" names a commit
    name = file.split("/")[-2] if "/" in file else "EXPERIMENT"
    return f"Type: git checkout HEAD -- {file}, or wb publish {name}"
