"""Words and digits for a summary: the same number reads the same in the terminal, the figure and the report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

Limits = Sequence[float | None] | None

NOTHING = "-"


def is_percent(measure: str) -> bool:
    """Whether a measure is an error rate, shown in percent."""
    return measure.rsplit("/", 1)[-1].endswith("error")


def noun(measure: str) -> str:
    """``test error`` for ``test/error``."""
    return measure.replace("/", " ").replace("_", " ")


def unit(measure: str) -> str:
    """``%`` for error rates, else nothing."""
    return "%" if is_percent(measure) else ""


def decimals(cell: Mapping[str, Any]) -> int:
    """Digits after the point for a cell's values: enough for its smallest mean to have two that count.

    A measure that is no error rate (rmse, a loss) often differs in the third alone, so it has three, or more where it
    hardly varies between seeds: then as many as the widest interval bears.
    """
    percent = is_percent(cell["measure"])
    means = [abs(arm["mean"]) * (100.0 if percent else 1.0) for arm in cell["arms"] if arm.get("mean")]
    smallest, count = min(means, default=10.0), 1 if percent else 2
    digits = next((digits for digits in (1, 2, 3) if smallest >= 10.0 ** (count - digits)), 4)
    finer = [] if percent else [_finer(arm.get("interval")) for arm in cell["arms"]]
    return max(digits, min((each for each in finer if each), default=0))


def claim_decimals(claim: Mapping[str, Any]) -> int:
    """Digits after the point for a claim's difference: 1 for error rates in percent, else by its interval."""
    return 1 if is_percent(claim["measure"] or "test/error") else _finer(claim["interval"]) or 3


def _finer(limits: Limits) -> int:
    """Digits with which half of an interval is 3 to 29 units of the last, from 1 to 5; 0 where there is no interval.

    One digit that counts is too few where it is a 1 or a 2: -0.004 [-0.021, 0.013] was 0.00 [-0.02, 0.01].
    """
    if limits is None or None in limits or limits[0] == limits[1]:
        return 0
    low, high = (float(each or 0) for each in limits)
    units = 3 - 1e-3  # half of [0.07, 0.13] is a hair below 0.03
    return next((digits for digits in (1, 2, 3, 4) if (high - low) / 2 >= units * 10.0**-digits), 5)


def value(number: float | None, measure: str, digits: int) -> str:
    """A value of a measure, error rates in percent without the sign: ``31.2``."""
    if number is None:
        return NOTHING
    return fixed(number * (100 if is_percent(measure) else 1), digits)


def level(arm: Mapping[str, Any], measure: str, digits: int) -> str:
    """``31.2 ± 0.8``: mean and half its interval."""
    if arm["interval"] is None or arm["mean"] is None:
        return value(arm["mean"], measure, digits)
    low, high = arm["interval"]
    return f"{value(arm['mean'], measure, digits)} ± {value((high - low) / 2, measure, digits)}"


def gap(number: float | None, limits: Limits, measure: str, digits: int) -> str:
    """``+49.8 [46.0, 53.6]``: a difference, in points for error rates."""
    if number is None:
        return NOTHING
    text = value(number, measure, digits)
    signed = text if text.startswith("-") or not text.strip("0.") else f"+{text}"
    return signed + between(limits, lambda x: value(x, measure, digits))


def times(number: float | None, limits: Limits) -> str:
    """``2.60 [2.40, 2.81]``: a ratio with three digits that count."""
    return NOTHING if number is None else three(number) + between(limits, three)


def portion(number: float | None, limits: Limits) -> str:
    """``98.6 % [95.0, 102.1]``: a share."""
    return NOTHING if number is None else f"{100 * number:.1f} %" + between(limits, lambda x: fixed(100 * x, 1))


def fixed(number: float, digits: int) -> str:
    """A number with so many digits after the point, without a minus before zero."""
    text = f"{number:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text


