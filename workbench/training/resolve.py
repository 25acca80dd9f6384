"""``"auto"``: found once, on the baseline, shown as setting / value / why, and shared by every arm.

Were each arm to find its own, "auto" would be a hidden second difference between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.items import Datasets
from workbench.models.choice import choose
from workbench.streams import Seeds
from workbench.training.learner import Learner
from workbench.training.range_test import range_test


@dataclass(frozen=True)
class Setting:
    """One resolved setting: dotted path, value, and the reason in words."""

    name: str
    value: Any
    why: str


@dataclass(frozen=True)
class Resolved:
    """What ``"auto"`` became: ``changes`` as :meth:`Learner.but` takes them, the rows to show, the metrics' names."""

    changes: dict[str, Any]
    settings: tuple[Setting, ...]
    measured: tuple[str, ...]


def resolve(
    arm: type[Learner],
    *,
    seeds: Seeds,
    root: Path,
    sources: Mapping[str, Path] | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Resolved:
    """Finds every ``"auto"`` of an arm's recipe, and says what follows from the data and the weights.

    Batch: 32 below 5,000 training items, else 128. Epochs: as many as give 300 steps, from 3 to 20. Learning rate: a
    range test with the batch just found.
    """
    fixed: dict[str, Any] = {"fit__epochs": 1, "fit__batch": 32, "fit__lr": 1e-3}
    learner = arm.but(**fixed)(seeds, device=device, threads=threads, root=root, sources=sources)
    data = learner.data.load(seeds, root)
    changes: dict[str, Any] = {}
    rows: list[Setting] = []
    items = len(data.train)
    if arm.model == "auto":
        choice = choose(data.signature, items, root)
        changes["model"] = choice.model
        rows.append(Setting("model", repr(choice.model), choice.why))
    batch = arm.fit.batch
    if batch == "auto":
        batch = 32 if items < 5_000 else 128
        changes["fit__batch"] = batch
        rows.append(
            Setting("fit.batch", batch, f"{items:,} training items ({'below' if items < 5_000 else 'from'} 5,000)")
        )
    if arm.fit.epochs == "auto":
        steps = math.ceil(items / batch)
        epochs = min(20, max(3, round(300 / steps)))
        changes["fit__epochs"] = epochs
        rows.append(Setting("fit.epochs", epochs, f"about 300 steps at {steps} an epoch, kept from 3 to 20"))
    if arm.fit.lr == "auto":
        tested = range_test(
            arm.but(**{**fixed, **changes})(seeds, device=device, threads=threads, root=root, sources=sources)
        )
        changes["fit__lr"] = tested.suggestion
        rows.append(Setting("fit.lr", tested.suggestion, tested.why))
    return Resolved(changes, tuple(rows) + inferred(learner, data), data.target.names)


def inferred(learner: Learner, data: Datasets) -> tuple[Setting, ...]:
    """Settings that follow from the target, the data and the weights, with the reason."""
    state = learner.begin()
    rows = [*data.why, *data.target.describe(data.classes), *learner.expects.preparation.rows()]
    trainable = sum(p.numel() for p in state.model.parameters() if p.requires_grad)
    rows.append(("trainable", trainable, f"scope '{learner.recipe.scope}'"))
    return tuple(Setting(*row) for row in rows)
