"""Every published number and word by its address, e.g. ``cells.photos.StaleStats.ratio``: what a README may quote."""

from __future__ import annotations

import difflib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from workbench.errors import UsageError
from workbench.study import table, words
from workbench.study.report import when

Kind = Literal["plain", "rate", "count", "p", "text", "hash", "table"]
ALL = "*"
"""The experiment of a mark that speaks of all that are published."""
UNBOUNDED = "unbounded"


@dataclass(frozen=True)
class Quantity:
    """What stands at an address.

    ``numbers`` in the order in which they are read (None: an unbounded limit of an interval), or ``text``. A "rate" is
    a share of 1 that is shown in percent, a "hash" may be shortened, a "table" is Markdown. ``limits``: the last two
    numbers are an interval. ``digits`` after the point, or None for three that count, are what our own tables show.
    """

    kind: Kind
    numbers: tuple[float | None, ...] = ()
    text: str = ""
    digits: int | None = 0
    limits: bool = False


def addresses(study: Mapping[str, Any]) -> dict[str, Quantity]:
    """Everything that can be quoted of a published study (an entry of results.json), by address."""
    found = dict(_facts(study))
    for cell in study["summary"]["cells"]:
        found.update({f"cells.{cell['name']}.{path}": each for path, each in _cell(cell)})
    found.update({f"cells.{cell}.{arm}.seconds": each for (cell, arm), each in _seconds(study)})
    for claim in study["summary"]["claims"]:
        found.update({f"claims.{claim['name']}{path}": each for path, each in _claim(claim)})
    return {**found, **dict(_tables(study["summary"]))}


def overall(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Quantity]]:
    """What can be quoted of all published experiments together, by tier and address: ``tables.claims``.

    Args:
        contents: every results.json by its experiment.
    """
    tiers = dict.fromkeys(tier for content in contents.values() for tier in content["studies"])
    found = {}
    for tier in tiers:
        studies = {name: content["studies"][tier] for name, content in contents.items() if tier in content["studies"]}
        found[tier] = {"tables.claims": Quantity("table", text=table.draw(table.overall_table(studies), "markdown"))}
    return found


Known = Mapping[str, Mapping[str, Mapping[str, Quantity]]]
"""The :func:`addresses` of every published experiment and tier."""


def find(known: Known, experiment: str, tier: str, path: str) -> Quantity:
    """The quantity at an address.

    Args:
        known: ``{experiment: {tier: {address: quantity}}}``.
        experiment, tier, path: the address.

    Raises:
        UsageError: when there is none, with the nearest that there is.
    """
    if experiment not in known:
        near = _nearest(experiment, list(known))
        raise UsageError(f"no results of '{experiment}' are published{near}", hint=f"Type: wb publish {experiment}")
    if tier not in known[experiment]:
        raise UsageError(f"{experiment} has no published tier '{tier}'{_nearest(tier, list(known[experiment]))}")
    found = known[experiment][tier]
    if path not in found:
        raise UsageError(f"{experiment} {tier} has no '{path}'{_nearest(path, list(found), 0.5)}")
    return found[path]


def _nearest(name: str, options: Sequence[str], cutoff: float = 0.6) -> str:
    """As :func:`workbench.errors.nearest`, for addresses, of which the likeliest shares its beginning."""
    found = difflib.get_close_matches(name, options, n=1, cutoff=cutoff)
    if found:
        return f"; did you mean '{found[0]}'?"
    return "; there is " + ", ".join(f"'{each}'" for each in options) if 0 < len(options) <= 12 else ""


def _tables(summary: Mapping[str, Any]) -> Iterator[tuple[str, Quantity]]:
    """``tables.CELL`` and ``tables.claims``, as Markdown."""
    for cell in summary["cells"]:
        yield f"tables.{cell['name']}", Quantity("table", text=table.draw(table.cell_table(cell), "markdown"))
    tested, _ = table.by_tested(summary["claims"])
    if tested:
        yield "tables.claims", Quantity("table", text=table.draw(table.claims_table(tested), "markdown"))


