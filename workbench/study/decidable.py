"""Which claims of a plan its seeds can decide at all."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.study.claims import Claim
from workbench.study.plan import Planner
from workbench.study.spec import Spec
from workbench.study.statistics import seeds_needed
from workbench.study.words import counted


@dataclass(frozen=True)
class Undecidable:
    """A claim that even the clearest outcome of so many ``seeds`` could not decide, and how many it takes."""

    claim: Claim
    seeds: int
    needed: int
    name: str


def of_tier(planner: Planner, spec: Spec) -> list[tuple[Claim, int, bool]]:
    """The claims whose cell and arms the tier has, the number of seeds, and whether a verdict is asked for there."""
    cells = {cell.name: (arms, count, not cell.exploratory) for cell, arms, count in planner.cells(spec)}
    found = []
    for claim in spec.experiment.claims:
        name = claim.cell or next(iter(cells))
        if name in cells and set(claim.arms) <= {arm.__name__ for arm in cells[name][0]}:
            found.append((claim, *cells[name][1:]))
    return found


def undecidable(planner: Planner, spec: Spec) -> list[Undecidable]:
    """Those of the tested claims that have too few seeds, in their order."""
    found = []
    for claim, count in (family := _family(planner, spec)):
        # as the verdict counts: only "differs" is two-sided, and equality is no matter of permutations
        needed = seeds_needed(len(family), "two-sided" if claim.kind == "differs" else "greater")
        if claim.kind != "equal" and count < needed:
            place = next(place for place, each in enumerate(spec.experiment.claims, 1) if each is claim)
            found.append(Undecidable(claim, count, needed, claim.called(place)))
    return found


def _family(planner: Planner, spec: Spec) -> list[tuple[Claim, int]]:
    """The claims that share what may go wrong by chance."""
    return [(claim, count) for claim, count, confirmatory in of_tier(planner, spec) if confirmatory]


def in_words(planner: Planner, spec: Spec) -> str:
    """One sentence about all of them with what to type; empty where there are none.

    Nothing is said of a plan of one seed, which asks whether everything runs, and under ``--set``, which takes the
    claims out of the family.
    """
    found = [each for each in undecidable(planner, spec) if each.seeds > 1]
    if not found or planner.options.sets:
        return ""
    names = ", ".join(each.name for each in found)
    seeds = counted(min(each.seeds for each in found), "seed")
    needed = max(each.needed for each in found)
    verb = "takes" if len(found) == 1 else "take"
    pronoun = "it" if len(found) == 1 else "they"
    return (
        f"{names} cannot be decided with {seeds}: {pronoun} {verb} {needed} for "
        f"{counted(len(_family(planner, spec)), 'claim')}. Set seeds={needed} in the spec, or type --seeds {needed}"
    )
