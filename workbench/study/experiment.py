"""What a spec asks: arms, seeds, cells, tiers and claims, checked when the spec is loaded."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import SpecError, nearest
from workbench.parts import diff
from workbench.study.claims import Claim
from workbench.training.learner import Learner

Arm = type[Learner]
_ALL = 40  # names are listed where none is near: nothing else shows what an experiment has in one line


class Cell:
    """One condition under which arms are compared: changes that are made to every arm alike.

    Args:
        name: e.g. ``"digits/last"``.
        arms: the arms that have a meaning here; all of the experiment's by default.
        seeds, sources: how many seed tuples, and how many pre-trained networks each is crossed with.
        exploratory: its comparisons belong to no confirmatory family.
        choice: name of the cell whose chosen settings this one uses; its own by default.
        grid: values that a setting is chosen from here, instead of the experiment's.
        about: one sentence for the report.
        changes: fields as in :meth:`Learner.but`, e.g. ``fit__scope="head"``.

    Raises:
        SpecError: less than one seed, or less than one source.
    """

    def __init__(
        self,
        name: str,
        *,
        arms: Sequence[Arm] | None = None,
        seeds: int | None = None,
        sources: int = 1,
        exploratory: bool = False,
        choice: str = "",
        grid: Sequence[Any] = (),
        about: str = "",
        **changes: Any,
    ) -> None:
        if seeds is not None:
            _whole(seeds, f"cell '{name}': seeds")
        _whole(sources, f"cell '{name}': sources")
        self.name, self.about, self.exploratory = name, about, exploratory
        self.arms = None if arms is None else tuple(arms)
        self.seeds, self.sources = seeds, sources
        self.choice, self.grid = choice or name, tuple(grid)
        self.changes = changes


@dataclass(frozen=True, kw_only=True)
class Tier:
    """How much of the experiment one ``wb run`` does; None means what the experiment and its cells say.

    ``cells``, ``arms``: those that it runs. ``seeds``: how many seed tuples each. ``changes``: fields of every arm,
    as in :meth:`Learner.but`, e.g. ``{"fit__epochs": 1}``. ``choosing`` False keeps the spec's own value of what the
    experiment would choose on validation data.
    ``minutes`` is what a reader should expect on two idle CPU cores.

    Raises:
        SpecError: less than one seed.
    """

    cells: Sequence[Cell] | None = None
    arms: Sequence[Arm] | None = None
    seeds: int | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    choosing: bool = True
    minutes: float | None = None

    def __post_init__(self) -> None:
        if self.seeds is not None:
            _whole(self.seeds, "a tier's seeds")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One setting chosen per arm on the validation split, each arm with the same budget.

    Args:
        field: e.g. ``"fit__lr"``; or ``"fit"``, to choose among whole recipes.
        values: the grid, of numbers or of parts.
        measure: what is minimised, over ``seeds`` seed tuples of its own, which no result uses.
        arms: those that choose; all of the experiment's by default. The others keep what they say.

    Raises:
        SpecError: no values, or less than one seed.
    """

    field: str
    values: Sequence[Any]
    seeds: int = 1
    measure: str = "validation/error"
    arms: Sequence[Arm] | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        _whole(self.seeds, "a choice's seeds")
        if not self.values:
            raise SpecError(f"the choice of {self.field} has no values", hint="Give it some: values=[1e-3, 1e-2]")


