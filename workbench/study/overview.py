"""The plan in words and tables: what `wb plan` and the head of `wb run` show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.record.pins import read_pins
from workbench.record.places import run_folder
from workbench.study import autos, choices, decidable
from workbench.study.estimate import Estimate, in_words
from workbench.study.executor import Executor
from workbench.study.experiment import Arm, changes, differences
from workbench.study.plan import Options, Planned, Planner
from workbench.study.settings import grouped, row
from workbench.study.spec import Spec


@dataclass(frozen=True)
class Overview:
    """Rows of the table of arms, rows of settings, notes, and the line with the count and the time."""

    arms: list[tuple[str, ...]]
    settings: list[dict[str, Any]]
    notes: list[str]
    line: str


def overview(root: Path, home: Path, spec: Spec, options: Options, jobs: int) -> Overview:
    """What a tier of an experiment consists of; reads only specs, pins and records."""
    planner = Planner(root, home, {path: pin.md5 for path, pin in read_pins(root).items()}, options)
    executor = Executor(root, home, facts={}, jobs=jobs, device=options.device, threads=options.threads)
    inferred = _inferred(planner, spec)
    known, missing = choices.known_choices(planner, spec)
    runs = planner.runs(spec, known)
    choosing = [
        run for cell, arm, _ in missing if spec.experiment.choose
        for each in planner.choosing(spec, cell, arm, spec.experiment.choose).values() for run in each
    ]  # fmt: skip
    todo = executor.missing([*choosing, *runs])
    notes = _notes(planner, spec)
    if old := choices.outdated(planner, spec):
        notes.append(
            f"what was chosen for {', '.join(old)} was measured before the library changed; to choose anew, delete "
            f"{choices.choices_file(spec).relative_to(root)}"
        )
    if missing:
        path = spec.experiment.choose.field.replace("__", ".") if spec.experiment.choose else ""
        notes.append(
            f"{path} is chosen first, on validation data, for {len(missing)} arms: "
            f"{len({run.id for run in choosing})} runs"
        )
    rows = _rows(planner, spec, runs, {run.id for run in todo})
    seconds = _expected(Estimate(home, spec, options.device), spec, todo, jobs)
    total = len({run.id for run in [*choosing, *runs]})
    line = f"tier {options.tier}: {total} runs, {total - len(todo)} recorded, {len(todo)} to do"
    begun = sum((run_folder(home, run.id) / "checkpoint.safetensors").exists() for run in todo)
    line += f" ({begun} from where {'it was' if begun == 1 else 'they were'} interrupted)" if begun else ""
    line += f" on {options.device}, {jobs} at a time" if todo else ""
    if todo:
        line += f", about {in_words(seconds)}" if seconds is not None else _promised(spec, options)
    settings = grouped([*inferred, *choices.chosen_settings(planner, spec)])
    return Overview(rows, settings, notes, line)


def _expected(estimate: Estimate, spec: Spec, todo: list[Planned], jobs: int) -> float | None:
    """Seconds for what is to do, and what the study takes beside its runs."""
    seconds = estimate.total(todo, jobs)
    if seconds is None or not todo:
        return seconds
    choosing = sum(run.choosing for run in todo)  # done first, by workers of their own
    parts = (choosing, len(todo) - choosing)
    return seconds + estimate.beside(spec.name, sum(part > 1 for part in parts) if jobs > 1 else 0)


def _promised(spec: Spec, options: Options) -> str:
    """What the spec says of the whole tier, where that is what was asked for."""
    minutes = spec.experiment.tier(options.tier).minutes
    if minutes is None or any((options.cells, options.arms, options.seeds, options.only, options.sets)):
        return ", time unknown until the first run is done"
    return f", the spec expects {in_words(minutes * 60)}"


def _rows(planner: Planner, spec: Spec, runs: list[Planned], todo: set[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for cell, arms, _ in planner.cells(spec):
        for arm in arms:
            mine = [
                run for run in runs if run.cell == cell.name and run.arm == arm.__name__ and run.experiment == spec.name
            ]
            recorded = sum(run.id not in todo for run in mine)
            mark = "  (exploratory)" if cell.exploratory else ""
            rows.append(
                (
                    cell.name + mark,
                    arm.__name__,
                    _difference(arm, spec.experiment.baseline),
                    str(len(mine)),
                    str(recorded),
                )
            )
    sources = {run.id: run for run in runs if run.experiment != spec.name}
    for run in sources.values():
        rows.append(
            (f"source: {run.experiment}", f"{run.arm} · seed {run.seeds}", "", "1", str(int(run.id not in todo)))
        )
    return rows


def _difference(arm: Arm, baseline: Arm) -> str:
    if arm is baseline:
        return "the baseline"
    shown = []
    for path, (_, new) in changes(arm).items():
        value = new if not isinstance(new, str) or len(new) < 28 else f"{new[:25]}..."
        shown.append(path if path.endswith("()") else f"{path}={value}")
    text = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
    return f"{arm.__bases__[0].__name__}: {text}"


def _notes(planner: Planner, spec: Spec) -> list[str]:
    notes = []
    used = {arm for _, arms, _ in planner.cells(spec) for arm in arms}
    for arm in spec.experiment.arms:
        things = differences(arm)
        if len(things) > 1 and not vars(arm).get("confounded") and arm in used:
            why = 'say confounded = "why" in the class if that is meant'
            notes.append(f"{arm.__name__} is confounded: it changes {' and '.join(things)} at once; {why}")
        elif len(things) > 1 and arm in used:
            notes.append(f"{arm.__name__} changes {len(things)} things: {arm.confounded}")
    if planner.options.sets:
        notes.append("--set makes this study exploratory: its claims are not the pre-registered ones")
    if undecided := decidable.in_words(planner, spec):
        notes.append(undecided)
    return notes


def _inferred(planner: Planner, spec: Spec) -> list[dict[str, Any]]:
    """The rows of what "auto" became in earlier studies, which the planner is given: its runs are then the recorded."""
    rows, known = [], {}
    for cell, arms, _ in planner.cells(spec):
        baseline = spec.experiment.baseline if spec.experiment.baseline in arms else arms[0]
        found = autos.remembered(planner, spec, cell, baseline)
        if found is not None:
            known[cell.name] = found["changes"]
            rows += [row(cell.name, **each) for each in found["settings"]]
        elif autos.open_fields(planner.derived(spec, cell, baseline, planner.options.everywhere)):
            rows.append(row(cell.name, "auto", "open", "found when the study starts, on the baseline"))
    planner.autos = known
    return rows
