"""The summary of a study: every arm's estimates and every claim's verdict as plain values (a study's result.json).

Claims are the confirmatory family. All other comparisons are exploratory: they have intervals, and no adjusted p.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import UsageError
from workbench.study import effects, statistics
from workbench.study.claims import Claim
from workbench.study.judge import judge
from workbench.study.outcomes import Outcome, complete
from workbench.study.statistics import Estimate
from workbench.study.units import ArmValues, CellValues, gather, worst_score


def summarise(
    study: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    *,
    measure: str | None = None,
    unpaired: bool = False,
    resample: bool = True,
) -> dict[str, Any]:
    """Estimates, intervals and verdicts of a study.

    Args:
        study: the content of study.json.
        outcomes: of its runs; planned runs without one count as missing.
        measure: instead of the cells' own, for the cells; claims keep theirs.
        unpaired: compare arms by Welch's t although they share no seeds.
        resample: bootstrap over test examples where predictions are recorded.

    Returns:
        ``{"format", "id", "experiment", "title", "tier", "n_seeds", "family", "unpaired", "cells": [...],
        "claims": [...]}`` without NaN or infinity (None stands for an unbounded limit). A cell has name, measure,
        baseline, chance, n_test, exploratory, arms; an arm name, hypothesis, values and seeds (one a seed tuple),
        points (seed, source, value, failed), failed, missing, mean, sd, interval, and against the baseline
        difference, difference_interval, ratio, ratio_interval, p, p_holm (always None: exploratory), n, sources
        (their own means and ratios), source_spread, metrics (means of everything measured), note.
    """
    everything = complete(study, list(outcomes))
    described = {cell["name"]: cell for cell in study["cells"]}
    gathered: dict[tuple[str, str | None], CellValues] = {}

    def values(name: str, wanted: str | None) -> CellValues | None:
        if not name and name not in described and len(described) == 1:
            name = next(iter(described))
        if name not in described:
            return None
        if (name, wanted) not in gathered:
            gathered[name, wanted] = gather(described[name], everything, wanted, resample=resample)
        return gathered[name, wanted]

    cells = []
    for name, cell in described.items():
        own = values(name, None if measure in (None, cell["measure"]) else measure)
        assert own is not None
        cells.append(_cell(cell, own, [each for each in everything if each.cell == name], unpaired))
    asked = [Claim.from_dict(each) for each in study.get("claims", ())]
    claims = judge(asked, values, str(study["tier"]), study.get("measure"))
    seeds = max((arm["n"] + arm["missing"] for cell in cells for arm in cell["arms"]), default=0)
    facts = {key: study.get(key, "") for key in ("id", "experiment", "title", "tier")}
    family = sum(each["p_holm"] is not None for each in claims)
    result = {"format": 1, **facts, "n_seeds": seeds, "family": family, "unpaired": unpaired}
    plain: dict[str, Any] = finite({**result, "cells": cells, "claims": claims})
    return plain


def finite(value: Any) -> Any:
    """The same plain values with None for NaN and infinity, which JSON has no words for."""
    if isinstance(value, Mapping):
        return {str(key): finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def _cell(cell: Mapping[str, Any], own: CellValues, runs: Sequence[Outcome], unpaired: bool) -> dict[str, Any]:
    worst = worst_score(own.measure, own.chance, runs)
    arms = []
    for described in cell["arms"]:
        arm = own.arms[described["name"]]
        record = {"name": arm.name, "hypothesis": described.get("hypothesis", ""), **_alone(arm)}
        record["points"] = _points(arm, [each for each in runs if each.arm == arm.name], own.measure, worst)
        record["metrics"] = _metrics([each for each in runs if each.arm == arm.name])
        record.update(_against(own, arm, unpaired))
        record["note"] = "; ".join(each for each in (_note(arm, own.measure, worst), record.pop("decided")) if each)
        arms.append(record)
    kept = {key: getattr(own, key) for key in ("name", "measure", "baseline", "chance", "n_test", "exploratory")}
    return {**kept, "about": cell.get("about", ""), "arms": arms}


def _alone(arm: ArmValues) -> dict[str, Any]:
    """An arm's own values: one a seed tuple, their mean, standard deviation and interval."""
    units = arm.values.mean(axis=1)
    record: dict[str, Any] = {
        "seeds": list(arm.seeds), "values": units.tolist(), "n": len(units), "missing": arm.missing,
        "failed": int(arm.failed.sum()), "mean": None, "sd": None, "interval": None,
    }  # fmt: skip
    if len(units) and bool(np.isfinite(units).all()):
        record["mean"] = float(units.mean())
        if len(units) > 1:
            estimate = statistics.mean_interval(units)
            record["sd"], record["interval"] = float(units.std(ddof=1)), _limits(estimate)
    return record


