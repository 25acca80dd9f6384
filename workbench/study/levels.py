"""How well a run was repeated: bit for bit, within numeric noise, within seed noise, or not.

The three levels of a re-run, with what each asks for:

L1  every metric, the weights' hash and every answer are equal, bit for bit.
L2  code, parameters and data are the same, and in every arm the mean error moved by no more than
    max(3 binomial standard deviations, 2 standard deviations over seeds); where both runs' answers are known, no more
    examples than that changed their answer.
L3  in every arm the mean of the new runs lies inside the 95 % prediction interval of the recorded ones, and every claim
    has the same verdict.

What a machine is held to depends on its reproduction class: in the same class bits must be equal (on a GPU only at
level ``strict``), in another one noise is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from workbench.study.recorded import RecordedRun
from workbench.study.units import is_error

Level = Literal["L1", "L2", "L3", "DIFFERS"]
ORDER: tuple[Level, ...] = ("L1", "L2", "L3", "DIFFERS")
MEANING: dict[Level, str] = {
    "L1": "bit-identical",
    "L2": "numerically the same",
    "L3": "within seed noise, the same claims",
    "DIFFERS": "not the recorded result",
}


@dataclass(frozen=True)
class Effect:
    """What came out differently in one pair of runs.

    Attributes:
        metrics: ``{name: (old, new)}`` of those that are not bit-equal.
        weights, answers: whether they are equal; None where one side does not know.
        agreement: share of examples with the same answer, where both sides have their answers.
        diverged: (last step at which all recorded histories agree, first step at which one does not), None without.
    """

    old: RecordedRun
    new: RecordedRun | None
    metrics: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    weights: bool | None = None
    answers: bool | None = None
    agreement: float | None = None
    diverged: tuple[int, int, str] | None = None

    @property
    def identical(self) -> bool:
        """Whether nothing that both sides know differs."""
        return (
            self.new is not None and self.old.state == self.new.state and not self.metrics
            and self.weights is not False and self.answers is not False
        )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The level that was reached and the one that was promised, with the reasons in words."""

    reached: Level
    promised: Level
    why: str
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return ORDER.index(self.reached) <= ORDER.index(self.promised)


def effect(old: RecordedRun, new: RecordedRun | None) -> Effect:
    """Holds one run against its repetition."""
    if new is None:
        return Effect(old, None)
    names = [*old.metrics, *(name for name in new.metrics if name not in old.metrics)]
    moved = {name: (old.metrics.get(name), new.metrics.get(name)) for name in names}
    metrics = {name: pair for name, pair in moved.items() if not _equal(*pair)}
    weights = old.weights == new.weights if old.weights and new.weights else None
    agreement, answers = _agreement(old, new)
    differs = bool(metrics) or weights is False or answers is False
    diverged = first_divergence(old.history(), new.history()) if differs else None
    return Effect(old, new, metrics, weights, answers, agreement, diverged)


def first_divergence(
    old: Mapping[str, Sequence[tuple[int, float]]], new: Mapping[str, Sequence[tuple[int, float]]]
) -> tuple[int, int, str] | None:
    """(last step before it at which they agree, step, metric) of the first recorded difference; None without one.

    Only steps that both sides recorded are held against each other. The step before is 0 when the first one differs.
    """
    found: tuple[int, int, str] | None = None
    for name in old.keys() & new.keys():
        theirs = dict(new[name])
        agreed = 0
        for step, value in sorted(old[name]):
            if step not in theirs:
                continue
            if not _equal(value, theirs[step]):
                if found is None or step < found[1]:
                    found = (agreed, step, name)
                break
            agreed = step
    return found


