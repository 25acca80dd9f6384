"""Checks of an experiment before it is run: its arms, data and claims, its baselines' audit, a step of its arms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.data.sources.route import Report, silent
from workbench.errors import WorkbenchError
from workbench.record.pins import pinning, read_pins, state
from workbench.study.audited import audited
from workbench.study.decidable import of_tier, undecidable
from workbench.study.experiment import differences
from workbench.study.plan import Options, Planner
from workbench.study.rehearsed import rehearsed
from workbench.study.spec import Spec
from workbench.study.words import counted


@dataclass(frozen=True)
class Check:
    """One finding; ``wrong`` keeps a run from starting or a claim from being decided, ``note`` does not."""

    state: Literal["ok", "note", "wrong"]
    what: str
    text: str


def check(root: Path, home: Path, spec: Spec, options: Options, report: Report = silent) -> list[Check]:
    """Every finding about a tier of an experiment, in the order in which a run would meet them.

    Args:
        report: told what takes time, each cell's audit and the arms' first steps: ``report(text, done, total)``.
    """
    pins = read_pins(root)
    planner = Planner(root, home, {path: pin.md5 for path, pin in pins.items()}, options)
    parts = _parts(planner, spec)
    data = [] if parts[0].state == "wrong" else _data(root, planner, spec)  # what it reads, only its parts can say
    return [
        *_arms(planner, spec),
        *data,
        *parts,
        *_audit(planner, spec, [*data, *parts], report),
        *_claims(planner, spec),
    ]


def _arms(planner: Planner, spec: Spec) -> list[Check]:
    rows = []
    for arm in spec.experiment.arms[1:]:
        things = differences(arm)
        if len(things) > 1 and not vars(arm).get("confounded"):
            text = f'confounded: changes {" and ".join(things)} at once; split it, or say why: confounded = "..."'
            rows.append(Check("note", arm.__name__, text))
        if not (arm.__doc__ or "").strip():
            rows.append(Check("note", arm.__name__, "has no docstring; an arm's docstring is its hypothesis"))
    count = len({arm for _, arms, _ in planner.cells(spec) for arm in arms})
    return [
        Check("ok", "spec", f"{spec.name}: {counted(count, 'arm')} in {counted(len(planner.cells(spec)), 'cell')}"),
        *rows,
    ]


def _data(root: Path, planner: Planner, spec: Spec) -> list[Check]:
    rows = []
    for path in planner.paths(spec):
        pin = read_pins(root).get(path)
        if pin is None:
            rows.append(Check("wrong", path, f"is not pinned in data.dvc. {pinning(root, path)}"))
            continue
        found = state(root, pin)
        if found == "changed":
            text = f"differs from its pin. Type: wb data restore {path}, or wb data pin {path} to accept it"
            rows.append(Check("wrong", path, text))
        elif found == "missing":
            rows.append(Check("note", path, "is not here yet; wb run fetches it"))
        else:
            rows.append(Check("ok", path, f"as pinned, {pin.md5[:8]}"))
    return rows


def _parts(planner: Planner, spec: Spec) -> list[Check]:
    """Builds every arm's description in every cell, which refuses combinations that make no sense."""
    try:
        for cell, arms, _ in planner.cells(spec):
            for arm in arms:
                planner.derived(spec, cell, arm, planner.options.everywhere).fields()
    except WorkbenchError as error:
        return [Check("wrong", f"{cell.name} · {arm.__name__}", str(error))]
    return [Check("ok", "settings", "every arm can be described in every cell")]


def _audit(planner: Planner, spec: Spec, before: list[Check], report: Report) -> list[Check]:
    """Only of data that are here, and as pinned."""
    if any(row.state == "wrong" for row in before):
        return []
    missing = [row.what for row in before if row.state == "note"]
    if missing:
        text = f"looks at the data, which are not here yet. Type: wb data pull {' '.join(missing)}"
        return [Check("note", "audit", text)]
    rows = list(audited(planner, spec, report))
    if any(state == "wrong" and what.endswith("· audit") for state, what, _ in rows):
        rows.append(("note", "arms", "not tried: some would fail as the baseline does; mend that first"))
    else:
        rows += rehearsed(planner, spec, report)
    return [Check(*row) for row in rows]


def _claims(planner: Planner, spec: Spec) -> list[Check]:
    claims = of_tier(planner, spec)
    many = counted(sum(confirmatory for _, _, confirmatory in claims), "claim")
    rows = [
        Check(
            "note",
            f"claim {each.name}",
            f"cannot be decided with {counted(each.seeds, 'seed')}: it takes {each.needed} for {many}",
        )
        for each in undecidable(planner, spec)
    ]
    left = len(spec.experiment.claims) - len(claims)
    if left:
        rows.append(
            Check(
                "note",
                "claims",
                f"{left} of {len(spec.experiment.claims)} are not tested in tier '{planner.options.tier}'",
            )
        )
    return rows or [Check("ok", "claims", f"{len(claims)} can be decided")]
