"""The twelve checks in their order, on a copy of a learner that leaves nothing behind."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from workbench.data.items import Datasets
from workbench.errors import WorkbenchError
from workbench.training.audit.augmentation import augmentation_of_items, augmentation_over_epochs
from workbench.training.audit.duplicates import duplicates
from workbench.training.audit.evaluated import evaluation_inputs
from workbench.training.audit.finding import Finding, Findings
from workbench.training.audit.leaks import leaks
from workbench.training.audit.order import training_order
from workbench.training.audit.outputs import target_and_head
from workbench.training.audit.scale import input_range, normalisation
from workbench.training.audit.splits import class_sets, split_balance
from workbench.training.audit.start import first_steps
from workbench.training.audit.subject import Subject
from workbench.training.device import reproducible
from workbench.training.generators import own_generators

if TYPE_CHECKING:
    from workbench.training.learner import Learner

Check = Callable[[Subject], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "duplicates": duplicates,
    "split balance": split_balance,
    "class sets": class_sets,
    "leaks": leaks,
    "training order": training_order,
    "target and head": target_and_head,
    "evaluation inputs": evaluation_inputs,
    "normalisation": normalisation,
    "input range": input_range,
    "augmentation by epoch": augmentation_over_epochs,
    "augmentation by item": augmentation_of_items,
    "first steps": first_steps,
}
"""By the names that their findings have."""

OF_DATA = ("duplicates", "split balance", "class sets", "leaks")
"""The checks that need no network."""

_STAND_INS: dict[str, Any] = {"epochs": 1, "batch": 32, "lr": 3e-3, "weight_decay": 0.01, "micro": None}
"""For a recipe's "auto": no check depends on them closely, and finding them would cost a range test."""


def audit(
    learner: Learner, *, network: bool = True, report: Callable[[str, int, int], None] = lambda text, done, total: None
) -> Findings:
    """The findings about a learner; a run that follows is bit for bit what it would have been without it.

    Args:
        network: False leaves out what needs one: only the data are looked at.
        report: told the name of each check before it begins, its number from 0, and how many there are.

    Raises:
        DataError, FieldError: as :meth:`Learner.run` would before the first step.
    """
    twin = twin_of(learner)
    names = tuple(CHECKS) if network else OF_DATA
    found: list[Finding] = []
    own = own_generators(twin.seeds.order, "audit", device=twin.device)
    with reproducible(twin.level, twin.threads, twin.device), own:
        state = twin.begin() if network else None
        data = state.data if state else twin.data.load(twin.seeds, twin.root)
        choosing, problem = _choosing(twin)
        found += [] if problem is None else [problem]
        subject = Subject(twin, data, choosing, state)
        for number, name in enumerate(names):
            report(name, number, len(names))
            found += _looked(name, subject, found)
    return Findings(found)


def _looked(name: str, subject: Subject, before: list[Finding]) -> list[Finding]:
    """What a check finds; what is wrong already may keep a later check from looking."""
    wrong = [each.name for each in before if each.state == "wrong"]
    if name == "first steps" and "target and head" in wrong:
        return []  # a loss of targets that do not fit would fail, and not say why
    try:
        return list(CHECKS[name](subject))
    except Exception as error:
        if not wrong:
            raise
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        return [Finding(name, "note", f"could not be looked at ({problem})", f"First mend: {', '.join(wrong)}.")]


def twin_of(learner: Learner) -> Learner:
    """A copy with its own state and recipe; what a subclass keeps of its own is copied whole, where that can be."""
    twin = copy.copy(learner)
    library = {"seeds", "device", "root", "sources", "recipe", "network", "prepared", "state"}
    for name, value in vars(learner).items():
        if name not in library:
            try:
                setattr(twin, name, copy.deepcopy(value))
            except (TypeError, RuntimeError):  # an open file, a lock, a tensor with a history: shared
                continue
    recipe = learner.recipe
    open_ = {name: value for name, value in _STAND_INS.items() if getattr(recipe, name, None) == "auto"}
    twin.fit = twin.recipe = recipe.but(**open_)
    twin.compile = False
    return twin


def _choosing(learner: Learner) -> tuple[Datasets | None, Finding | None]:
    """The data sets with validation items held out, or why there are none."""
    try:
        return learner.data.load(learner.seeds, learner.root, choosing=True), None
    except WorkbenchError as error:
        return None, Finding("split balance", "note", f"no validation items can be held out: {error}")