def three(number: float) -> str:
    """Two or three digits that count, without an exponent for ordinary numbers: 11.7, 0.98, 0.013, 153."""
    size = abs(number)
    if number and (size < 1e-4 or size >= 1e5):
        return f"{number:.2e}"
    if number and size < 0.095:
        return f"{number:.{1 - math.floor(math.log10(size))}f}"  # 0.013, 0.0054: 0.01 beside 5.43e-03 is hard to read
    return f"{number:.{0 if size >= 100 else 1 if size >= 10 else 2}f}"


def between(limits: Limits, show: Any) -> str:
    """`` [low, high]``; an unbounded side is said so, no interval is nothing."""
    if limits is None:
        return ""
    low, high = limits
    if low is None and high is None:
        return " [unbounded]"
    return f" [{'unbounded' if low is None else show(low)}, {'unbounded' if high is None else show(high)}]"


def p_value(p: float | None) -> str:
    """``0.031``, ``<0.001``; nothing where nothing was tested."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def claim_estimate(claim: Mapping[str, Any]) -> str:
    """A claim's estimate with its interval, in the claim's own unit."""
    number, limits = claim["estimate"], claim["interval"]
    if claim["unit"] == "ratio":
        return times(number, limits)
    if claim["unit"] == "share":
        return portion(number, limits)
    text = gap(number, limits, claim["measure"] or "test/error", claim_decimals(claim))
    return f"{text} points" if is_percent(claim["measure"] or "") and number is not None else text


def claim_values(claim: Mapping[str, Any]) -> str:
    """The compared arms' own means in the claim's order, ``63.7 / 5.4 %``: a ratio never stands alone."""
    if not claim["means"] or not claim["measure"]:
        return NOTHING
    text = " / ".join(_means(claim).values())
    return f"{text} %" if is_percent(claim["measure"]) else text


def claim_means(claim: Mapping[str, Any]) -> str:
    """The same with names: ``Stale 63.7 %, TrainBN 5.4 %``."""
    sign = " %" if is_percent(claim["measure"]) else ""
    return ", ".join(f"{arm} {text}{sign}" for arm, text in _means(claim).items())


def _means(claim: Mapping[str, Any]) -> dict[str, str]:
    means = {arm: claim["means"][arm] for arm in claim["arms"]}
    digits = decimals({"measure": claim["measure"], "arms": [{"mean": mean} for mean in means.values()]})
    if claim["unit"] == "difference" and not is_percent(claim["measure"]):
        digits = max(digits, claim_decimals(claim))
    return {arm: value(mean, claim["measure"], digits) for arm, mean in means.items()}


def seeds(n: int) -> str:
    """``1 seed``, ``10 seeds``."""
    return counted(n, "seed")


def counted(n: int, thing: str) -> str:
    """``1 cell``, ``3 cells``."""
    return f"{n} {thing}{'s' * (n != 1)}"


def heading(cell: Mapping[str, Any]) -> str:
    """What a cell's table or panel is about, in one line."""
    measure, chance = cell["measure"], cell.get("chance")
    parts = [noun(measure) + (" in %" if is_percent(measure) else "")]
    if chance is not None:
        shown = f"{100 * chance:.1f} %" if is_percent(measure) else three(chance)
        parts.append(f"chance level {shown}")
    if cell.get("n_test"):
        parts.append(f"{cell['n_test']:,} test examples")
    counts = {(arm["n"], arm["missing"]) for arm in cell["arms"]}
    if len(counts) == 1:
        n, missing = counts.pop()
        parts.append(f"{n} of {seeds(n + missing)}" if missing else seeds(n))
    if cell.get("exploratory"):
        parts.append("exploratory")
    return ", ".join(parts)


def fold(text: str, width: int) -> str:
    """Lines of at most ``width``, broken between words, else inside CamelCase, else where it must be."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
            continue
        first, *rest = _pieces(word, width)
        lines.append(first)
        for piece in rest:
            if len(lines[-1]) + len(piece) <= width:
                lines[-1] += piece
            else:
                lines.append(piece)
    return "\n".join(lines)


def _pieces(word: str, width: int) -> list[str]:
    if len(word) <= width:
        return [word]
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", word)
    return [part[start : start + width] for part in parts for start in range(0, len(part), width)]
