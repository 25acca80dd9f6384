"""How long runs take, from runs of the same arm that are recorded here or were published with the experiment.

Those of other lengths count by what they cost: epochs times items, and the steps that these make.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.record.files import read_json
from workbench.record.places import run_folders, study_folders
from workbench.study.experiment import derive
from workbench.study.plan import Planned, settle
from workbench.study.spec import Spec, load_spec

Key = tuple[str, str, str, bool]

STEP = 8
"""What a step costs beside its items, in items: about right for small networks on a CPU, where it matters."""


START, FINISH = 5.0, 3.0
"""Seconds until workers have imported torch and loaded a spec, and of a study's own record, tables and figures.

Measured on two cores that had other things to do, too: 30 studies with runs took 6 to 25 s beside them, 8 as a rule.
"""

COSTS = {"fit.epochs": 1, "data.train": 1, "data.size": 2}
"""The power of each field with which the time of the epochs grows."""

NETWORK = ("model.arch", "model.width", "model.layers", "model.factors", "model.weights")
"""Fields that a network's size hangs on, which its time does not follow by any rule that would hold for all."""


@dataclass(frozen=True)
class Took:
    """A run that was done: its fields, its seconds, and how many of them its epochs took (the rest never changes)."""

    fields: Mapping[str, Any]
    seconds: float
    epochs: float

    def scaled(self, ratio: float, fields: Mapping[str, Any]) -> float:
        """Seconds of a run with these ``fields``, whose epochs cost ``ratio`` times as much."""
        area = _area(fields, self.fields)  # larger pictures cost as much more in evaluation
        return area * (self.seconds - self.epochs) + ratio * self.epochs


class Estimate:
    """Expected seconds of planned runs on this machine; None where nothing like them was ever done.

    ``spec``: whose published numbers count for runs that nothing is recorded of, and those of the experiments that it
    starts from. ``device``: where they are to run; what ran elsewhere says nothing.
    """

    def __init__(self, home: Path, spec: Spec | None = None, device: str = "cpu") -> None:
        self._took: dict[Key, list[Took]] = {}
        self._device = _kind(device)
        self._spans: dict[str, list[tuple[float, float]]] = {}
        for folder in run_folders(home):
            if (folder / "result.json").exists():
                self._add(read_json(folder / "run.json"), read_json(folder / "result.json"))
        self._home = home
        self._published = {spec.name: _Published(spec, self._device)} if spec else {}

    def _add(self, facts: dict[str, Any], result: dict[str, Any]) -> None:
        began = facts.get("created", 0) / 1000
        self._spans.setdefault(facts.get("study", ""), []).append((began, began + float(result.get("seconds", 0.0))))
        if result.get("state") == "finished" and _kind(facts.get("device", self._device)) == self._device:
            key = (facts["experiment"], facts["cell"], facts["arm"], bool(facts.get("choosing")))
            seconds = float(result["seconds"])
            took = Took(facts.get("fields", {}), seconds, min(seconds, result.get("epoch_seconds", seconds)))
            self._took.setdefault(key, []).append(took)

    def seconds(self, run: Planned) -> float | None:
        """From recorded runs of the arm in its cell, else of any arm there, else the published ones.

        The median of those that cost nearly the same; where there are only longer or shorter ones, by what they cost.
        """
        fields = {} if run.trained_by else run.cls.flatten()  # it does not train: its length is that of an evaluation
        same = self._took.get((run.experiment, run.cell, run.arm, run.choosing), [])
        alike = [each for key, took in self._took.items() if key[:2] == (run.experiment, run.cell) for each in took]
        published = self._of(run)
        ways = (same, [] if run.trained_by else alike, [] if published is None else [published])
        return next((found for way in ways if (found := _scaled(fields, way)) is not None), None)

    def _of(self, run: Planned) -> Took | None:
        """What is published of a run like it, by its own experiment."""
        if self._published and run.experiment not in self._published:
            spec = load_spec(run.spec.parents[2], str(run.spec))
            self._published[run.experiment] = _Published(spec, self._device)
        return self._published[run.experiment].took(run) if self._published else None

    def beside(self, experiment: str, pools: int) -> float:
        """Seconds that a study takes beside its runs: the median of those recorded here, else what was measured once.

        Of the experiment's own studies where there are any, as its claims and cells make its summary longer or shorter.
        ``pools``: how often workers are started for it.
        """
        found: dict[bool, list[float]] = {True: [], False: []}
        for folder in study_folders(self._home):
            if (folder / "result.json").exists():
                facts = read_json(folder / "study.json")
                seconds = _idle(
                    facts["created"] / 1000, (folder / "result.json").stat().st_mtime, self._spans.get(folder.name, [])
                )
                if seconds is not None:
                    found[facts["experiment"] == experiment].append(seconds)
        known = found[True] or found[False]
        return statistics.median(known) if known else FINISH + pools * START

    def total(self, runs: Iterable[Planned], jobs: int) -> float | None:
        """Seconds for all of them, ``jobs`` at a time; None when one of them is unknown.

        ``runs``: each behind those that it waits for, which no number of jobs makes shorter.
        """
        known: list[float] = []
        ends: dict[str, float] = {}
        for run in runs:
            seconds = self.seconds(run)
            if seconds is None:
                return None
            known.append(seconds)
            ends[run.id] = seconds + max((ends.get(other, 0.0) for other in run.after), default=0.0)
        return max(sum(known) / max(1, jobs), max(ends.values(), default=0.0))


