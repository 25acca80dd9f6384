"""Why two runs may differ: what is not the same between them, what reaches a number most directly first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workbench.parts import diff
from workbench.record import differences

Kind = Literal["code", "params", "data", "environment", "hardware"]
KINDS: tuple[Kind, ...] = ("code", "params", "data", "environment", "hardware")
Facts = Mapping[str, Any]
Changed = Callable[[str, str], list[str]]
"""The library's files that differ between two commits."""


@dataclass(frozen=True)
class Cause:
    """One thing that is not the same: ``old`` in the first run, ``new`` in the second, "" where it is absent."""

    kind: Kind
    what: str
    old: str
    new: str


def causes(old: Facts, new: Facts, changed: Changed = lambda one, other: []) -> list[Cause]:
    """Everything in which two runs' facts (run.json with its environment) differ, in the order of :data:`KINDS`.

    Args:
        changed: names the library's files that differ between two commits, to say more than a hash does.

    What a run cannot depend on (its commit's message, other files of the tree) is not looked at.
    """
    params = _params(old, new)
    told = {row.what for row in params}  # the determinism level is a field, and part of the environment
    machine = [row for row in _environment(old, new) if row.what not in told]
    found = [*_code(old, new, changed), *params, *_data(old, new), *machine]
    return sorted(found, key=lambda each: KINDS.index(each.kind))


def together(pairs: Iterable[tuple[Facts, Facts]], changed: Changed = lambda one, other: []) -> list[tuple[Cause, int]]:
    """The causes of several pairs of runs, each once with the number of pairs that it holds for."""
    counts: dict[Cause, int] = {}
    for old, new in pairs:
        for cause in causes(old, new, changed):
            counts[cause] = counts.get(cause, 0) + 1
    return sorted(counts.items(), key=lambda each: (KINDS.index(each[0].kind), -each[1]))


def same_question(found: Iterable[Cause]) -> bool:
    """Whether code, parameters and data are the same, so that only the machine may differ."""
    return all(cause.kind in ("environment", "hardware") for cause in found)


def _code(old: Facts, new: Facts, changed: Changed) -> list[Cause]:
    rows = []
    if _both(old, new, "library"):
        files = changed(str(old.get("snapshot") or ""), str(new.get("snapshot") or ""))
        what = "workbench itself" + (f" ({_few(files)})" if files else "")
        rows.append(Cause("code", what, str(old["library"])[:8], str(new["library"])[:8]))
    for name, (mine, theirs) in diff(old.get("stages") or {}, new.get("stages") or {}).items():
        rows.append(Cause("code", f"{name}()", _shown(mine)[:8], _shown(theirs)[:8]))
    return rows


def _params(old: Facts, new: Facts) -> list[Cause]:
    rows = [
        Cause("params", path, _shown(mine), _shown(theirs))
        for path, (mine, theirs) in diff(old.get("fields") or {}, new.get("fields") or {}).items()
    ]
    seeds = diff(old.get("seeds") or {}, new.get("seeds") or {})
    rows += [Cause("params", f"seeds.{name}", _shown(mine), _shown(theirs)) for name, (mine, theirs) in seeds.items()]
    if _both(old, new, "choosing"):
        rows.append(Cause("params", "choosing", _shown(old["choosing"]), _shown(new["choosing"])))
    return rows


def _data(old: Facts, new: Facts) -> list[Cause]:
    pins = diff(old.get("pins") or {}, new.get("pins") or {})
    rows = [Cause("data", path, _shown(mine)[:8], _shown(theirs)[:8]) for path, (mine, theirs) in pins.items()]
    names = diff(old.get("sources") or {}, new.get("sources") or {})
    return rows + [Cause("data", f"weights of {name}", _shown(a)[:8], _shown(b)[:8]) for name, (a, b) in names.items()]


def _environment(old: Facts, new: Facts) -> list[Cause]:
    mine, theirs = dict(old.get("environment") or {}), dict(new.get("environment") or {})
    rows = []
    if mine and theirs:
        rows += [Cause(_place(what), what, _shown(a), _shown(b)) for what, a, b in differences.compare(mine, theirs)]
        rows += [Cause("hardware", what, _shown(a), _shown(b)) for what, a, b in differences.hardware(mine, theirs)]
    told = {row.what for row in rows}
    for name in ("device", "threads"):
        if name not in told and _both(old, new, name):
            rows.append(Cause("hardware", name, _shown(old[name]), _shown(new[name])))
    return rows


def _place(what: str) -> Kind:
    """Threads belong to the reproduction class, as the processor does."""
    return "hardware" if what == "threads" else "environment"


def _both(old: Facts, new: Facts, name: str) -> bool:
    """Whether both say something, and not the same."""
    return bool(old.get(name) not in (None, "") and new.get(name) not in (None, "") and old[name] != new[name])


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str)