def _facts(study: Mapping[str, Any]) -> Iterator[tuple[str, Quantity]]:
    own = [run for run in study["runs"] if run["experiment"] == study["experiment"]]
    counts = {
        "runs": len({run["id"] for run in study["runs"]}),
        "results": len({run["id"] for run in own}),
        "sources": len({run["id"] for run in study["runs"]} - {run["id"] for run in own}),
        "failed": len({run["id"] for run in own if run["state"] == "failed"}),
        "seeds": study["summary"]["n_seeds"],
        "family": study["summary"]["family"],
    }
    for name, count in counts.items():
        yield name, Quantity("count", (float(count),))
    for name in ("commit", "lock", "library"):
        yield name, Quantity("hash", text=str(study[name]))
    for path, md5 in study["pins"].items():
        yield f"pins.{path}", Quantity("hash", text=str(md5))
    for name in ("id", "device", "class", "level"):
        yield name, Quantity("text", text=str(study[name]))
    yield "date", Quantity("text", text=when(study["created"])[:10])


def _cell(cell: Mapping[str, Any]) -> Iterator[tuple[str, Quantity]]:
    digits = words.decimals(cell)
    if cell["chance"] is not None:
        yield "chance", _measured(cell["measure"], digits, cell["chance"])
    if cell["n_test"]:
        yield "n_test", Quantity("count", (float(cell["n_test"]),))
    for arm in cell["arms"]:
        for path, each in _arm(cell["measure"], digits, arm):
            yield f"{arm['name']}{path}", each


def _arm(measure: str, digits: int, arm: Mapping[str, Any]) -> Iterator[tuple[str, Quantity]]:
    """A name alone is what our tables show of it: mean ± half its interval."""
    if arm["mean"] is not None:
        half = [(arm["interval"][1] - arm["interval"][0]) / 2] if arm["interval"] else []
        yield "", _measured(measure, digits, arm["mean"], *half)
        yield ".mean", _measured(measure, digits, arm["mean"])
    if arm["sd"] is not None:
        yield ".sd", _measured(measure, digits, arm["sd"])
    yield from _interval("", arm["interval"], measure, digits)
    for name, percent in (("difference", measure), ("ratio", "")):
        if arm[name] is None:
            continue
        limits, shown = arm[f"{name}_interval"], digits if percent else None
        yield f".{name}", _measured(percent, shown, arm[name], *(limits or ()), limits=bool(limits))
        yield f".{name}.value", _measured(percent, shown, arm[name])
        yield from _interval(f".{name}", limits, percent, shown)
    for name in ("n", "failed"):
        yield f".{name}", Quantity("count", (float(arm[name]),))
    for name, value in arm["metrics"].items():
        yield f".metrics.{name}", _measured(name, digits if words.is_percent(name) else None, value)


def _seconds(study: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Quantity]]:
    """The median over an arm's runs in a cell, from reading the data to the last evaluation."""
    taken: dict[tuple[str, str], list[float]] = {}
    for run in study["runs"]:
        if run["experiment"] == study["experiment"] and run["state"] == "finished" and run.get("seconds"):
            taken.setdefault((run["cell"], run["arm"]), []).append(run["seconds"])
    for place, each in taken.items():
        yield place, Quantity("plain", (statistics.median(each),), digits=1)


def _claim(claim: Mapping[str, Any]) -> Iterator[tuple[str, Quantity]]:
    """A name alone is its estimate and interval."""
    measure = claim["measure"] or ""
    unit = {"ratio": "", "share": "share error"}.get(claim["unit"], measure)
    digits = {"ratio": None, "share": 1}.get(claim["unit"], words.claim_decimals(claim))
    if claim["estimate"] is not None:
        limits = claim["interval"]
        yield "", _measured(unit, digits, claim["estimate"], *(limits or ()), limits=bool(limits))
        yield ".estimate", _measured(unit, digits, claim["estimate"])
    yield from _interval("", claim["interval"], unit, digits)
    for name in ("p", "p_holm"):
        if claim[name] is not None:
            yield f".{name}", Quantity("p", (float(claim[name]),), digits=3)
    for arm, mean in claim["means"].items():
        yield f".means.{arm}", _measured(measure, 1, mean)
    yield ".n", Quantity("count", (float(claim["n"]),))
    yield ".verdict", Quantity("text", text=claim["verdict"])


def _interval(
    path: str, limits: Sequence[float | None] | None, measure: str, digits: int | None
) -> Iterator[tuple[str, Quantity]]:
    if limits is not None:
        low, high = limits
        yield f"{path}.interval", _measured(measure, digits, low, high, limits=True)
        yield f"{path}.low", _measured(measure, digits, low)
        yield f"{path}.high", _measured(measure, digits, high)


def _measured(measure: str, digits: int | None, *numbers: float | None, limits: bool = False) -> Quantity:
    return Quantity("rate" if words.is_percent(measure) else "plain", numbers, digits=digits, limits=limits)