def promised(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Level, str]:
    """The level that a machine is held to, and why, from the facts (class, device, level) of two runs."""
    mine, theirs = str(old.get("class") or ""), str(new.get("class") or "")
    if not mine or mine != theirs:
        return "L3", "another reproduction class than the recorded one: noise is allowed"
    if _processor(old) and _processor(new) and _processor(old) != _processor(new):
        # A virtual machine may call processors of several generations by one name, and so does the class. It stays as
        # it is, because published results quote it.
        return "L3", "another model of processor under the same name: noise is allowed"
    if not str(old.get("device", "cpu")).startswith("cuda") or old.get("level") == "strict":
        return "L1", "the same reproduction class: bits must be equal"
    if old.get("level") == "fast":
        return "L3", "level fast lets the GPU choose kernels by timing: noise is allowed"
    return "L2", "on a GPU only level strict promises equal bits"


def _processor(facts: Mapping[str, Any]) -> str:
    """Family, model and stepping; "" where they are not known."""
    cpu = (facts.get("environment") or {}).get("cpu") or {}
    return str(cpu.get("id") or "") if isinstance(cpu, Mapping) else ""


def judge(
    effects: Sequence[Effect],
    recorded: Sequence[RecordedRun],
    *,
    measure: str,
    n_test: Mapping[str, int],
    same_question: bool,
    claims: Sequence[tuple[str, str, str]],
    promise: tuple[Level, str],
) -> Verdict:
    """The level that a repetition reached.

    Args:
        effects: a pair for every run that was to be repeated.
        recorded: every recorded run of the study, repeated or not: they tell the noise over seeds.
        measure: the metric that the study compares.
        n_test: number of test examples of each cell.
        same_question: whether code, parameters and data are the same (level L2 asks for it).
        claims: (name, recorded verdict, verdict on the repeated runs), both over the runs that were repeated.
        promise: of :func:`promised`.
    """
    missing = [each.old.label for each in effects if each.new is None]
    if missing:
        note = f"{len(missing)} of {len(effects)} runs did not come out: {missing[0]}"
        return Verdict("DIFFERS", *promise, (note,))
    if all(each.identical for each in effects):
        return Verdict("L1", promise[0], promise[1])
    noise = {place: _noise(place, recorded, measure, n_test.get(place[0])) for place in _places(effects)}
    against = [text for place in noise if (text := _beyond(place, effects, measure, noise[place], same_question))]
    if same_question and not against:
        return Verdict("L2", promise[0], promise[1])
    outside = [text for place in noise if (text := _outside(place, effects, recorded, measure))]
    moved = [f"claim {name} was '{old}' and is '{new}'" for name, old, new in claims if old != new]
    if not outside and not moved:
        return Verdict("L3", promise[0], promise[1], tuple(against))
    return Verdict("DIFFERS", promise[0], promise[1], (*against, *outside, *moved))


Place = tuple[str, str]


def _places(effects: Sequence[Effect]) -> list[Place]:
    return list(dict.fromkeys((each.old.cell, each.old.arm) for each in effects))


def _noise(place: Place, recorded: Sequence[RecordedRun], measure: str, n_test: int | None) -> float:
    """max(3 binomial sd, 2 seed sd) of an arm's error; 0 where neither is known."""
    values = _values(place, recorded, measure)
    found = [0.0]
    if n_test and values and is_error(measure):
        mean = min(1.0, max(0.0, float(np.mean(values))))
        found.append(3 * math.sqrt(max(mean * (1 - mean), 0.25 / n_test) / n_test))
    if len(values) > 1:
        found.append(2 * float(np.std(values, ddof=1)))
    return max(found)


def _beyond(place: Place, effects: Sequence[Effect], measure: str, noise: float, same_question: bool) -> str:
    """Why an arm is not numerically the same, "" when it is."""
    mine = [each for each in effects if (each.old.cell, each.old.arm) == place]
    old, new = (_values(place, runs, measure) for runs in ([e.old for e in mine], [e.new for e in mine if e.new]))
    if len(old) != len(new):
        return f"{_name(place)}: {len(new)} runs finished instead of {len(old)}"
    if old and abs(float(np.mean(new)) - float(np.mean(old))) > noise:
        return f"{_name(place)}: mean {measure} {np.mean(old):.4g} became {np.mean(new):.4g}, noise allows {noise:.2g}"
    shares = [each.agreement for each in mine if each.agreement is not None]
    if same_question and shares and 1 - min(shares) > noise:
        return f"{_name(place)}: {1 - min(shares):.2%} of the answers changed, noise allows {noise:.2%}"
    return ""


