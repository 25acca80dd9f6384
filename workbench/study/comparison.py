"""A recorded result and its repetition side by side: effects, causes and verdict, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import RecreateError
from workbench.study import causes, levels
from workbench.study.causes import Cause
from workbench.study.levels import MEANING, Effect, Verdict
from workbench.study.recorded import Key, RecordedRun, RecordedStudy
from workbench.study.summary import summarise
from workbench.study.words import counted, is_percent, unit

# More rows than this are told by arm.
_MOST_ROWS = 40


@dataclass(frozen=True)
class Comparison:
    """What came out: a pair for each run, the causes with the number of pairs they hold for, the verdict.

    ``left_out`` counts the recorded study's runs that have no result, to which nothing can be held.
    """

    measure: str
    effects: tuple[Effect, ...]
    causes: tuple[tuple[Cause, int], ...]
    verdict: Verdict
    claims: tuple[tuple[str, str, str], ...]
    left_out: int = 0


def compare(old: RecordedStudy, new: RecordedStudy, *, partial: bool, changed: causes.Changed) -> Comparison:
    """Holds a repetition against the recorded study.

    Args:
        partial: less than the whole was asked for, so that only the runs that both have are meant.
        changed: see :func:`workbench.study.causes.causes`.

    Raises:
        RecreateError: when they have no run in common, or no recorded run has a result.
    """
    theirs, listed = new.own(), old.own()
    known = {key: run for key, run in listed.items() if run.state != "missing"}
    if not known:
        raise RecreateError("no run of the recorded study has a result", hint="Type: wb run, to finish it")
    mine = {key: run for key, run in known.items() if not partial or key in theirs}
    if not mine or not theirs.keys() & mine.keys():
        raise RecreateError("the new study and the recorded one have no run in common: other cells, arms or seeds")
    effects = tuple(levels.effect(run, theirs.get(key)) for key, run in mine.items())
    pairs = [(each.old.facts, each.new.facts) for each in effects if each.new is not None]
    found = causes.together(pairs, changed)
    measure = str(old.facts["measure"])
    verdicts = _claims(old, new, [key for key in mine if key in theirs])
    verdict = levels.judge(
        effects,
        tuple(known.values()),
        measure=measure,
        n_test={cell["name"]: int(cell.get("n_test") or 0) for cell in old.facts["cells"]},
        same_question=causes.same_question(cause for cause, _ in found),
        claims=verdicts,
        promise=levels.promised(*pairs[0]),
    )
    return Comparison(measure, effects, tuple(found), verdict, tuple(verdicts), len(listed) - len(known))


def _claims(old: RecordedStudy, new: RecordedStudy, keys: Sequence[Key]) -> list[tuple[str, str, str]]:
    """(name, recorded verdict, new verdict) of the claims that these runs can speak to, both judged on them alone.

    The bootstrap over examples takes part only where both sides have their answers.
    """
    mine, theirs = old.own(), new.own()
    answers = all(
        (run.outcome().predictions is not None) for each in (mine, theirs) for key, run in each.items() if key in keys
    )
    sides = []
    for study, runs in ((old, mine), (new, theirs)):
        facts = study.at(list(keys))
        outcomes = [runs[key].outcome() for key in keys]
        sides.append({each["name"]: each["verdict"] for each in summarise(facts, outcomes, resample=answers)["claims"]})
    return [(name, verdict, sides[1][name]) for name, verdict in sides[0].items() if name in sides[1]]


def lines(found: Comparison) -> list[str]:
    """The whole as text: the table of runs, the causes, where histories part, the verdict."""
    from tabulate import tabulate

    heads, rows = effects_table(found)
    text = [tabulate(rows, heads, tablefmt="simple", disable_numparse=True), ""]
    if found.causes:
        text += [causes_table(found.causes, len(found.effects)), ""]
    else:
        text += [
            "Nothing that reaches a number differs: code, params, data, environment and hardware class are the same.",
            "",
        ]
    parted = [each for each in found.effects if each.diverged]
    if parted:
        first = min(parted, key=lambda each: each.diverged[1] if each.diverged else 0)
        assert first.diverged is not None
        agreed, step, name = first.diverged
        text += [f"First difference: {name} at step {step} of {first.old.label} (the same up to step {agreed}).", ""]
    if found.left_out:
        text += [f"Left out, as the recorded study has no result of them: {counted(found.left_out, 'run')}.", ""]
    return [*text, *verdict_lines(found)]


def effects_table(found: Comparison) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: one for each run, or one for each arm when there are many."""
    if len(found.effects) > _MOST_ROWS:
        return _by_arm(found)
    rows = []
    for each in found.effects:
        old, new = _value(each.old, found.measure), _value(each.new, found.measure)
        rows.append([
            each.old.cell, each.old.arm, each.old.seed, _shown(old, found.measure), _shown(new, found.measure),
            _gap(old, new, found.measure), _bits(each),
        ])  # fmt: skip
    return ["cell", "arm", "seed", f"recorded {_unit(found.measure)}", "reproduced", "difference", "bits"], rows


