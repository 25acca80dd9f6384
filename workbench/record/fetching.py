"""A study that another state folder sent to the tracker, brought here as the state folder that it came from."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from workbench.errors import RecordError
from workbench.record.mlflow import Tracker, TrackerGone
from workbench.record.places import prepare, run_folder, study_folder

_NAME = re.compile(r"\w[\w.-]*")
_OF_A_STUDY = ("result.json",)
_OF_A_RUN = ("environment.json", "journal.jsonl", "predictions.npz", "result.json")


def fetch_study(home: Path, run: str) -> tuple[Path, str, str] | None:
    """Bring a study's records from the tracker, without the weights, whose hash result.json holds.

    Args:
        home: our own state folder; the records go below ``home/fetched``, one folder for each study of MLflow.
        run: MLflow's id of the study's run, or of one of its children.

    Returns:
        The state folder that holds them now, the study's id, and the id of the run that was meant ("" for the study);
        None when the tracker has no run of that id, or it is none of ours.

    Raises:
        RecordError: when the tracker does not answer, or the study's records are not complete there.
    """
    tracker = Tracker.open(home)
    try:
        tags = tracker.told(run)
    except TrackerGone:
        return None
    if "wb.study" not in tags:
        return None
    parent = tags.get("mlflow.parentRunId", run)
    place = prepare(home) / "fetched" / _checked(parent, run)
    study = _checked(tags["wb.study"], run)
    for child, own in tracker.children(parent).items():
        if "wb.run" in own:  # else somebody's own, put below our study
            _fetch_run(tracker, child, own, run_folder(place, _checked(own["wb.run"], child)))
    folder = study_folder(place, study)
    for name in _OF_A_STUDY:
        if not (folder / name).exists():
            _bring(tracker, parent, name, folder)
    _require(tracker, parent, "study.json", folder)  # last: it makes the folder count as a study
    return place, study, tags.get("wb.run", "")


def _fetch_run(tracker: Tracker, run: str, tags: dict[str, str], folder: Path) -> None:
    if (folder / "run.json").exists():
        return
    # a run that several studies share has its big files in the first of them only
    holder = tags.get("wb.files", "").removeprefix("runs:/")
    for name in _OF_A_RUN:
        if not (folder / name).exists() and not _bring(tracker, run, name, folder) and holder:
            _bring(tracker, holder, name, folder)
    _require(tracker, run, "run.json", folder)


def _bring(tracker: Tracker, run: str, name: str, folder: Path) -> bool:
    """Whether the tracker has that file of a run; it is then in the folder, whole even if a download was broken off."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as part:
        there = tracker.fetch(run, name, Path(part))
        if there:
            (Path(part) / name).replace(folder / name)
    return there


def _checked(name: str, run: str) -> str:
    """A name that becomes a folder's; refused when it would lead elsewhere, as anybody can write into a tracker."""
    if not _NAME.fullmatch(name):
        raise RecordError(f"'{name[:80]}' is no name of ours", where=f"run {run}", hint="Look at its tags: wb ui")
    return name


def _require(tracker: Tracker, run: str, name: str, folder: Path) -> None:
    if not (folder / name).exists() and not _bring(tracker, run, name, folder):
        raise RecordError(
            f"the tracker has no {name} of it: its sender has not finished", where=f"run {run}",
            hint="Type there: wb sync",
        )  # fmt: skip
