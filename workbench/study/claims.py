"""Claims: statements about arms, fixed before the runs, each checked by the test that its kind names.

A spec imports this module, so it loads no numerics; the arithmetic is in :mod:`workbench.study.judge`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any, Literal, Self

from workbench.errors import SpecError, nearest
from workbench.parts import Part

NOT_TESTED = "not tested in this tier"
"""The verdict of a claim whose cell or arms have no runs."""

Kind = Literal["ratio", "equal", "differs", "lower", "higher", "recovers"]
Arm = Any
"""A class with a ``__name__``, or that name."""


class Claim(Part):
    """One pre-registered statement; made by :meth:`ratio`, :meth:`equal`, :meth:`differs`, :meth:`lower`,
    :meth:`higher` or :meth:`recovers`.

    ``kind``: which of these made it. ``arm`` is compared with ``baseline``, each a class or its name; ``reference``: of
    :meth:`recovers`, what both are measured against. ``cell`` may be left out where the experiment has one cell,
    ``measure`` where the cell's own is meant. Lower values of a measure are better. ``at_least``, ``partly``,
    ``within``, ``by``: the thresholds of the kinds that have them. ``why`` says where the threshold comes from.
    ``name``: what reports call it; by default "C1", "C2" and so on, by its place.

    Raises:
        SpecError: numbers that make no sense; in an experiment, an arm or a cell that is not there.
    """

    kind: Kind = field(kw_only=False)
    arm: str
    baseline: str
    reference: str = ""
    cell: str = ""
    measure: str | None = None
    at_least: float | None = None
    partly: float | None = None
    within: float | None = None
    by: float = 0.0
    why: str = ""
    name: str = ""

    @classmethod
    def ratio(
        cls,
        arm: Arm,
        baseline: Arm,
        *,
        at_least: float,
        partly: float | None = None,
        cell: str = "",
        measure: str | None = None,
        why: str = "",
        name: str = "",
    ) -> Self:
        """The arm's error is at least so many times the baseline's (geometric mean over seeds).

        Verdicts: "reproduced" when the lower 95 % limit is at least ``at_least``; "partly" when only the
        estimate is at least ``partly``; else "not reproduced".
        """
        numbers: dict[str, Any] = {"at_least": at_least, "partly": partly}
        return cls("ratio", **_names(arm, baseline), **numbers, cell=cell, measure=measure, why=why, name=name)

    @classmethod
    def equal(
        cls,
        arm: Arm,
        baseline: Arm,
        *,
        within: float = 0.10,
        cell: str = "",
        measure: str | None = None,
        why: str = "",
        name: str = "",
    ) -> Self:
        """The two errors are equal up to a factor of ``1 + within`` either way, by two one-sided tests (TOST).

        Verdicts: "equal", "different" when the whole interval lies outside the margin, else "not shown
            equal".
        """
        both = _names(arm, baseline)
        return cls("equal", **both, within=within, cell=cell, measure=measure, why=why, name=name)

    @classmethod
    def differs(
        cls,
        arm: Arm,
        baseline: Arm,
        *,
        by: float = 0.0,
        cell: str = "",
        measure: str | None = None,
        why: str = "",
        name: str = "",
    ) -> Self:
        """The two differ, either way, by more than ``by`` (0.02 is two points of error).

        Verdicts: "arm worse", "arm better", "no difference shown".
        """
        return cls("differs", **_names(arm, baseline), by=by, cell=cell, measure=measure, why=why, name=name)

    @classmethod
    def lower(
        cls,
        arm: Arm,
        baseline: Arm,
        *,
        by: float = 0.0,
        cell: str = "",
        measure: str | None = None,
        why: str = "",
        name: str = "",
    ) -> Self:
        """The arm is lower than the baseline by more than ``by``. Verdicts: "shown", "not shown", "opposite"."""
        return cls("lower", **_names(arm, baseline), by=by, cell=cell, measure=measure, why=why, name=name)

    @classmethod
    def higher(
        cls,
        arm: Arm,
        baseline: Arm,
        *,
        by: float = 0.0,
        cell: str = "",
        measure: str | None = None,
        why: str = "",
        name: str = "",
    ) -> Self:
        """The arm is higher than the baseline by more than ``by``. Verdicts: "shown", "not shown", "opposite"."""
        return cls("higher", **_names(arm, baseline), by=by, cell=cell, measure=measure, why=why, name=name)

    @classmethod
    def recovers(
        cls,
        fixed: Arm,
        bad: Arm,
        reference: Arm,
        *,
        at_least: float = 0.9,
        cell: str = "",
        measure: str | None = None,
        why: str = "",
        name: str = "",
    ) -> Self:
        """``fixed`` removes at least that share of the excess of ``bad`` over ``reference``.

        The share is (bad - fixed) / (bad - reference) of mean errors, with Fieller's interval over seeds.
        Verdicts: "reproduced" when the lower 95 % limit is at least ``at_least``, else "not reproduced".
        """
        three = {**_names(fixed, bad), "reference": _name(reference)}
        return cls("recovers", **three, at_least=at_least, cell=cell, measure=measure, why=why, name=name)

    def check(self, arms: Collection[str] | None = None, cells: Collection[str] = ()) -> None:
        """Refuse numbers that make no sense, and with ``arms`` and ``cells`` names that do not occur there.

        Raises:
            SpecError: naming the field to change, or the nearest arm or cell.
        """
        wrong = self._wrong()
        if wrong:
            raise SpecError(wrong, where=self.label)
        if arms is None:
            return
        for arm in self.arms:
            if arm not in arms:
                raise SpecError(f"there is no arm '{arm}'{nearest(arm, arms)}", where=self.label)
        if self.cell and self.cell not in cells:
            raise SpecError(f"there is no cell '{self.cell}'{nearest(self.cell, cells)}", where=self.label)
        if not self.cell and len(cells) > 1 and "" not in cells:
            example = sorted(cells)[0]
            raise SpecError(
                f"it names no cell, and there are {len(cells)}",
                where=self.label,
                hint=f"Add cell='{example}'",
            )

    def _wrong(self) -> str:
        needs = {"ratio": "at_least", "recovers": "at_least", "equal": "within"}.get(self.kind)
        if needs and getattr(self, needs) is None:
            return f"a claim of kind '{self.kind}' needs {needs}"
        if len(set(self.arms)) < len(self.arms):
            return f"it compares {self.arm} with itself"
        if self.kind == "recovers" and not self.reference:
            return "a claim of kind 'recovers' needs a reference"
        if self.by < 0:
            return f"by is {self.by}; it takes a smallest difference of at least 0"
        if self.within is not None and self.within <= 0:
            return f"within is {self.within}; 0.10 means a factor of 1.1 either way"
        if self.at_least is not None and self.at_least <= 0:
            return f"at_least is {self.at_least}; it takes a number above 0"
        if self.at_least is not None and self.kind == "recovers" and self.at_least > 1:
            return f"at_least is {self.at_least}; 0.9 means 90 % of the excess error"
        if self.partly is not None and self.at_least is not None and self.partly > self.at_least:
            return f"partly is {self.partly}, above at_least {self.at_least}"
        return ""

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of the arms that it speaks of."""
        return tuple(each for each in (self.arm, self.baseline, self.reference) if each)

    @property
    def label(self) -> str:
        """How errors name it: ``claim C1``, else its kind and arms."""
        return f"claim {self.name}" if self.name else f"claim {self.kind}({', '.join(self.arms)})"

    def called(self, place: int) -> str:
        """How tables name it: its own name, else "C" and its place among the claims, counted from 1."""
        return self.name or f"C{place}"

    @property
    def text(self) -> str:
        """One sentence, e.g. ``Stale has at least 6 times the test error of TrainBN (digits)``."""
        return self.sentence(self.measure or "test/error")

    def sentence(self, measure: str) -> str:
        """:attr:`text` about a given measure, for claims that leave theirs to the cell."""
        noun = measure.replace("/", " ").replace("_", " ")
        margin = f" by more than {self.by:g}" if self.by else ""
        sentences = {
            "ratio": f"{self.arm} has at least {self.at_least or 0:g} times the {noun} of {self.baseline}",
            "equal": f"{self.arm} and {self.baseline} have the same {noun} within ±{100 * (self.within or 0):g} %",
            "differs": f"{self.arm} and {self.baseline} differ in {noun}{margin}",
            "lower": f"{self.arm} has a lower {noun} than {self.baseline}{margin}",
            "higher": f"{self.arm} has a higher {noun} than {self.baseline}{margin}",
            "recovers": f"{self.arm} removes at least {100 * (self.at_least or 0):g} % of the excess {noun} "
            f"of {self.baseline} over {self.reference}",
        }
        return sentences[self.kind] + (f" ({self.cell})" if self.cell else "")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for study.json; :meth:`from_dict` takes them back."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """A claim as :meth:`as_dict` wrote it; keys that are no fields (its text, say) are left out."""
        return cls(**{name: values[name] for name in cls.fields() if name in values})


def _names(arm: Arm, baseline: Arm) -> dict[str, Any]:
    return {"arm": _name(arm), "baseline": _name(baseline)}


def _name(arm: Arm) -> str:
    name = arm if isinstance(arm, str) else getattr(arm, "__name__", None)
    if not isinstance(name, str) or not name:
        raise SpecError(f"{arm!r} is neither an arm nor the name of one", hint="Give the class, e.g. TrainBN")
    return name
