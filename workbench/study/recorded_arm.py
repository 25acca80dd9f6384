"""The arm of a recorded run, made again from its spec and from the fields that were recorded with their values."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import workbench
from workbench.errors import SpecError, WorkbenchError
from workbench.parts import Part, diff, flatten
from workbench.study.experiment import Arm
from workbench.study.recorded import RecordedRun
from workbench.study.spec import load_spec


def recorded_arm(root: Path, run: RecordedRun) -> Arm:
    """The class that trained: the arm's own stages, under the fields that were recorded.

    Those say what a cell, a tier, --set, a choice and "auto" made of it. The spec is the project's own where that
    still gives what was recorded (it has its helper modules beside it), else the copy that lies in the run's folder.

    Raises:
        SpecError: neither spec gives the recorded stages and fields any more, with how to go back to them.
    """
    assert run.folder is not None
    why: WorkbenchError | None = None
    for path in (root / "experiments" / run.experiment / "spec.py", run.folder / "spec.py"):
        if not path.is_file():
            continue
        try:
            arm = load_spec(root, str(path)).experiment.arm(run.arm)
            return _checked(with_fields(arm, run.facts["fields"]), run)
        except WorkbenchError as error:
            why = error
    reason = why.problem if why else f"experiments/{run.experiment}/spec.py is missing"
    raise SpecError(f"the learner cannot be made again ({reason})", where=f"run {run.id}", hint=_back(run)) from why


def with_fields(arm: Arm, recorded: Mapping[str, Any]) -> Arm:
    """The arm with its fields as they were flattened into a record; a field that came later keeps its default.

    Raises:
        SpecError: a part, or a field, that is not there any more.
    """
    changes = {}
    for name, value in arm.fields().items():
        then = _below(recorded, name)
        if then and _plain(flatten(value, name)) != _plain(then):
            changes[name] = revived(then, name)
    return arm.but(**changes) if changes else arm


def revived(flat: Mapping[str, Any], path: str) -> Any:
    """The value at ``path`` of flattened fields: a part, a tuple of parts, or what stands there.

    Raises:
        SpecError: it names a part that this version does not have.
    """
    children = dict.fromkeys(key[len(path) + 1 :].split(".")[0] for key in flat if key.startswith(path + "."))
    head = flat.get(path)
    if path not in flat:
        return tuple(revived(flat, f"{path}.{child}") for child in children)
    found = next((each for each in _parts(Part) if each.__name__ == head), None) if isinstance(head, str) else None
    if found is not None:
        return found(**{child: revived(flat, f"{path}.{child}") for child in children if child in found.fields()})
    if children:
        raise SpecError(f"there is no part '{head}' any more", where=path)
    return tuple(head) if isinstance(head, list) else head


def _checked(arm: Arm, run: RecordedRun) -> Arm:
    stages = diff(run.facts["stages"], arm.stages())
    if stages:
        raise SpecError(f"{', '.join(f'{name}()' for name in stages)} is not what it was")
    now = _plain(arm.flatten())
    other = {path: value for path, value in _plain(run.facts["fields"]).items() if now.get(path) != value}
    if other:
        path, value = next(iter(other.items()))
        raise SpecError(f"{path} was {value!r} and is {now.get(path)!r}")
    return arm


def _back(run: RecordedRun) -> str:
    commit = str(run.facts.get("snapshot") or run.facts.get("commit") or "COMMIT")[:12]
    assert run.folder is not None
    home = run.folder.parent.parent
    return f"Type: git worktree add --detach ../then {commit} && cd ../then && WB_HOME={home} wb inspect {run.id}"


def _below(flat: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {key: value for key, value in flat.items() if key == path or key.startswith(path + ".")}


def _plain(flat: Mapping[str, Any]) -> dict[str, Any]:
    """With lists for tuples, as JSON has them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in flat.items()}


def _parts(base: type[Part]) -> Iterator[type[Part]]:
    """Every kind of part there is: the public ones, and what specs and their modules define."""
    if base is Part:
        for module in set(workbench._MODULES.values()):
            if not module.startswith("study"):
                importlib.import_module(f"workbench.{module}")
    for each in base.__subclasses__():
        yield each
        yield from _parts(each)
