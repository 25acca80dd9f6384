"""Units: the values of a cell's arms, lined up by seed tuple and source, failed runs as the worst score."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError, nearest
from workbench.study.bootstrap import Errors, resampled_errors
from workbench.study.outcomes import Outcome
from workbench.study.statistics import Floats


@dataclass(frozen=True, eq=False)
class ArmValues:
    """One arm in one cell.

    Attributes:
        seeds: the n seed tuples whose runs have all ended, in natural order.
        sources: the k pre-trained networks that each seed is crossed with; (0,) where there is one.
        values: float64 (n, k), a failed run standing as the worst score.
        failed: bool (n, k).
        missing: seed tuples that still lack a run.
        resampled: float32 (resamples, n, k), errors on resampled test sets; None where predictions do not say.
    """

    name: str
    seeds: tuple[str, ...]
    sources: tuple[int, ...]
    values: Floats
    failed: NDArray[np.bool_]
    missing: int
    resampled: Errors | None = None

    def at(self, seeds: Sequence[str]) -> ArmValues:
        """The same arm at those of its seeds only, in that order."""
        rows = [self.seeds.index(seed) for seed in seeds]
        resampled = None if self.resampled is None else self.resampled[:, rows]
        values, failed = self.values[rows], self.failed[rows]
        return ArmValues(self.name, tuple(seeds), self.sources, values, failed, self.missing, resampled)


@dataclass(frozen=True, eq=False)
class CellValues:
    """One cell's arms under one measure. ``planned`` is the number of seed tuples of the arm that has most."""

    name: str
    measure: str
    baseline: str
    chance: float | None
    n_test: int | None
    exploratory: bool
    arms: dict[str, ArmValues]

    def together(self, names: Sequence[str]) -> list[ArmValues]:
        """The named arms at the seeds that all of them have finished, which may be none."""
        arms = [self.arms[name] for name in names]
        shared = [seed for seed in arms[0].seeds if all(seed in arm.seeds for arm in arms)]
        return [arm.at(shared) for arm in arms]

    def planned(self, names: Sequence[str]) -> int:
        """How many seed tuples the named arms will have when nothing is missing."""
        return max(len(self.arms[name].seeds) + self.arms[name].missing for name in names)


def gather(
    cell: Mapping[str, Any], outcomes: Sequence[Outcome], measure: str | None = None, *, resample: bool = True
) -> CellValues:
    """Lines up a cell of study.json under its own measure or another.

    Args:
        cell: name, measure, baseline, chance, n_test, exploratory, arms.
        outcomes: of the whole study, missing runs included.
        resample: whether to bootstrap over examples where the runs' predictions allow it.

    Raises:
        UsageError: when runs have ended and none has the measure, naming the nearest that there is.
    """
    measure = measure or cell["measure"]
    own = [each for each in outcomes if each.cell == cell["name"]]
    known = {name for each in own for name in each.metrics}
    if known and measure not in known:
        raise UsageError(f"no run measured '{measure}'{nearest(measure, known)}", where=f"cell {cell['name']}")
    chance, n_test = cell.get("chance"), cell.get("n_test") or None
    worst = worst_score(measure, chance, own)
    runs = {arm["name"]: [each for each in own if each.arm == arm["name"]] for arm in cell["arms"]}
    arms = {name: _arm(name, each, measure, worst) for name, each in runs.items()}
    if resample:
        arms = _with_resampled(arms, runs, n_test)
    exploratory = bool(cell.get("exploratory", False))
    return CellValues(cell["name"], measure, cell["baseline"], chance, n_test, exploratory, arms)


def worst_score(measure: str, chance: float | None, outcomes: Sequence[Outcome]) -> float:
    """What a failed run counts as: an error of 1; for other measures the worst of chance and what any run had."""
    if is_error(measure):
        return 1.0
    seen = [each.metrics[measure] for each in outcomes if math.isfinite(each.metrics.get(measure, math.nan))]
    return max([*seen, *([] if chance is None else [chance])], default=math.nan)