class Experiment:
    """One question: a baseline, arms that each differ from their parent in one thing, seeds, a measure, claims.

    Args:
        baseline: the arm that the others are compared with.
        arms: the other arms.
        seeds: how many seed tuples every arm runs with, numbered from ``first_seed``.
        measure: the metric that is compared; lower is better.
        claims: statements fixed before the run, checked by named tests.
        cells: conditions; without any there is one, named after the experiment.
        tiers: ``smoke``, ``default`` and ``full`` unless others are wanted.
        choose: a setting chosen per arm on validation data.

    Raises :class:`SpecError` for arms that are equal, names that occur twice, and claims about arms that are not there.
    """

    def __init__(
        self,
        *,
        baseline: Arm,
        arms: Sequence[Arm] = (),
        seeds: int = 3,
        first_seed: int = 0,
        measure: str = "test/error",
        claims: Sequence[Claim] = (),
        cells: Sequence[Cell] = (),
        tiers: dict[str, Tier] | None = None,
        choose: Choice | None = None,
    ) -> None:
        _whole(seeds, "seeds")
        self.baseline, self.arms = baseline, (baseline, *(arm for arm in arms if arm is not baseline))
        self.seeds, self.first_seed, self.measure = seeds, first_seed, measure
        self.claims, self.choose = tuple(claims), choose
        self.cells = tuple(cells) or (Cell("main"),)
        self.tiers = {"smoke": Tier(seeds=1), "default": Tier(), **(tiers or {})}
        self.tiers.setdefault("full", Tier())
        self._check()

    def _check(self) -> None:
        for arm in self.arms:
            if not (isinstance(arm, type) and issubclass(arm, Learner)):
                raise SpecError(f"{arm!r} is not a Learner class", hint="List classes, not instances, as arms")
        _unique([arm.__name__ for arm in self.arms], "arm")
        _unique([cell.name for cell in self.cells], "cell")
        excused = {arm: arm.but(confounded="") for arm in self.arms}  # words make no difference
        described = {arm.__name__: (excused[arm].flatten(), arm.stages()) for arm in self.arms}
        names = list(described)
        for position, name in enumerate(names):
            for other in names[:position]:
                if described[name] == described[other]:
                    raise SpecError(
                        f"arm {name} equals arm {other}", hint="Change one field or stage, or drop one of them"
                    )
        cells = [cell.name for cell in self.cells]
        for claim in self.claims:
            claim.check(names, cells)
        self._check_arms()
        for tier in self.tiers.values():
            for cell in tier.cells or ():
                if cell not in self.cells:
                    raise SpecError(
                        f"a tier has the cell '{cell.name}', which is not among the experiment's", hint="Add it"
                    )
        for cell in self.cells:
            if cell.choice not in cells:
                raise SpecError(
                    f"cell '{cell.name}' takes its choice from '{cell.choice}'{nearest(cell.choice, cells)}"
                )

    def _check_arms(self) -> None:
        choosing = [self.choose] if self.choose else []
        places: list[Cell | Tier | Choice] = [*self.cells, *self.tiers.values(), *choosing]
        for place in places:
            for arm in place.arms or ():
                if arm not in self.arms:
                    what, shown = type(place).__name__.lower(), getattr(arm, "__name__", repr(arm))
                    raise SpecError(f"a {what} has the arm {shown}, which is not among the experiment's", hint="Add it")

    def arm(self, name: str) -> Arm:
        """The arm of that name; raises :class:`SpecError` with the nearest."""
        for arm in self.arms:
            if arm.__name__ == name:
                return arm
        raise SpecError(f"there is no arm '{name}'{nearest(name, [arm.__name__ for arm in self.arms], _ALL)}")

    def cell(self, name: str) -> Cell:
        """The cell of that name; raises :class:`SpecError` with the nearest."""
        for cell in self.cells:
            if cell.name == name:
                return cell
        raise SpecError(f"there is no cell '{name}'{nearest(name, [cell.name for cell in self.cells], _ALL)}")

    def tier(self, name: str) -> Tier:
        """The tier of that name; raises :class:`SpecError` with the nearest."""
        if name not in self.tiers:
            raise SpecError(f"there is no tier '{name}'{nearest(name, self.tiers)}")
        return self.tiers[name]


def derive(experiment: Experiment, arm: Arm, cell: Cell, tier: Tier, *sets: Mapping[str, Any]) -> Arm:
    """The arm as it runs in a cell of a tier, with its own name and hypothesis.

    A cell's change does not touch what the arm itself changes against the baseline: that difference is what the arm
    is about. ``sets`` (a choice, ``--set``, resolved "auto" values) reach every arm alike.
    """
    for each in (cell.changes, tier.changes):
        kept = {path: value for path, value in each.items() if not _own(experiment.baseline, arm, path)}
        arm = arm.but(**kept) if kept else arm
    for more in sets:
        arm = arm.but(**more) if more else arm
    return arm


def _own(baseline: Arm, arm: Arm, path: str) -> bool:
    """Whether the arm differs from the baseline at ``path``, or in the class of a part above it."""
    mine: Any = arm
    theirs: Any = baseline
    for name in path.split("__"):
        mine, theirs = getattr(mine, name, None), getattr(theirs, name, None)
        if type(mine) is not type(theirs):
            return True
    return bool(mine != theirs)


def changes(arm: Arm) -> dict[str, tuple[Any, Any]]:
    """``{dotted field or stage: (parent's, arm's)}``, where the parent is the class that the arm subclasses."""
    parent = arm.__bases__[0]
    if not issubclass(parent, Learner) or parent is Learner or not _complete(parent):
        return {}
    found = diff(parent.flatten(), arm.flatten())
    stages = diff(parent.stages(), arm.stages())
    found = {path: pair for path, pair in found.items() if path != "confounded"}
    # a part of the spec's own class is a field that differs already
    return {**found, **{f"{name}()": ("inherited", "overridden") for name in stages if hasattr(arm, name)}}


def differences(arm: Arm) -> list[str]:
    """The things in which an arm differs from its parent; more than one makes it confounded.

    Fields of a part that is one choice (a normalisation policy, say) count as one thing.
    """
    things: list[str] = []
    for path in changes(arm):
        thing = _choice_above(arm, path)
        if thing not in things:
            things.append(thing)
    return things


def _choice_above(arm: Arm, path: str) -> str:
    """The outermost part on the way to ``path`` that was replaced by one of another class, or that is one choice."""
    mine: Any = arm
    theirs: Any = arm.__bases__[0]
    names = path.split(".")
    for depth, name in enumerate(names):
        mine, theirs = getattr(mine, name, None), getattr(theirs, name, None)
        if getattr(mine, "one_choice", False) or type(mine) is not type(theirs):
            return ".".join(names[: depth + 1])
    return path


def _complete(cls: type) -> bool:
    return all(hasattr(cls, name) for name in typing.cast("Arm", cls).field_types())


def _whole(value: object, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(f"{what} is {value!r}; it takes a whole number from 1")


def _unique(names: Sequence[str], kind: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"there are {names.count(name)} {kind}s named '{name}'", hint="Give each its own name")
