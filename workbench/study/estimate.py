"""How long runs take, from runs of the same arm that are recorded here or were published with the experiment."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbench.record.files import read_json
from workbench.record.places import run_folders
from workbench.study.plan import Planned

Key = tuple[str, str, str, bool]


class Estimate:
    """Expected seconds of planned runs on this machine; None where nothing like them was ever done."""

    def __init__(self, home: Path, published: Path | None = None) -> None:
        self._seconds: dict[Key, list[float]] = {}
        for folder in run_folders(home):
            if (folder / "result.json").exists():
                self._add(read_json(folder / "run.json"), read_json(folder / "result.json"))
        self._published = _published(published)

    def _add(self, facts: dict[str, Any], result: dict[str, Any]) -> None:
        if result.get("state") == "finished":
            key = (facts["experiment"], facts["cell"], facts["arm"], bool(facts.get("choosing")))
            self._seconds.setdefault(key, []).append(float(result["seconds"]))

    def seconds(self, run: Planned) -> float | None:
        """Median seconds of recorded runs of the arm in its cell, else of any arm there, else the published ones."""
        same = self._seconds.get((run.experiment, run.cell, run.arm, run.choosing))
        if same:
            return statistics.median(same)
        alike = [
            value for key, values in self._seconds.items() if key[:2] == (run.experiment, run.cell) for value in values
        ]
        if alike and not run.trained_by:
            return statistics.median(alike)
        return self._published.get((run.cell, run.arm))

    def total(self, runs: Iterable[Planned], jobs: int) -> float | None:
        """Seconds for all of them, ``jobs`` at a time; None when one of them is unknown."""
        each = [self.seconds(run) for run in runs]
        known = [value for value in each if value is not None]
        if len(known) < len(each):
            return None
        return max(sum(known) / max(1, jobs), max(known, default=0.0))


def in_words(seconds: float | None) -> str:
    """``40 s``, ``12 min``, ``1 h 50 min``, or ``unknown``."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _published(path: Path | None) -> dict[tuple[str, str], float]:
    """Median seconds by (cell, arm) from the experiment's metrics.json."""
    if path is None or not path.exists():
        return {}
    cells: dict[str, dict[str, Any]] = read_json(path).get("cells", {})
    return {
        (cell, arm): each["seconds"]
        for cell, arms in cells.items()
        for arm, each in arms.items()
        if each.get("seconds")
    }
