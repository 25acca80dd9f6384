"""Numbers as a text quotes them: whether they are the published ones at the digits shown, and the text with new ones.

``66.0 %``, ``28.6 [26.3, 31.3]``, ``+42.6 points``, ``10,000``, ``< 0.001``, ``2.1e-05`` and ``unbounded`` are read.
Error rates and shares are in percent, or, where that is nearer to what is published, as a fraction of 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.study import words
from workbench.study.quantities import UNBOUNDED, Quantity

_MINUS = "\N{MINUS SIGN}"
_NUMBER = re.compile(
    r"(?P<below>(?:<|&lt;)\}?\s*)?"
    rf"(?<![\w.])(?P<sign>(?<![\w)\]])[+{_MINUS}-]|)(?<!\w)"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?P<exponent>[eE][+-]?\d+)?(?!(?!x\b)\w|\.\d)"
    rf"|\b(?P<open>{UNBOUNDED})\b"
)
_PERCENT = re.compile(r"%|\bpoints?\b|\bper ?cent\b")
_DECORATION = "*_` \n\t"


@dataclass(frozen=True)
class Shown:
    """A number in a text: where it stands, its value, and the digits after the point (of its mantissa)."""

    start: int
    stop: int
    text: str
    value: float
    decimals: int
    exponent: int | None
    below: str
    unbounded: bool = False


def numbers_in(text: str) -> list[Shown]:
    """The numbers of a text, in order; digits inside words (``C1``, ``resnet8``) are none."""
    return [_shown(match) for match in _NUMBER.finditer(text)]


def complaint(text: str, quantity: Quantity) -> str:
    """Why a text does not show a quantity, "" when it does."""
    if quantity.kind in ("text", "hash", "table"):
        return "" if _says(text, quantity) else "differs"
    shown = numbers_in(text)
    wanted = len(quantity.numbers)
    if len(shown) != wanted:
        return f"shows {words.counted(len(shown), 'number')}, and {wanted} {'is' if wanted == 1 else 'are'} published"
    scale = _scale(text, quantity, shown)
    fits = [_fits(each, number, scale) for each, number in zip(shown, quantity.numbers, strict=True)]
    return "" if all(fits) else "differs"


def renewed(text: str, quantity: Quantity) -> str:
    """The text with the published numbers in place of its own, at the digits that it shows.

    As it stands where it shows more or fewer numbers than there are.
    """
    if quantity.kind in ("text", "hash", "table"):
        if _says(text, quantity):
            return text
        if quantity.kind == "table":
            return f"\n{quantity.text}\n"
        core = text.strip(_DECORATION)
        new = quantity.text[: len(core)] if quantity.kind == "hash" and len(core) >= 7 else quantity.text
        return text.replace(core, new, 1) if core else new
    shown = numbers_in(text)
    if len(shown) != len(quantity.numbers):
        return text
    scale = _scale(text, quantity, shown)
    for each, number in reversed(list(zip(shown, quantity.numbers, strict=True))):
        if not _fits(each, number, scale):
            text = text[: each.start] + _written(each, number, scale, quantity) + text[each.stop :]
    return text


def plain(quantity: Quantity) -> str:
    """A quantity as our own tables write it, without units: ``28.6 [26.3, 31.3]``, ``66.0 ± 4.7``."""
    if quantity.kind == "hash":
        return quantity.text[:12]
    if quantity.kind in ("text", "table"):
        return quantity.text
    shown = [one(number, quantity) for number in quantity.numbers]
    if not quantity.limits:
        return " ± ".join(shown)
    return " ".join([*shown[:-2], f"[{shown[-2]}, {shown[-1]}]"])


def one(number: float | None, quantity: Quantity) -> str:
    """One number of a quantity as our own tables write it, without unit."""
    if number is None:
        return UNBOUNDED
    if quantity.kind == "p":
        return words.p_value(number)
    if quantity.kind == "rate":
        return words.fixed(100 * number, 1 if quantity.digits is None else quantity.digits)
    return words.three(number) if quantity.digits is None else words.fixed(number, quantity.digits)


def _shown(match: re.Match[str]) -> Shown:
    if match["open"]:
        return Shown(*match.span(), match[0], math.nan, 0, None, "", unbounded=True)
    digits = match["digits"].replace(",", "")
    decimals = len(digits.partition(".")[2])
    exponent = int(match["exponent"][1:]) if match["exponent"] else None
    value = float(f"{digits}e{exponent or 0}") * (-1 if match["sign"] in ("-", _MINUS) else 1)
    return Shown(*match.span(), match[0], value, decimals, exponent, match["below"] or "")


def first_change(text: str, quantity: Quantity) -> tuple[str, str]:
    """Of a table that differs: its first line that does, and what is published there."""
    there, wanted = text.strip().splitlines(), quantity.text.splitlines()
    for number in range(max(len(there), len(wanted))):
        says, now = (each[number].strip() if number < len(each) else "(nothing)" for each in (there, wanted))
        if says != now:
            return says, now
    return "", ""


def _says(text: str, quantity: Quantity) -> bool:
    if quantity.kind == "table":
        return [line.strip() for line in text.strip().splitlines()] == quantity.text.splitlines()
    core = text.strip(_DECORATION)
    if quantity.kind == "hash":
        return len(core) >= 7 and quantity.text.startswith(core)
    return " ".join(core.split()) == quantity.text


def _scale(text: str, quantity: Quantity, shown: Sequence[Shown]) -> float:
    """100 for a text in percent, else 1: as it says itself, else for rates whichever is nearer."""
    if _PERCENT.search(text):
        return 100.0
    if quantity.kind != "rate":
        return 1.0
    pairs = zip(shown, quantity.numbers, strict=True)
    for each, number in pairs:
        if number and each.value:
            return 100.0 if abs(each.value / number) > 10 else 1.0
    return 100.0


def _fits(shown: Shown, number: float | None, scale: float) -> bool:
    if shown.unbounded or number is None:
        return shown.unbounded and number is None
    wanted = number * scale
    if shown.below:
        return wanted < shown.value
    unit = 10.0 ** ((shown.exponent or 0) - shown.decimals)
    # half a unit, and what floating point adds to a number that lies in the middle
    return abs(shown.value - wanted) <= 0.5 * unit * (1 + 1e-9) + 1e-14 * abs(wanted)


def _written(shown: Shown, number: float | None, scale: float, quantity: Quantity) -> str:
    """A number in the form of the one that it replaces: digits, sign, thousands and all."""
    if number is None:
        return UNBOUNDED
    wanted = number * scale
    decimals = (quantity.digits or 1) if shown.unbounded else shown.decimals
    text = f"{wanted:.{decimals}e}" if shown.exponent is not None else words.fixed(wanted, decimals)
    if quantity.kind == "p" and not float(text):
        return f"<{10.0 ** -max(decimals, 1):.{max(decimals, 1)}f}"
    if "," in shown.text:
        text = f"{float(text):,.{decimals}f}"
    old = shown.text.removeprefix(shown.below)
    if old[:1] == "+" and not text.startswith("-") and float(text):
        text = f"+{text}"
    return text.replace("-", _MINUS, 1) if _MINUS in old and text.startswith("-") else text
