"""``wb diff``: any two recorded runs side by side, what may have caused a difference and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workbench.study import causes, levels
from workbench.study.causes import Cause, Changed
from workbench.study.comparison import causes_table
from workbench.study.levels import Effect
from workbench.study.recorded import RecordedRun
from workbench.study.reference import find_run


@dataclass(frozen=True)
class Difference:
    """Two runs, every cause in the order of likelihood, and the effect."""

    old: RecordedRun
    new: RecordedRun
    causes: tuple[Cause, ...]
    effect: Effect


def difference(root: Path, home: Path, first: str, second: str, changed: Changed) -> Difference:
    """Holds the runs of two ids against each other.

    Raises:
        UsageError: for a name that is no run's.
    """
    old, new = (find_run(root, home, each).run for each in (first, second))
    return Difference(old, new, tuple(causes.causes(old.facts, new.facts, changed)), levels.effect(old, new))


def lines(found: Difference) -> list[str]:
    """The causes, the effects and one sentence, as text."""
    from tabulate import tabulate

    old, new, effect = found.old, found.new, found.effect
    text = [
        f"first   {old.id}  {old.experiment} · {old.label}",
        f"second  {new.id}  {new.experiment} · {new.label}",
        "",
    ]
    if found.causes:
        text += [causes_table([(each, 1) for each in found.causes], 1, ("first", "second")), ""]
    rows = [
        [name, _shown(old.metrics.get(name)), _shown(new.metrics.get(name)), "" if name in effect.metrics else "equal"]
        for name in dict.fromkeys([*old.metrics, *new.metrics])
    ]
    rows.append(["weights", old.weights[:12], new.weights[:12], "equal" if effect.weights else ""])
    if effect.agreement is not None:
        rows.append(["answers", "", f"{effect.agreement:.2%} the same", "equal" if effect.answers else ""])
    if old.state != new.state:
        rows.insert(0, ["state", old.state, new.state, ""])
    text += [tabulate(rows, ["effect", "first", "second", ""], tablefmt="simple", disable_numparse=True), ""]
    if effect.diverged is not None:
        agreed, step, name = effect.diverged
        text += [f"First difference: {name} at step {step} (the same up to step {agreed})."]
    return [*text, _sentence(found)]


def _sentence(found: Difference) -> str:
    kinds = list(dict.fromkeys(cause.kind for cause in found.causes))
    if found.effect.identical:
        return "The same result, bit for bit" + (f", although {', '.join(kinds)} differ." if kinds else ".")
    if not kinds:
        return "They differ without any recorded cause: nondeterminism, or something that no record holds."
    return f"They differ; likely because of {', then '.join(kinds)}."


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.8g}"
