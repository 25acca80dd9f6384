"""What the audit says about the baseline of every cell, in the rows of `wb check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.data.sources.route import Report, silent
from workbench.errors import WorkbenchError
from workbench.parts import digest
from workbench.record.places import run_folder
from workbench.streams import Seeds
from workbench.study.execute import in_words
from workbench.study.experiment import Arm
from workbench.study.plan import Planner, source_of
from workbench.study.spec import Spec
from workbench.study.words import counted
from workbench.training.audit import audit

Row = tuple[Literal["ok", "note", "wrong"], str, str]
"""State, what it is about, and the finding in words."""

APART = ("fit.epochs", "fit.schedule", "diagnostics", "recalibrate", "validate", "confounded")
"""Fields that no check of the audit looks at."""


def audited(planner: Planner, spec: Spec, report: Report = silent) -> Iterator[Row]:
    """Rows for what is not in order, and one for the rest; cells that are the same to the audit have them together.

    Args:
        report: told the cell and the check before it begins, its number, and how many there are.
    """
    for looked in _different(planner, spec):
        try:
            yield from _rows(planner, spec, looked, report)
        except WorkbenchError as error:
            yield "wrong", f"{looked.names} · audit", str(error)
        except Exception as error:  # a stage of the spec that fails here would fail in the run too
            yield "wrong", f"{looked.names} · audit", in_words(error, str(spec.path))


@dataclass(frozen=True)
class _Looked:
    """A baseline, the cells that it is the same in, the weights that it starts from, or whose weights are not here."""

    cells: list[str]
    cls: Arm
    sources: dict[str, Path]
    missing: str

    @property
    def names(self) -> str:
        return ", ".join(self.cells)


def _different(planner: Planner, spec: Spec) -> list[_Looked]:
    """The baselines that differ in what the audit looks at."""
    found: dict[str, _Looked] = {}
    for cell, arms, _ in planner.cells(spec):
        baseline = spec.experiment.baseline if spec.experiment.baseline in arms else arms[0]
        cls = planner.derived(spec, cell, baseline, planner.options.everywhere)
        sources, missing = weights(planner, cls)
        facts = {path: value for path, value in cls.flatten().items() if path not in APART}
        if missing:
            facts = {path: value for path, value in facts.items() if path.partition(".")[0] == "data"}
        looked = found.setdefault(digest([facts, cls.stages(), missing]), _Looked([], cls, sources, missing))
        looked.cells.append(cell.name)
    return list(found.values())


def weights(planner: Planner, cls: Arm) -> tuple[dict[str, Path], str]:
    """The weights of another experiment that an arm starts from; its name where there are none yet."""
    name = source_of(cls)
    if name is None:
        return {}, ""
    path = run_folder(planner.home, planner.source(cls, 0)[-1].id) / "weights.safetensors"
    return ({name: path}, "") if path.exists() else ({}, name)


def _rows(planner: Planner, spec: Spec, looked: _Looked, report: Report) -> Iterator[Row]:
    options = planner.options
    learner = looked.cls(
        Seeds.of(spec.experiment.first_seed),
        device=options.device,
        threads=options.threads,
        root=planner.root,
        sources=looked.sources,
    )

    def say(text: str, done: int, total: int) -> None:
        report(f"{looked.names}: {text}", done, total)

    findings = audit(learner, network=not looked.missing, report=say)
    for each in findings:
        if each.state != "ok":
            yield each.state, f"{looked.names} · {each.name}", str(each)
    good = list(dict.fromkeys(each.name for each in findings if each.state == "ok"))
    text = f"{counted(len(good), 'check')} in order: {', '.join(good)}"
    if looked.missing:
        text += f"; the network starts from {looked.missing}, which is not trained here yet, and was left out"
    yield "note" if looked.missing else "ok", f"{looked.names} · audit", text
