""" "auto" for a whole plan: resolved once a cell, on the baseline, remembered, and shared by every arm."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.errors import SpecError
from workbench.parts import digest, plain
from workbench.record.files import read_json, write_json
from workbench.record.places import run_folder
from workbench.streams import Seeds
from workbench.study import figure
from workbench.study.experiment import Arm, Cell
from workbench.study.identity import described, library_hash
from workbench.study.plan import Planned, Planner, source_of
from workbench.study.settings import row
from workbench.study.spec import Spec
from workbench.training.range_test import RangeTest
from workbench.training.resolve import resolve


def resolve_all(planner: Planner, spec: Spec, execute: Callable[[Sequence[Planned]], None]) -> list[dict[str, Any]]:
    """Fills ``planner.autos`` for every cell and returns rows of setting / value / why.

    ``execute`` does the runs of other experiments whose networks the baseline starts from.
    """
    rows: list[dict[str, Any]] = []
    for cell, arms, _ in planner.cells(spec):
        found = _resolve(planner, spec, cell, _asked(spec, arms), execute)
        planner.autos[cell.name] = found["changes"]
        rows += [row(cell.name, **each) for each in found["settings"]]
    return rows


def write_range_tests(planner: Planner, spec: Spec, folder: Path) -> None:
    """Draws the range test that found the learning rate, for every cell with one, into ``artifacts/range_tests``."""
    before = copy.copy(planner)
    before.autos = {}
    for cell, arms, _ in before.cells(spec):
        found = remembered(before, spec, cell, _asked(spec, arms)) or {}
        if "tested" in found:
            name = re.sub(r"[^a-z0-9]+", "_", cell.name.lower()).strip("_")
            figure.save(RangeTest(**found["tested"]).plot(), folder / "artifacts" / "range_tests", name)


def open_fields(arm: Arm) -> list[str]:
    """The model, and the recipe's fields, that are still "auto"."""
    recipe = [name for name in arm.fit.fields() if getattr(arm.fit, name) == "auto"]
    return [*(["model"] if arm.model == "auto" else []), *recipe]


def remembered(planner: Planner, spec: Spec, cell: Cell, arm: Arm) -> dict[str, Any] | None:
    """What was found earlier for this arm on these data, if it was."""
    path = _file(planner, spec, cell, arm)
    if not path.exists():
        return None
    found: dict[str, Any] = read_json(path)
    return found


def _resolve(
    planner: Planner, spec: Spec, cell: Cell, arm: Arm, execute: Callable[[Sequence[Planned]], None]
) -> dict[str, Any]:
    known = remembered(planner, spec, cell, arm)
    if known is not None:
        return known
    cls = planner.derived(spec, cell, arm, planner.options.everywhere)
    source = planner.source(cls, 0)
    execute(source)
    sources = {source_of(cls) or "": run_folder(planner.home, run.id) / "weights.safetensors" for run in source[-1:]}
    seeds = Seeds.of(spec.experiment.first_seed)
    options = planner.options
    resolved = resolve(
        cls, seeds=seeds, root=planner.root, sources=sources, device=options.device, threads=options.threads
    )
    _require_measure(spec, cls, resolved.measured)
    rows = [{"setting": each.name, "value": each.value, "why": each.why} for each in resolved.settings]
    found: dict[str, Any] = {
        "changes": {path: plain(value) for path, value in resolved.changes.items()},
        "settings": rows,
    }
    if resolved.tested is not None:
        found["tested"] = asdict(resolved.tested)
    write_json(_file(planner, spec, cell, arm), found)
    return found


def _asked(spec: Spec, arms: Sequence[Arm]) -> Arm:
    """The arm on which "auto" is found."""
    return spec.experiment.baseline if spec.experiment.baseline in arms else arms[0]


def _require_measure(spec: Spec, cls: Arm, measured: Sequence[str]) -> None:
    """Raises :class:`SpecError` before anything is trained for a measure that the target does not have."""
    choice = spec.experiment.choose
    for measure in (spec.experiment.measure, *([choice.measure] if choice else [])):
        split, _, name = measure.partition("/")
        if name == "error" and name not in measured and "metrics" not in cls.stages():
            raise SpecError(
                f"measure is '{measure}', but the target measures {', '.join(measured)}",
                where=spec.name,
                hint=f"Set measure='{split}/{measured[0]}'",
            )


def _file(planner: Planner, spec: Spec, cell: Cell, arm: Arm) -> Path:
    cls = planner.derived(spec, cell, arm, planner.options.everywhere)
    facts = {
        "fields": described(cls),
        "stages": cls.stages(),
        "pins": planner.pins_of(cls),
        "library": library_hash(),
        "seed": spec.experiment.first_seed,
        "device": planner.options.device,
    }
    return planner.home / "cache" / "auto" / f"{digest(facts)[:16]}.json"
