"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        name: of the check.
        state: "wrong" makes results mean something else than they seem to, "note" should be known, "ok" is neither.
        found: what was measured, in numbers.
        hint: what to type or change next; empty where nothing has to be done.
    """

    name: str
    state: State
    found: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.found}. {self.hint}" if self.hint else self.found


class Findings(tuple[Finding, ...]):
    """All findings of an audit, in the checks' order; shown as a table."""

    __slots__ = ()

    def state(self) -> State:
        """The worst state among them."""
        states = {each.state for each in self}
        return "wrong" if "wrong" in states else "note" if "note" in states else "ok"

    def __str__(self) -> str:
        from tabulate import tabulate

        rows = [(each.state, each.name, str(each)) for each in self]
        return tabulate(rows, headers=["", "check", "found"], tablefmt="simple", maxcolwidths=[None, 24, 88])

    __repr__ = __str__