def _by_arm(found: Comparison) -> tuple[list[str], list[list[str]]]:
    rows = []
    places = list(dict.fromkeys((each.old.cell, each.old.arm) for each in found.effects))
    for cell, arm in places:
        mine = [each for each in found.effects if (each.old.cell, each.old.arm) == (cell, arm)]
        old, new = _means(mine, found.measure)
        same = sum(each.identical for each in mine)
        rows.append([
            cell, arm, str(len(mine)), _shown(old, found.measure), _shown(new, found.measure),
            _gap(old, new, found.measure), f"{same} of {len(mine)} equal",
        ])  # fmt: skip
    return ["cell", "arm", "runs", f"recorded {_unit(found.measure)}", "reproduced", "difference", "bits"], rows


def causes_table(
    found: Sequence[tuple[Cause, int]], pairs: int, heads: tuple[str, str] = ("recorded", "reproduced")
) -> str:
    """What is not the same, what reaches a number most directly first."""
    from tabulate import tabulate

    rows = [
        [cause.kind, cause.what, cause.old or "-", cause.new or "-", "all" if count == pairs else str(count)]
        for cause, count in found[:25]
    ]
    if len(found) > 25:
        rows.append(["", f"and {len(found) - 25} more", "", "", ""])
    names = ["cause", "what", *heads, "runs"]
    if pairs == 1:
        rows, names = [row[:-1] for row in rows], names[:-1]
    return tabulate(
        rows, names, tablefmt="simple", disable_numparse=True, maxcolwidths=[None, 44, 36, 36, None][: len(names)]
    )


def verdict_lines(found: Comparison) -> list[str]:
    """The verdict, its reasons, and whether the promise was kept."""
    verdict = found.verdict
    same = sum(each.identical for each in found.effects)
    runs = counted(len(found.effects), "run")
    told = [f"Verdict: {verdict.reached}, {MEANING[verdict.reached]} ({same} of {runs} bit-identical)."]
    told.append(f"Promised: {verdict.promised}, {MEANING[verdict.promised]} ({verdict.why}).")
    told += [f"  {note}" for note in verdict.notes[:10]]
    if not verdict.kept:
        kinds = list(dict.fromkeys(cause.kind for cause, _ in found.causes))
        told.append(
            f"Most likely because of: {', then '.join(kinds)}."
            if kinds
            else "No recorded cause: nondeterminism, or something that no record holds."
        )
    return told


def as_dict(found: Comparison, facts: dict[str, Any]) -> dict[str, Any]:
    """The comparison as plain values, for result.json of a reproduction."""
    runs = [
        {
            "cell": each.old.cell, "arm": each.old.arm, "seed": each.old.seed, "identical": each.identical,
            "recorded": _value(each.old, found.measure), "reproduced": _value(each.new, found.measure),
            "weights": each.weights, "answers": each.answers, "agreement": each.agreement,
            "diverged": list(each.diverged) if each.diverged else None,
        }
        for each in found.effects
    ]  # fmt: skip
    return {
        **facts, "measure": found.measure, "reached": found.verdict.reached, "promised": found.verdict.promised,
        "kept": found.verdict.kept, "notes": list(found.verdict.notes), "claims": [list(each) for each in found.claims],
        "left_out": found.left_out,
        "causes": [{**vars(cause), "runs": count} for cause, count in found.causes], "runs": runs,
    }  # fmt: skip


def _bits(each: Effect) -> str:
    if each.new is None:
        return "missing"
    if each.old.state != each.new.state:
        return f"{each.old.state}, then {each.new.state}"
    if each.identical:
        return "equal"
    if each.agreement is not None:
        return f"differ, {each.agreement:.1%} of answers the same"
    return "differ"


def _value(run: RecordedRun | None, measure: str) -> float | None:
    return None if run is None else run.metrics.get(measure)


def _means(effects: Sequence[Effect], measure: str) -> tuple[float | None, float | None]:
    """The means of the recorded and of the new runs, of those pairs that have a number on both sides."""
    pairs = [(_value(each.old, measure), _value(each.new, measure)) for each in effects]
    both = [(a, b) for a, b in pairs if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)]
    if not both:
        return None, None
    return sum(old for old, _ in both) / len(both), sum(new for _, new in both) / len(both)


def _unit(measure: str) -> str:
    return unit(measure) or measure


def _shown(value: float | None, measure: str) -> str:
    if value is None:
        return "-"
    return f"{value * 100:.3f}" if is_percent(measure) else f"{value:.6g}"


def _gap(old: float | None, new: float | None, measure: str) -> str:
    if old is None or new is None:
        return "-"
    if not (math.isfinite(old) and math.isfinite(new)):
        return "0" if old == new or (math.isnan(old) and math.isnan(new)) else "-"
    return "0" if old == new else ("+" if new > old else "-") + _shown(abs(new - old), measure)
