"""Judging claims: evidence first, Holm over the confirmatory family, then verdicts.

A positive verdict needs both a Holm-adjusted p below .05 and a 95 % interval clear of the smallest effect that the
claim declares. Each claim is tested against its own threshold (the null of "at least 6 times" is a ratio of 6, not of
1), so that p speaks of what is claimed. Directional claims are tested one-sided, "differs" two-sided, "equal" by TOST.
The contrary of a claim ("opposite", "different") is no member of Holm's family: it needs a p of its own below .05 after
Bonferroni over all claims of the family.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import UsageError
from workbench.study import effects, statistics
from workbench.study.claims import NOT_TESTED, Claim
from workbench.study.statistics import ALPHA, Alternative, Estimate
from workbench.study.units import CellValues

Cells = Callable[[str, str | None], CellValues | None]
"""(cell name or "", measure or None) to its values; None for a cell that the tier does not have."""

ONE_SEED = "no inference from one seed"
EXPLORATORY = "exploratory, no verdict"
UNITS = {"ratio": "ratio", "equal": "ratio", "recovers": "share"}


@dataclass(frozen=True)
class Evidence:
    """What the runs say about one claim before the family is known.

    Attributes:
        p, contrary: raw p of the claim and of its contrary.
        smallest: the p that n seeds can reach.
    """

    claim: Claim
    cell: CellValues
    n: int
    planned: int
    estimate: Estimate | None
    p: float
    contrary: float
    smallest: float
    note: str

    @property
    def finished(self) -> bool:
        """Whether every planned seed of its arms has ended."""
        return self.n == self.planned and self.estimate is not None

    @property
    def testable(self) -> bool:
        """Whether the planned seeds could reach significance if it were the only claim of a confirmatory family."""
        return not self.cell.exploratory and self.planned > 1 and self.smallest < ALPHA


def judge(claims: Sequence[Claim], cells: Cells, tier: str, measure: str | None = None) -> list[dict[str, Any]]:
    """The verdict of each claim as plain values, in order (see :mod:`workbench.study.summary` for the keys).

    ``measure`` is the study's own, for the words of claims whose cell the tier does not have.
    """
    found = [evidence(claim, cells) for claim in claims]
    present = [each for each in found if each is not None]
    family = [each for each in present if each.testable]
    # A claim that still misses runs keeps its place in the family, as one that failed to reach significance.
    p_holm = statistics.holm([each.p if each.finished else 1.0 for each in family])
    reachable = statistics.holm([each.smallest for each in family])
    size = sum(not each.cell.exploratory for each in present)
    verdicts = []
    for position, (claim, each) in enumerate(zip(claims, found, strict=True)):
        if each is None:
            verdicts.append(_record(claim, position, None, NOT_TESTED, "open", None, tier, "", measure))
            continue
        place = next((k for k, member in enumerate(family) if member is each), None)
        adjusted = None if place is None or not each.finished else float(p_holm[place])
        best = None if place is None else float(reachable[place])
        verdict, status, note = _verdict(each, adjusted, best, size, len(family))
        notes = "; ".join(text for text in (note, each.note) if text)
        verdicts.append(_record(claim, position, each, verdict, status, adjusted, tier, notes))
    return verdicts


def evidence(claim: Claim, cells: Cells) -> Evidence | None:
    """Estimate, interval and raw p of one claim; None where its cell or one of its arms is not in the tier."""
    cell = cells(claim.cell, claim.measure)
    if cell is None or any(name not in cell.arms for name in claim.arms):
        return None
    arms = cell.together(claim.arms)
    n, planned = len(arms[0].seeds), cell.planned(claim.arms)
    alternative: Alternative = "two-sided" if claim.kind == "differs" else "greater"
    smallest = 0.0 if claim.kind == "equal" else statistics.smallest_p(max(planned, 1), alternative)
    if n == 0:
        return Evidence(claim, cell, n, planned, None, 1.0, 1.0, smallest, "")
    try:
        effect, p, contrary = _tested(claim, cell)
    except UsageError as error:
        return Evidence(claim, cell, n, planned, None, 1.0, 1.0, smallest, error.problem)
    notes = []
    failed = sum(int(arm.failed.sum()) for arm in arms)
    if failed:
        notes.append(f"{failed} failed run{'s' if failed > 1 else ''} counted as the worst score")
    if effect.by == "examples":
        notes.append("the interval is that over test examples, the wider one")
    sources = max(len(arm.sources) for arm in arms)
    if sources > 1:
        notes.append(f"averaged over {sources} sources inside each seed")
    return Evidence(claim, cell, n, planned, effect.estimate, p, contrary, smallest, "; ".join(notes))


def _tested(claim: Claim, cell: CellValues) -> tuple[effects.Effect, float, float]:
    """The effect, p of the claim, and p of its contrary, 1 where a claim has none that is told."""
    arm, baseline = claim.arm, claim.baseline
    if claim.kind == "recovers":
        effect = effects.share(cell, arm, baseline, claim.reference, claim.at_least or 0.0)
        return effect, statistics.sign_flip(effect.units, "greater"), 1.0
    if claim.kind in ("ratio", "equal"):
        effect = effects.ratio(cell, arm, baseline)
        if claim.kind == "ratio":
            return effect, statistics.sign_flip(effect.units - math.log(claim.at_least or 1.0), "greater"), 1.0
        margin = math.log1p(claim.within or 0.0)
        limits = -margin, margin
        return effect, statistics.tost(effect.units, *limits), statistics.outside(effect.units, *limits)
    effect = effects.difference(cell, arm, baseline)
    units = effect.units
    if claim.kind == "lower":
        return effect, statistics.sign_flip(units + claim.by, "less"), statistics.sign_flip(units, "greater")
    if claim.kind == "higher":
        return effect, statistics.sign_flip(units - claim.by, "greater"), statistics.sign_flip(units, "less")
    return effect, statistics.outside(units, -claim.by, claim.by), 1.0


def _verdict(each: Evidence, p_holm: float | None, best: float | None, size: int, family: int) -> tuple[str, str, str]:
    """(verdict, status, note); status is good, found (either way was allowed), partly, bad or open."""
    if each.planned <= 1:
        return ONE_SEED, "open", ""
    if each.cell.exploratory:
        return EXPLORATORY, "open", ""
    if best is None or best >= ALPHA:
        alternative: Alternative = "two-sided" if each.claim.kind == "differs" else "greater"
        needed = statistics.seeds_needed(max(size, 1), alternative)
        return f"cannot be decided with {each.planned} seeds (needs at least {needed})", "open", ""
    if not each.finished:
        return f"not finished ({each.n} of {each.planned} seeds)", "open", ""
    assert each.estimate is not None and p_holm is not None
    return _decided(each.claim, each.estimate, p_holm, min(1.0, each.contrary * family))


def _decided(claim: Claim, estimate: Estimate, p_holm: float, contrary: float) -> tuple[str, str, str]:
    sure, contradicted = p_holm < ALPHA, contrary < ALPHA
    against = f"p of the contrary {contrary:.3f} (Bonferroni)"
    if claim.kind in ("ratio", "recovers"):
        return _threshold(claim, estimate, sure)
    if claim.kind == "equal":
        margin = 1 + (claim.within or 0.0)
        if sure and estimate.inside(1 / margin, margin):
            return "equal", "good", ""
        if contradicted and estimate.outside(1 / margin, margin):
            return "different", "bad", against
        return "not shown equal", "open", ""
    if claim.kind == "differs":
        if sure and estimate.outside(-claim.by, claim.by):
            return ("arm worse" if estimate.value > 0 else "arm better"), "found", ""
        return "no difference shown", "open", ""
    away = estimate.high < -claim.by if claim.kind == "lower" else estimate.low > claim.by
    if sure and away:
        return "shown", "good", ""
    opposite = estimate.low > 0 if claim.kind == "lower" else estimate.high < 0
    return ("opposite", "bad", against) if opposite and contradicted else ("not shown", "open", "")


def _threshold(claim: Claim, estimate: Estimate, sure: bool) -> tuple[str, str, str]:
    wanted = claim.at_least or 0.0
    if claim.kind == "recovers" and not math.isfinite(estimate.high):
        return "not reproduced", "bad", f"{claim.baseline} has no clear excess over {claim.reference}"
    clear = estimate.low >= wanted
    if clear and sure:
        return "reproduced", "good", ""
    note = "the interval is clear of the threshold, the Holm-adjusted p is not below .05" if clear else ""
    if claim.partly is not None and estimate.value >= claim.partly:
        return "partly", "partly", note
    return "not reproduced", "bad", note


def _record(
    claim: Claim,
    position: int,
    each: Evidence | None,
    verdict: str,
    status: str,
    p_holm: float | None,
    tier: str,
    note: str,
    usual: str | None = None,
) -> dict[str, Any]:
    measure = each.cell.measure if each else claim.measure
    spoken = measure or usual
    record: dict[str, Any] = {
        "name": claim.called(position + 1),
        "text": claim.sentence(spoken) if spoken else claim.text,
        "cell": each.cell.name if each else claim.cell,
        "kind": claim.kind,
        "measure": measure,
        "unit": UNITS.get(claim.kind, "difference"),
        "arms": list(claim.arms),
        "means": _means(each),
        "why": claim.why,
        "verdict": verdict,
        "status": status,
        "estimate": None,
        "interval": None,
        "p": None,
        "p_holm": p_holm,
        "n": each.n if each else 0,
        "tier": tier,
        "confirmatory": each is not None and not each.cell.exploratory,
        "note": note,
    }
    if each is not None and each.estimate is not None:
        record["estimate"] = each.estimate.value
        if each.n > 1:
            record["interval"] = [each.estimate.low, each.estimate.high]
            record["p"] = each.p
    return record


def _means(each: Evidence | None) -> dict[str, float]:
    """The arms' own means at the seeds that are compared: a ratio alone hides how large the errors are."""
    if each is None or each.n == 0:
        return {}
    return {arm.name: float(arm.values.mean()) for arm in each.cell.together(each.claim.arms)}