def _outside(place: Place, effects: Sequence[Effect], recorded: Sequence[RecordedRun], measure: str) -> str:
    """Why an arm is outside of the noise over seeds, "" when it is inside."""
    from scipy.stats import t

    values = _values(place, recorded, measure)
    new = _values(place, [each.new for each in effects if each.new], measure)
    mine = [each for each in effects if (each.old.cell, each.old.arm) == place]
    if all(each.identical for each in mine):
        return ""
    if len(new) < len(mine):
        return f"{_name(place)}: {len(new)} of {len(mine)} runs finished"
    if len(values) < 2:
        return f"{_name(place)}: one recorded seed does not tell the noise over seeds"
    sd, n, m = float(np.std(values, ddof=1)), len(values), len(new)
    reach = float(t.ppf(0.975, n - 1)) * sd * math.sqrt(1 / n + 1 / m)
    low, high = float(np.mean(values)) - reach, float(np.mean(values)) + reach
    if low <= float(np.mean(new)) <= high:
        return ""
    return f"{_name(place)}: mean {measure} {np.mean(new):.4g} lies outside of [{low:.4g}, {high:.4g}]"


def _values(place: Place, runs: Sequence[RecordedRun], measure: str) -> list[float]:
    mine = [run for run in runs if (run.cell, run.arm) == place and run.state == "finished"]
    return [run.metrics[measure] for run in mine if math.isfinite(run.metrics.get(measure, math.nan))]


def _agreement(old: RecordedRun, new: RecordedRun) -> tuple[float | None, bool | None]:
    """Share of equal answers and whether all are equal; None where one side does not have them."""
    mine, theirs = _answers(old), _answers(new)
    if mine is not None and theirs is not None:
        if any(one.shape != other.shape for one, other in zip(mine, theirs, strict=True)):
            return 0.0, False
        alike = np.logical_and.reduce([_alike(*pair) for pair in zip(mine, theirs, strict=True)])
        equal = all(np.array_equal(*pair, equal_nan=True) for pair in zip(mine, theirs, strict=True))
        return float(np.mean(alike)), equal
    known = old.predictions, _hash(new) if old.predictions else ""
    return None, (known[0] == known[1] if all(known) else None)


def _answers(run: RecordedRun) -> list[Any] | None:
    """Index (n,), target and answer (n, ...), in the order of the index: numbers, rows of tokens, or of labels."""
    file = run.folder / "predictions.npz" if run.folder else None
    if file is None or not file.exists():
        return None
    with np.load(file, allow_pickle=False) as arrays:
        rows = [arrays[name] for name in ("index", "target", "prediction")]
    order = np.argsort(rows[0], kind="stable")
    return [row[order] for row in rows]


def _alike(one: Any, other: Any) -> Any:
    """bool (n,): whether each example has the same; of real numbers, the same but for rounding (1 in 10,000)."""
    real = np.issubdtype(one.dtype, np.floating)
    same = np.isclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True) if real else one == other
    return same.reshape(len(one), -1).all(axis=1)


def _hash(run: RecordedRun) -> str:
    from workbench.study.published import predictions_hash

    file = run.folder / "predictions.npz" if run.folder else None
    return predictions_hash(file) if file and file.exists() else run.predictions


def _equal(old: float | None, new: float | None) -> bool:
    return old == new or (old is not None and new is not None and math.isnan(old) and math.isnan(new))


def _name(place: Place) -> str:
    return f"{place[0]} · {place[1]}"
