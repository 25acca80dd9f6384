"""Whether the arms with code or a network of their own can be run, in the rows of `wb check`: one step of each."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.data.sources.route import Report, silent
from workbench.errors import DivergedError, WorkbenchError
from workbench.parts import digest
from workbench.streams import Seeds
from workbench.study.audited import APART, Row, weights
from workbench.study.execute import in_words
from workbench.study.experiment import Arm
from workbench.study.plan import Planner
from workbench.study.spec import Spec, is_own
from workbench.training.audit import rehearse


@dataclass
class _Tried:
    """An arm, and the cells that it is the same in."""

    cls: Arm
    cells: list[str] = field(default_factory=list)


def rehearsed(planner: Planner, spec: Spec, report: Report = silent) -> list[Row]:
    """A row for each arm that fails in its first step or evaluation; nothing for those that can be run.

    Args:
        report: told each arm before it is tried, its number, and how many there are.
    """
    found: dict[tuple[str, Literal["note", "wrong"], str], list[str]] = {}
    waiting: dict[str, None] = {}
    absent: dict[str, None] = {}
    different = _different(planner, spec)
    for number, tried in enumerate(different):
        name = tried.cls.__name__
        report(f"{', '.join(tried.cells)} · {name}: one step", number, len(different))
        sources, missing = weights(planner, tried.cls)
        if missing:
            waiting[name], absent[missing] = None, None
            continue
        if problem := _try(planner, spec, tried.cls, sources):
            found.setdefault((name, *problem), []).extend(tried.cells)
    rows: list[Row] = [(state, f"{', '.join(cells)} · {name}", text) for (name, state, text), cells in found.items()]
    if waiting:
        text = f"not tried: {', '.join(waiting)}; they start from {', '.join(absent)}, not trained here yet"
        rows.append(("note", "arms", text))
    return rows


def _try(
    planner: Planner, spec: Spec, cls: Arm, sources: dict[str, Path]
) -> tuple[Literal["note", "wrong"], str] | None:
    """State and text where the arm cannot be run."""
    options, seeds = planner.options, Seeds.of(spec.experiment.first_seed)
    try:
        rehearse(cls(seeds, device=options.device, threads=options.threads, root=planner.root, sources=sources))
    except DivergedError as error:
        return "note", f"in its first step {error}"
    except Exception as error:  # whatever it is, the run would end with it
        return "wrong", _told(error, cls, spec)
    return None


def _different(planner: Planner, spec: Spec) -> list[_Tried]:
    """The arms whose stages or networks are not the baseline's, each once where cells make no difference."""
    found: dict[str, _Tried] = {}
    for cell, arms, _ in planner.cells(spec):
        derived = {arm: planner.derived(spec, cell, arm, planner.options.everywhere) for arm in arms}
        baseline = derived.get(spec.experiment.baseline, derived[arms[0]])
        for cls in derived.values():
            if _code(cls) != _code(baseline):
                facts = {path: value for path, value in cls.flatten().items() if path not in APART}
                found.setdefault(digest([cls.__name__, facts, cls.stages()]), _Tried(cls)).cells.append(cell.name)
    return list(found.values())


def _code(cls: Arm) -> tuple[dict[str, str], dict[str, Any]]:
    model = {path: value for path, value in cls.flatten().items() if path.partition(".")[0] == "model"}
    return cls.stages(), model


def _told(error: Exception, cls: Arm, spec: Spec) -> str:
    """What went wrong, in which line or else in which of the arm's methods, and how to look at it."""
    known = isinstance(error, WorkbenchError)
    text = str(error) if known else f"fails in its first step: {in_words(error, str(spec.path))}"
    text = text.removesuffix(".") + ("" if text.endswith("?") else ".")
    frames = traceback.extract_tb(error.__traceback__)
    if known or not any(is_own(frame.filename, str(spec.path)) for frame in frames):
        text += f" Its own: {_own(cls)}."
    return text if known else f"{text} To stop there, type: wb run {spec.name} --arm {cls.__name__} --seeds 1 --pdb"


def _own(cls: Arm) -> str:
    """The stages that the arm has of its own with the lines where they begin, else its model."""
    found = []
    for name in cls.stages():
        stage = getattr(cls, name, None)
        if inspect.isfunction(stage):
            code = inspect.unwrap(stage).__code__
            found.append(f"{name}() ({Path(code.co_filename).name}:{code.co_firstlineno})")
    return ", ".join(found) or "its model"
