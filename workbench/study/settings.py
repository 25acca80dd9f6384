"""Rows of setting / value / why, with the cells that agree brought together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def row(cell: str, setting: str, value: Any, why: str) -> dict[str, Any]:
    """One resolved setting of one cell."""
    return {"cell": cell, "setting": setting, "value": value, "why": why}


def grouped(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """``[{"name", "value", "why"}]``: what is the same everywhere once, the rest with the cells it holds in."""
    cells: dict[str, list[str]] = {}
    same: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for each in rows:
        cells.setdefault(each["setting"], []).append(each["cell"])
        same.setdefault((each["setting"], repr(each["value"]), each["why"]), []).append(each)
    found = []
    for (setting, _, why), members in same.items():
        everywhere = len(members) == len(cells[setting])
        where = "" if everywhere else ", ".join(each["cell"] for each in members) + " · "
        found.append({"name": where + setting, "value": members[0]["value"], "why": why})
    return found