def in_words(seconds: float | None) -> str:
    """``40 s``, ``12 min``, ``1 h 50 min``, or ``unknown``."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _idle(begin: float, end: float, spans: Iterable[tuple[float, float]]) -> float | None:
    """Seconds from ``begin`` to ``end`` in which no run went on; None where none began: all was done before."""
    own = sorted(span for span in spans if begin <= span[0] <= end)
    idle, until = 0.0, begin
    for began, ended in own:
        idle, until = idle + max(0.0, began - until), max(until, ended)
    return idle + max(0.0, end - until) if own else None


def _scaled(fields: Mapping[str, Any], took: Iterable[Took]) -> float | None:
    """The median seconds of the runs whose cost is nearest, as long as this one is; None where none can be compared."""
    all_of_them = [(cost_ratio(fields, known.fields), known) for known in took]
    ratios = [(ratio, known) for ratio, known in all_of_them if ratio is not None]
    if not ratios:
        return None
    nearest = min((ratio for ratio, _ in ratios), key=lambda ratio: abs(math.log(ratio)))
    return statistics.median(known.scaled(ratio, fields) for ratio, known in ratios if math.isclose(ratio, nearest))


def cost_ratio(fields: Mapping[str, Any], known: Mapping[str, Any]) -> float | None:
    """How many times as much the epochs of a run with these ``fields`` cost as with the ``known`` ones.

    As far as both tell: what is "auto" counts as equal. None where nothing tells it: a network of another size, or all
    the items that there are against a number of them.
    """
    if any(_differ(fields, known, path) for path in NETWORK):
        return None
    ratio = 1.0
    for path, power in COSTS.items():
        now, before = fields.get(path), known.get(path)
        if isinstance(now, int) and isinstance(before, int):
            ratio *= (now / before) ** power
        elif _differ(fields, known, path):
            return None
    now, before = fields.get("fit.batch"), known.get("fit.batch")
    if isinstance(now, int) and isinstance(before, int):
        ratio *= (1 + STEP / now) / (1 + STEP / before)
    return ratio


def _area(fields: Mapping[str, Any], known: Mapping[str, Any]) -> float:
    """How many times as many pixels a picture has."""
    now, before = fields.get("data.size"), known.get("data.size")
    return (now / before) ** COSTS["data.size"] if isinstance(now, int) and isinstance(before, int) else 1.0


def _differ(fields: Mapping[str, Any], known: Mapping[str, Any], path: str) -> bool:
    """Whether both have the field and another value in it; "auto" may be any."""
    values = [each[path] for each in (fields, known) if path in each]
    return len(values) == 2 and values[0] != values[1] and "auto" not in values


def _kind(device: str) -> str:
    """``cuda`` of ``cuda:1``."""
    return device.partition(":")[0]


class _Published:
    """Median seconds by (cell, arm) from the experiment's metrics.json, and the fields that those runs had."""

    def __init__(self, spec: Spec, device: str) -> None:
        self._spec = spec
        path = spec.path.parent / "metrics.json"
        whole: dict[str, Any] = read_json(path) if path.exists() else {}
        if whole.get("device", "cpu") != device:  # files from before it was written are of CPUs
            whole = {}
        self._tier = whole.get("tier", "")
        self._seconds = {
            (cell, arm): each["seconds"]
            for cell, arms in whole.get("cells", {}).items()
            for arm, each in arms.items()
            if each.get("seconds")
        }

    def took(self, run: Planned) -> Took | None:
        """Of the run's arm in its cell; without fields where the spec has no longer what was published."""
        seconds = self._seconds.get((run.cell, run.arm))
        if seconds is None:
            return None
        experiment = self._spec.experiment
        if self._tier not in experiment.tiers:
            return Took({}, seconds, seconds)
        arm, cell = experiment.arm(run.arm), experiment.cell(run.cell)
        cls = settle(derive(experiment, arm, cell, experiment.tier(self._tier)), run.autos)
        return Took(cls.flatten(), seconds, seconds)