def is_error(measure: str) -> bool:
    """Whether a measure is an error rate in [0, 1], e.g. ``test/error``."""
    return measure.rsplit("/", 1)[-1].endswith("error")


def natural(text: str) -> list[tuple[int, str]]:
    """A key that sorts ``2`` before ``10``."""
    return [(int(each), "") if each.isdigit() else (0, each) for each in re.split(r"(\d+)", text) if each]


def _arm(name: str, runs: Sequence[Outcome], measure: str, worst: float) -> ArmValues:
    sources = tuple(sorted({each.source for each in runs})) or (0,)
    ended = {(each.seed, each.source): each for each in runs if _ended(each, measure)}
    seeds = sorted({each.seed for each in runs}, key=natural)
    full = tuple(seed for seed in seeds if all((seed, source) in ended for source in sources))
    failed = np.array([[_failed(ended[seed, k], measure) for k in sources] for seed in full], dtype=np.bool_)
    values = [[worst if _failed(ended[seed, k], measure) else ended[seed, k].metrics[measure] for k in sources]
              for seed in full]  # fmt: skip
    shape = (len(full), len(sources))
    as_array = np.array(values, dtype=np.float64).reshape(shape)
    return ArmValues(name, full, sources, as_array, failed.reshape(shape), len(seeds) - len(full))


def _ended(outcome: Outcome, measure: str) -> bool:
    return outcome.state == "failed" or (outcome.state == "finished" and measure in outcome.metrics)


def _failed(outcome: Outcome, measure: str) -> bool:
    return outcome.state == "failed" or not math.isfinite(outcome.metrics[measure])


def _with_resampled(
    arms: dict[str, ArmValues], runs: Mapping[str, Sequence[Outcome]], n_test: int | None
) -> dict[str, ArmValues]:
    """The arms with errors on resampled test sets, where every run's predictions are there and give its value."""
    wrong = _wrong(arms, runs, n_test)
    if wrong is None:
        return arms
    errors = resampled_errors(wrong)
    found, start = {}, 0
    for name, arm in arms.items():
        stop = start + arm.values.size
        mine = errors[:, start:stop].reshape(len(errors), *arm.values.shape)
        found[name] = ArmValues(name, arm.seeds, arm.sources, arm.values, arm.failed, arm.missing, mine)
        start = stop
    return found


def _wrong(
    arms: Mapping[str, ArmValues], runs: Mapping[str, Sequence[Outcome]], n_test: int | None
) -> NDArray[np.bool_] | None:
    """bool (runs in the arms' order, n_test); None unless all saw the same examples and their errors are the values."""
    rows: list[NDArray[np.bool_] | None] = []
    examples: NDArray[Any] | None = None
    for name, arm in arms.items():
        by_place = {(each.seed, each.source): each for each in runs[name]}
        for (row, column), value in np.ndenumerate(arm.values):
            if arm.failed[row, column]:
                rows.append(None)
                continue
            read = _predictions(by_place[arm.seeds[row], arm.sources[column]].predictions)
            if read is None or abs(float(read[1].mean()) - float(value)) > 0.5 / len(read[1]):
                return None
            if examples is None:
                examples = read[0]
            if not np.array_equal(examples, read[0]):
                return None
            rows.append(read[1])
    if examples is None or (n_test is not None and n_test != examples.shape[1]):
        return None
    return np.stack([np.ones(examples.shape[1], dtype=np.bool_) if each is None else each for each in rows])


def _predictions(file: Path | None) -> tuple[NDArray[Any], NDArray[np.bool_]] | None:
    """(index and target, int (2, n), in order of index) and bool (n,) of wrong answers; None where there are none."""
    if file is None:
        return None
    try:
        with np.load(file, allow_pickle=False) as arrays:
            index, target, prediction = arrays["index"], arrays["target"], arrays["prediction"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    if target.ndim != 1 or prediction.shape != target.shape or index.shape != target.shape or not len(index):
        return None
    order = np.argsort(index, kind="stable")
    return np.stack([index[order], target[order]]), (target != prediction)[order]
