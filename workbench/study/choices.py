"""Settings chosen per arm on validation data, with the same budget for each, kept in experiments/NAME/choices.json.

Without this the arm with the worst default would only be the worst tuned (papers: Bouthillier et al. 2021, section 4).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.parts import Part, digest, plain, revived
from workbench.record.files import read_json, write_json
from workbench.record.journal import read_run
from workbench.record.places import run_folder
from workbench.study.experiment import Arm, Cell, Choice
from workbench.study.identity import described, library_hash
from workbench.study.plan import Planned, Planner
from workbench.study.settings import row
from workbench.study.spec import Spec

Execute = Callable[[Sequence[Planned]], None]


def choices_file(spec: Spec) -> Path:
    """``experiments/NAME/choices.json``."""
    return spec.path.parent / "choices.json"


def known_choices(planner: Planner, spec: Spec) -> tuple[dict[tuple[str, str], Any], list[tuple[Cell, Arm, str]]]:
    """What the file already says for (cell, arm), and the (cell, arm, key) that have still to be chosen."""
    choice = _choice(planner, spec)
    if choice is None:
        return {}, []
    entries = _read(spec)
    known: dict[tuple[str, str], Any] = {}
    missing: dict[str, tuple[Cell, Arm, str]] = {}
    for cell, arm, origin, key in _asked(planner, spec, choice):
        if key in entries:
            known[cell.name, arm.__name__] = revived(entries[key]["value"])
        else:
            missing.setdefault(key, (origin, arm, key))
    return known, list(missing.values())


def choose(planner: Planner, spec: Spec, missing: Sequence[tuple[Cell, Arm, str]], execute: Execute) -> None:
    """Measures every value for what is missing, and writes the best of each into the file.

    What was chosen earlier for the same cell and arm under other settings is dropped.
    A value whose runs fail counts as infinitely bad; ties go to the smaller number, or to the part that stands first.
    """
    choice = spec.experiment.choose
    assert choice is not None
    plans = {key: planner.choosing(spec, cell, arm, choice) for cell, arm, key in missing}
    execute(list({run.id: run for plan in plans.values() for runs in plan.values() for run in runs}.values()))
    entries = _read(spec)
    for cell, arm, key in missing:
        scores = {value: _score(planner, runs, choice) for value, runs in plans[key].items()}
        best = min(_ordered(scores), key=lambda value: scores[value])
        entries = {
            old: entry for old, entry in entries.items() if (entry["cell"], entry["arm"]) != (cell.name, arm.__name__)
        }
        entries[key] = {
            "cell": cell.name,
            "arm": arm.__name__,
            "library": library_hash(),
            "value": plain(best),
            "measured": {
                repr(value): (None if math.isinf(score) else round(score, 6)) for value, score in scores.items()
            },
        }
    ordered = dict(sorted(entries.items(), key=lambda each: (each[1]["cell"], each[1]["arm"], each[0])))
    write_json(
        choices_file(spec),
        {"field": choice.field, "measure": choice.measure, "seeds": choice.seeds, "entries": ordered},
    )


def chosen_settings(planner: Planner, spec: Spec) -> list[dict[str, Any]]:
    """Rows of setting / value / why for the plan and the report."""
    choice = _choice(planner, spec)
    rows: list[dict[str, Any]] = []
    if choice is None:
        return rows
    entries = _read(spec)
    path = choice.field.replace("__", ".")
    for cell, arm, origin, key in _asked(planner, spec, choice):
        entry = entries.get(key)
        if entry is not None:
            measured = ", ".join(f"{value}: {_shown(score)}" for value, score in entry["measured"].items())
            why = f"lowest {choice.measure} of {measured}"
            value, grid = revived(entry["value"]), _ordered(origin.grid or choice.values)
            if not isinstance(value, Part) and value in (grid[0], grid[-1]):
                why += "; the edge of the grid, so a wider one might choose another"
            shown = repr(value) if isinstance(value, Part) else value
            rows.append(row(cell.name, f"{arm.__name__} · {path}", shown, why))
    return rows


def outdated(planner: Planner, spec: Spec) -> list[str]:
    """Arms of the tier whose value was measured with other sources of the library than the present ones.

    It is used nevertheless: few changes move an optimum, and whoever has the file and no runs should not need them.
    """
    choice = _choice(planner, spec)
    if choice is None:
        return []
    entries = _read(spec)
    old = [
        arm.__name__
        for _, arm, _, key in _asked(planner, spec, choice)
        if key in entries and entries[key].get("library") != library_hash()
    ]
    return list(dict.fromkeys(old))


def _asked(planner: Planner, spec: Spec, choice: Choice) -> list[tuple[Cell, Arm, Cell, str]]:
    """For what in the tier something is chosen: cell, arm, the cell in which it is measured, and its key there."""
    found = []
    for cell, arms, _ in planner.cells(spec):
        origin = spec.experiment.cell(cell.choice)
        for arm in arms:
            if choice.arms is None or arm in choice.arms:
                found.append((cell, arm, origin, _key(planner, spec, origin, arm, choice)))
    return found


def _ordered(values: Iterable[Any]) -> list[Any]:
    """Numbers by size; parts, which have none, as they stand."""
    found = list(values)
    return found if any(isinstance(value, Part) for value in found) else sorted(found)


def _choice(planner: Planner, spec: Spec) -> Choice | None:
    """What is to be chosen, unless the tier or the command line fixes it."""
    choice = spec.experiment.choose
    if (
        choice is None
        or choice.field in planner.options.sets
        or not spec.experiment.tier(planner.options.tier).choosing
    ):
        return None
    return choice


def _key(planner: Planner, spec: Spec, cell: Cell, arm: Arm, choice: Choice) -> str:
    """Equal for arms that train alike but for the chosen setting, so that they are given the same value."""
    cls = planner.derived(spec, cell, arm, planner.options.sets)
    chosen = choice.field.replace("__", ".")
    fields = {
        path: value
        for path, value in described(cls).items()
        if path not in ("diagnostics", chosen) and not path.startswith(f"{chosen}.")
    }
    if fields.get("recalibrate") == "after":
        fields["recalibrate"] = "never"
    facts = {
        "fields": fields,
        "stages": cls.stages(),
        "values": [repr(_settled(planner, spec, cell, arm, choice, value)) for value in cell.grid or choice.values],
        "seeds": choice.seeds,
        "measure": choice.measure,
    }
    return digest(facts)[:16]


def _settled(planner: Planner, spec: Spec, cell: Cell, arm: Arm, choice: Choice, value: Any) -> Any:
    """A part as it would train: what it leaves "auto" was found by rules, and rules may change."""
    if not isinstance(value, Part):
        return value
    cls = planner.derived(spec, cell, arm, {**planner.options.everywhere, choice.field: value})
    return functools.reduce(getattr, choice.field.split("__"), cls)


def _score(planner: Planner, runs: Sequence[Planned], choice: Choice) -> float:
    scores = []
    for run in runs:
        if run.choosing:
            metrics = read_run(run_folder(planner.home, run.id)).final()
            scores.append(metrics.get(choice.measure, math.inf))
    return sum(scores) / len(scores)


def _shown(score: float | None) -> str:
    return "failed" if score is None else f"{score:.4g}"


def _read(spec: Spec) -> dict[str, dict[str, Any]]:
    path = choices_file(spec)
    if not path.exists():
        return {}
    try:
        entries: dict[str, dict[str, Any]] = read_json(path)["entries"]
        if all({"cell", "arm", "value", "measured"} <= set(entry) for entry in entries.values()):
            return entries
        problem = "an entry lacks cell, arm, value or measured"
    except RecordError as error:
        problem = error.problem
    except (KeyError, TypeError, AttributeError):
        problem = "has no 'entries'"
    shown = "/".join(path.parts[-3:])
    raise RecordError(problem, where=shown, hint=f"Type: git checkout {shown}, or delete it to choose anew")
