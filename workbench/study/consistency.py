"""Whether a published summary still follows from the published runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workbench.errors import WorkbenchError
from workbench.streams import Seeds
from workbench.study.outcomes import Outcome
from workbench.study.summary import summarise

_SAME = 1e-9
_ESTIMATES = ("mean", "sd", "interval", "difference", "ratio", "n", "failed", "missing")


def contradictions(
    study: Mapping[str, Any], counted: Callable[[int], None] = lambda numbers: None
) -> Iterator[tuple[str, str]]:
    """(what a published summary says, what follows from the published runs), wherever the two differ.

    Intervals that came from a bootstrap over test examples cannot be derived from the runs' numbers and are left out.
    """
    try:
        outcomes = [_outcome(run) for run in study["runs"] if run["experiment"] == study["experiment"]]
        fresh = summarise(study, outcomes, resample=False)
    except (WorkbenchError, KeyError, TypeError, ValueError) as error:
        yield "its runs", f"nothing can be computed ({error})"
        return
    theirs = {cell["name"]: {arm["name"]: arm for arm in cell["arms"]} for cell in study["summary"]["cells"]}
    for cell in fresh["cells"]:
        for arm in cell["arms"]:
            there = theirs.get(cell["name"], {}).get(arm["name"])
            for key in _ESTIMATES:
                counted(1)
                if there is None or not _close(there[key], arm[key]):
                    says = None if there is None else there[key]
                    yield f"cells.{cell['name']}.{arm['name']} {key} {says}", str(arm[key])
    claims = {claim["name"]: claim for claim in study["summary"]["claims"]}
    for claim in fresh["claims"]:
        counted(1)
        says = claims.get(claim["name"], {}).get("estimate")
        if claim["name"] not in claims or not _close(says, claim["estimate"]):
            yield f"claims.{claim['name']} {says}", str(claim["estimate"])


def _outcome(run: Mapping[str, Any]) -> Outcome:
    seeds = Seeds(**run["seeds"])
    metrics = {name: float(value) for name, value in run["metrics"].items() if value is not None}
    return Outcome(run["cell"], run["arm"], str(seeds.but(source=0)), seeds.source, run["state"], metrics)


def _close(one: Any, other: Any) -> bool:
    """Equal but for the last digits, in which NumPy's sums may differ between processors."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_SAME, abs_tol=_SAME)
    return bool(one == other)
