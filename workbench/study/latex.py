"""Published results for a paper: paper/numbers.tex, a macro a number, and paper/table.tex, the tables (booktabs).

A macro's name is made of letters only: experiment, tier unless it is "full", cell, arm, quantity, each in CamelCase,
digits spelled out. So the name of a number never changes because other tiers are published or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import UsageError
from workbench.record.files import write_bytes
from workbench.study import published, quoted
from workbench.study.quantities import Quantity, addresses
from workbench.study.table import escape, tables

NUMBERS, TABLE = "numbers.tex", "table.tex"
# The first line of every file that we write, by which one is known wherever it lies.
_HEAD = "% Written by: wb publish {experiment} --latex ({name}). Not to be edited: wb verify holds it to the results."
_IS_OURS = re.compile(r"% Written by: wb publish (\S+) --latex \((numbers\.tex|table\.tex)\)")
_ABOUT = """\
% One macro a number: experiment, tier (left out for "full"), cell, arm or claim, quantity; digits are spelled out.
% Error rates, their differences and shares are in percent, without the sign; intervals are 95 %.
% Behind each: the commit that ran, and the study. To check a paper that quotes them: wb verify
"""
_DIGITS = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_QUANTITIES = {
    "mean": "Mean", "low": "Low", "high": "High", "ratio.value": "Ratio", "ratio.low": "RatioLow",
    "ratio.high": "RatioHigh", "difference.value": "Difference", "difference.low": "DifferenceLow",
    "difference.high": "DifferenceHigh", "n": "N", "estimate": "Estimate", "p_holm": "P", "verdict": "Verdict",
}  # fmt: skip
_FACTS = {"commit": "Commit", "runs": "Runs", "seeds": "Seeds"}


@dataclass(frozen=True)
class Macro:
    """A LaTeX macro: its name without the backslash, what it stands for and where that comes from."""

    name: str
    quantity: Quantity
    address: str
    source: str

    @property
    def value(self) -> str:
        """What the macro expands to."""
        text = quoted.plain(self.quantity)
        if self.quantity.kind in ("text", "hash"):
            return escape(text)
        if text.startswith("<"):
            return rf"\ensuremath{{<}}{text[1:]}"
        return rf"\ensuremath{{{text}}}" if text.startswith("-") else text

    @property
    def line(self) -> str:
        """Its definition."""
        return rf"\newcommand{{\{self.name}}}{{{self.value}}}% {self.source}"


def write(results: Path) -> list[Path]:
    """Writes paper/numbers.tex and paper/table.tex beside a results.json, and returns their paths."""
    content = published.read(results)
    folder = results.parent / "paper"
    for name in (NUMBERS, TABLE):
        write_bytes(folder / name, render(content, name).encode())
    return [folder / NUMBERS, folder / TABLE]


def render(content: Mapping[str, Any], name: str) -> str:
    """The text of numbers.tex or table.tex for the content of a results.json."""
    head = _HEAD.format(experiment=content["experiment"], name=name) + "\n"
    if name == NUMBERS:
        return head + _ABOUT + "".join(f"{each.line}\n" for each in macros(content).values())
    return head + "% Needs: \\usepackage{booktabs}\n" + "\n".join(_tables(content))


def ours(text: str) -> tuple[str, str] | None:
    """(experiment, numbers.tex or table.tex) for a text that begins with our line, else None."""
    found = _IS_OURS.match(text)
    return (found[1], found[2]) if found else None


def macros(content: Mapping[str, Any]) -> dict[str, Macro]:
    """Every macro of a results.json by its name, in the order of the file.

    Raises:
        UsageError: when two numbers would have the same name.
    """
    found: dict[str, Macro] = {}
    for tier, study in content["studies"].items():
        known = addresses(study)
        prefix = camel(content["experiment"]) + ("" if tier == "full" else camel(tier))
        source = f"{study['commit'][:12]} {study['id']}"
        for name, address in _named(study, known):
            macro = Macro(prefix + name, known[address], f"{content['experiment']} {tier} {address}", source)
            other = found.setdefault(macro.name, macro)
            if other is not macro:
                raise UsageError(
                    f"'{other.address}' and '{macro.address}' would both be \\{macro.name}",
                    where=content["experiment"],
                    hint="Rename one of them in the spec",
                )
    return found


def camel(text: str) -> str:
    """Letters only: ``digits/1 epoch`` as ``DigitsOneEpoch``."""
    spelled = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", text)
    parts = re.findall(r"[A-Za-z]+", spelled)
    return "".join(part[0].upper() + part[1:] for part in parts)


def _named(study: Mapping[str, Any], known: Mapping[str, Quantity]) -> Iterator[tuple[str, str]]:
    """(the end of a macro's name, the address that it stands for)."""
    for fact, name in _FACTS.items():
        yield name, fact
    for cell in study["summary"]["cells"]:
        for arm in cell["arms"]:
            base = f"cells.{cell['name']}.{arm['name']}"
            yield from _with_quantities(camel(cell["name"]) + camel(arm["name"]), base, known)
    for claim in study["summary"]["claims"]:
        yield from _with_quantities(f"Claim{camel(claim['name'])}", f"claims.{claim['name']}", known)


def _with_quantities(name: str, base: str, known: Mapping[str, Quantity]) -> Iterator[tuple[str, str]]:
    for path, quantity in _QUANTITIES.items():
        if f"{base}.{path}" in known:
            yield name + quantity, f"{base}.{path}"


def _tables(content: Mapping[str, Any]) -> Iterator[str]:
    for tier, study in content["studies"].items():
        yield f"% tier {tier}: {study['commit'][:12]} {study['id']}"
        yield tables({**study["summary"], "tier": tier}, "latex")
