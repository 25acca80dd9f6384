"""``wb inspect``: a recorded run's network, made again from its record and opened up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.data.sources.route import Report, silent
from workbench.errors import DataError, DeviceError, RecordError, UsageError
from workbench.interpret.interpretation import Interpretation
from workbench.record.files import read_json
from workbench.record.journal import read_run
from workbench.record.mlflow import Tracker
from workbench.record.places import run_folder, study_folder
from workbench.record.shipper import home_tag
from workbench.record.shipping import ship_study
from workbench.streams import Seeds
from workbench.study import materials
from workbench.study.plan import files_of
from workbench.study.recorded import RecordedRun
from workbench.study.recorded_arm import recorded_arm
from workbench.study.reference import find_run
from workbench.training.checkpoint import load_weights
from workbench.training.device import pick_device
from workbench.training.state import Point

WEIGHTS = "weights.safetensors"


@dataclass(frozen=True)
class Opened:
    """A run with its network; ``notes`` say what is not as it was."""

    run: RecordedRun
    study: str
    interpretation: Interpretation
    notes: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where tables and figures go unless told otherwise: below the run's artifacts, which MLflow mirrors."""
        assert self.run.folder is not None
        return self.run.folder / "artifacts" / "inspect"

    def agreement(self) -> str:
        """How many of the recorded answers the network gives again, in words; "" where none were recorded."""
        assert self.run.folder is not None
        file, split = self.run.folder / "predictions.npz", self.interpretation.split
        if not file.exists():
            return ""
        with np.load(file, allow_pickle=False) as arrays:
            recorded = arrays["prediction"]
        given = self.interpretation.answers(split).prediction
        if recorded.shape != given.shape:
            return f"The recorded answers have another shape, {recorded.shape}, than those of now, {given.shape}."
        near = recorded == given if recorded.dtype.kind in "iub" else np.isclose(recorded, given, rtol=1e-4, atol=1e-5)
        same = int(near.reshape(len(near), -1).all(1).sum())
        but = "" if same == len(near) else ": library, data or hardware are not what they were"
        return f"The same answers as recorded on {same:,} of {len(near):,} {split} items{but}."


def open_run(root: Path, home: Path, name: str, report: Report = silent) -> Opened:
    """The network of the run that ``name`` (an id, ours or MLflow's, or its beginning) means, with its data.

    Raises:
        UsageError: no run's name, or a run that has no network.
        SpecError: code or fields are not what they were. DataError: the data are not.
        RecordError: weights that are missing or do not fit.
    """
    found = find_run(root, home, name)
    run = found.run
    if run.state != "finished" or run.folder is None:
        why = f": {run.why}" if run.why else ""
        raise UsageError(f"run {run.id} is {run.state}{why}", hint="Type: wb list, for the ids of finished runs")
    weights = run.folder / WEIGHTS
    if not weights.is_file():
        raise RecordError("the run's weights are not here", where=str(weights), hint="Type: wb run, to train it anew")
    facts = read_json(run.folder / "run.json")  # the study's own copy names sources by their weights
    arm = recorded_arm(root, run)
    now = materials.ensure(root, files_of(arm, root), report)
    _same_data(now, facts["pins"], str(facts.get("snapshot") or "COMMIT"))
    device, notes = _device(str(facts["device"]))
    place = run.folder.parent.parent
    sources = {name: run_folder(place, each) / WEIGHTS for name, each in facts["sources"].items()}
    learner = arm(Seeds(**facts["seeds"]), device=device, threads=int(facts["threads"]), root=root, sources=sources)
    state = learner.begin(choosing=bool(facts["choosing"]))
    load_weights(weights, state.model)
    journal = read_run(run.folder)
    state.history = [Point(key, *_point(each)) for key, points in journal.metrics.items() for each in points]
    state.metrics = journal.final()
    return Opened(run, found.study, Interpretation(state), tuple(notes))


def ship(home: Path, opened: Opened) -> str:
    """Sends the run's new artifacts to MLflow; a line that says where they are now."""
    folder = study_folder(home, opened.study)
    if not folder.is_dir():
        return "Not sent to MLflow: the run was recorded in another state folder."
    try:
        tracker = Tracker.open(home)
        kept = ship_study(tracker, folder, home_tag(home), again=True).kept
    except RecordError as error:
        return f"Not sent to MLflow ({error.problem}). To send them later, type: wb sync"
    if opened.run.id in kept:
        return f"Not sent to MLflow ({kept[opened.run.id]}). To send them later, type: wb sync"
    return f"Sent to MLflow ({tracker.shown}), as artifacts of the run."


def _same_data(now: dict[str, str], then: dict[str, str], snapshot: str) -> None:
    for path, md5 in then.items():
        if now.get(path, md5) != md5:
            raise DataError(
                f"is pinned at {now[path][:8]}, and the run read {md5[:8]}",
                where=path,
                hint=f"Type: git checkout {snapshot[:12]} -- data.dvc && wb data restore {path}",
            )


def _device(recorded: str) -> tuple[str, list[str]]:
    try:
        pick_device(recorded)
    except DeviceError:
        return "cpu", [f"The run computed on {recorded}, which is not here: numbers may differ in their last digits."]
    return recorded, []


def _point(recorded: tuple[int, float, int]) -> tuple[float, int, int]:
    step, value, moment = recorded
    return value, step, moment