def _points(arm: ArmValues, runs: Sequence[Outcome], measure: str, worst: float) -> list[dict[str, Any]]:
    """Every ended run as a dot, also those of seeds that still miss a source."""
    points = []
    for each in runs:
        value = each.metrics.get(measure, math.nan)
        failed = each.state == "failed" or (measure in each.metrics and not math.isfinite(value))
        if failed or (each.state == "finished" and math.isfinite(value)):
            shown = worst if failed else value
            points.append({"seed": each.seed, "source": each.source, "value": shown, "failed": failed})
    return points


def _against(cell: CellValues, arm: ArmValues, unpaired: bool) -> dict[str, Any]:
    """The arm against the cell's baseline; empty values for the baseline itself and where nothing is shared."""
    keys = ("difference", "difference_interval", "ratio", "ratio_interval", "p", "p_holm", "source_spread")
    record: dict[str, Any] = {**dict.fromkeys(keys), "sources": [], "decided": ""}
    if arm.name == cell.baseline or cell.baseline not in cell.arms:
        return record
    try:
        if unpaired:
            return record | _welch(cell, arm)
        return record | _paired(cell, arm)
    except UsageError as error:
        return record | {"decided": error.problem}


def _paired(cell: CellValues, arm: ArmValues) -> dict[str, Any]:
    mine, base = cell.together([arm.name, cell.baseline])
    if not mine.seeds:
        return {}
    effect = effects.difference(cell, arm.name, cell.baseline)
    one = len(mine.seeds) == 1
    record: dict[str, Any] = {"difference": effect.estimate.value}
    if not one:
        record |= {"difference_interval": _limits(effect.estimate), "p": statistics.sign_flip(effect.units)}
    if bool((mine.values < 0).any() or (base.values < 0).any()):
        return record
    quotient = effects.ratio(cell, arm.name, cell.baseline)
    record |= {"ratio": quotient.estimate.value, "ratio_interval": None if one else _limits(quotient.estimate)}
    if "examples" in (effect.by, quotient.by):
        record["decided"] = "interval over test examples, the wider one"
    if len(mine.sources) > 1 and mine.sources == base.sources:
        ratios = statistics.source_ratios(mine.values, base.values, cell.n_test)
        record["source_spread"] = float(ratios.max() / ratios.min())
        means = mine.values.mean(axis=0), base.values.mean(axis=0)
        record["sources"] = [
            {"source": source, "mean": float(a), "baseline": float(b), "ratio": float(ratio)}
            for source, a, b, ratio in zip(mine.sources, *means, ratios, strict=True)
        ]
    return record


def _welch(cell: CellValues, arm: ArmValues) -> dict[str, Any]:
    if not arm.seeds or not cell.arms[cell.baseline].seeds:
        return {}
    plain, quotient, p = effects.unpaired(cell, arm.name, cell.baseline)
    record: dict[str, Any] = {"difference": plain.value, "ratio": quotient.value}
    if plain.n > 1:
        limits = {"difference_interval": _limits(plain), "ratio_interval": _limits(quotient)}
        record |= {**limits, "p": p}
    return record


def _metrics(runs: Sequence[Outcome]) -> dict[str, float]:
    """The mean over finished runs of everything that was measured."""
    finished = [each.metrics for each in runs if each.state == "finished"]
    names = sorted({name for each in finished for name in each})
    return {name: float(np.mean([each[name] for each in finished if name in each])) for name in names}


def _note(arm: ArmValues, measure: str, worst: float) -> str:
    notes = []
    if arm.failed.any():
        runs = arm.values.size
        notes.append(f"{int(arm.failed.sum())} of {runs} runs failed, counted as {measure} {worst:g}")
    if arm.missing:
        notes.append(f"{arm.missing} of {len(arm.seeds) + arm.missing} seeds not finished")
    return "; ".join(notes)


def _limits(estimate: Estimate) -> list[float]:
    return [estimate.low, estimate.high]
