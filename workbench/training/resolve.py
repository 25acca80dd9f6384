"""``"auto"``: found once, on the baseline, shown as setting / value / why, and shared by every arm.

Were each arm to find its own, "auto" would be a hidden second difference between them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.data.items import Datasets
from workbench.models.choice import choose
from workbench.models.model import Model
from workbench.parts import Part
from workbench.streams import Seeds
from workbench.training import rows as of_rows
from workbench.training.learner import Learner
from workbench.training.memory import fitting_micro, step_fits
from workbench.training.optim import auto_weight_decay
from workbench.training.range_test import RangeTest, range_test
from workbench.training.recipes import Recipe
from workbench.training.trials import Trial, finish, tried

_TEXTS = 3e-3
"""Measured on validation texts with the default network: 1,600 short reviews of films, two draws, have errors 0.30 and
0.34 (with 0.01: 0.33, 0.37; with a range test's 0.0003 and 0.0001: 0.42, 0.48); other texts were given up to 0.14."""

_PICTURES = 600
"""Steps for pictures and random weights. Measured on validation pictures of clothing: of 2,000, errors of 0.166 after
300 steps and 0.146 after 600 (0.17 after 1,200); of 10,000, 0.122 and 0.104."""

_PAIRS = 4e-3
"""Measured on validation pairs, 4,000 of each, 1,000 steps: English words and their phonemes have error 0.210 with
0.003, 0.217 with 0.005, French sentences 0.475 and 0.467 (with 0.01: 0.505). A range test's 0.036 and 0.0029 over 300
steps came to 0.52 and 0.60."""


@dataclass(frozen=True)
class Setting:
    """One resolved setting: dotted path, value, and the reason in words."""

    name: str
    value: Any
    why: str


@dataclass(frozen=True)
class Resolved:
    """What ``"auto"`` became: ``changes`` as :meth:`Learner.but` takes them, the rows to show, the metrics' names.

    Shown at a prompt or in a notebook, it is the table of settings. ``tested`` is the range test that found the rate,
    with its curve; None where the rate was given or follows from a rule.
    """

    changes: dict[str, Any]
    settings: tuple[Setting, ...]
    measured: tuple[str, ...]
    tested: RangeTest | None = None

    def __str__(self) -> str:
        from tabulate import tabulate

        rows = [(each.name, each.value, each.why) for each in self.settings]
        return tabulate(rows, ("setting", "value", "why"), disable_numparse=True)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from tabulate import tabulate

        rows = [(each.name, each.value, each.why) for each in self.settings]
        return str(tabulate(rows, ("setting", "value", "why"), tablefmt="html", disable_numparse=True))


def resolve(
    arm: type[Learner],
    *,
    seeds: Seeds,
    root: Path,
    sources: Mapping[str, Path] | None = None,
    device: str = "auto",
    threads: int = 1,
) -> Resolved:
    """Finds every ``"auto"`` of an arm's model and recipe, and says what follows from the data and the weights.

    Batch: 32 below 5,000 training items and for windows of a language model, else 128. Epochs: as many as give 300
    steps (pictures and random weights: 600; a language model, pairs of texts: 1,000), from 3 to 20. Micro batch, on a
    GPU: the batch, halved until a step fits into its memory. Learning rate: a range test with the batch just found;
    answers about whole texts: 0.003; pairs of texts: 0.004. Weight decay: see
    :func:`workbench.training.optim.auto_weight_decay`. Rows of tables and ratings: see
    :mod:`workbench.training.rows`.
    """
    return finish(resolving(arm(seeds, device=device, threads=threads, root=root, sources=sources)))


def resolving(asked: Learner) -> Generator[Trial, None, Resolved]:
    """:func:`resolve` for this learner's class, seeds, device and places, trial by trial; itself it stays as it is."""
    arm = type(asked)

    def make(**changes: Any) -> Learner:
        cls = arm.but(**{**_placeholders(arm), **changes})
        return cls(asked.seeds, device=str(asked.device), threads=asked.threads, root=asked.root, sources=asked.sources)

    learner = make()
    data = learner.data.load(learner.seeds, learner.root, choosing=arm.validate == "epoch")
    tested = None
    changes: dict[str, Any] = {}
    rows: list[Setting] = []

    def settle(name: str, value: Any, why: str) -> None:
        changes[name.replace(".", "__")] = value
        rows.append(Setting(name, repr(value) if isinstance(value, Part) else value, why))

    if arm.model == "auto":
        settle("model", *_choice(data, learner.root))
    if arm.fit.batch == "auto":
        settle("fit.batch", *_without_single_items(data, *_batch(data)))
    steps = math.ceil(len(data.train) / int(changes.get("fit__batch", arm.fit.batch)))
    if arm.fit.epochs == "auto":
        settle("fit.epochs", *_epochs(data, steps, changes.get("model", arm.model)))
    if _asks_for_micro(learner, arm.fit):
        settle("fit.micro", *(yield from _micro(make, changes)))
    if arm.fit.lr == "auto" and (ruled := _rate(data)):
        settle("fit.lr", *ruled)
    elif arm.fit.lr == "auto":
        tested = yield from tried(functools.partial(range_test, make(**changes)))
        settle("fit.lr", tested.suggestion, tested.why)
    if arm.fit.finds_decay:
        settle("fit.weight_decay", *_weight_decay(make(**changes), steps))
    return Resolved(changes, (*rows, *inferred(learner, data)), data.target.names, tested)


def resolved(learner: Learner) -> Resolved:
    """What "auto" becomes for a learner that runs alone, found once; a study resolves once for all its arms."""
    if learner.found is None:
        learner.found = finish(resolving(learner))
    return learner.found


def _placeholders(arm: type[Learner]) -> dict[str, Any]:
    """Values for what is still "auto", until it is found."""
    values = {"epochs": 1, "batch": 32, "lr": 1e-3, "weight_decay": 0.01, "micro": None}
    return {f"fit__{name}": value for name, value in values.items() if getattr(arm.fit, name) == "auto"}


def _choice(data: Datasets, root: Path) -> tuple[Model, str]:
    choice = choose(data.signature, len(data.train), root)
    return choice.model, choice.why


def _batch(data: Datasets) -> tuple[int, str]:
    items = len(data.train)
    if data.signature.kind in of_rows.KINDS:
        return of_rows.batch(data)
    if data.signature.each_token:
        return 32, "a window holds many answers"
    few = items < 5_000
    return 32 if few else 128, f"{items:,} training items ({'below' if few else 'from'} 5,000)"


def _without_single_items(data: Datasets, batch: int, why: str) -> tuple[int, str]:
    """A little smaller where an epoch would end with a step on one row or text, which batch normalisation refuses."""
    items, size = len(data.train), batch
    if data.signature.kind == "table" or (data.signature.kind == "text" and not data.signature.each_token):
        while size > 2 and items % size == 1:
            size -= 1
    return size, why if size == batch else f"{why}; {batch} would leave a step on one item"


def _epochs(data: Datasets, steps: int, model: Model) -> tuple[int, str]:
    if data.signature.kind in of_rows.KINDS:
        return of_rows.epochs(data, steps)
    wanted = 300
    if data.signature.each_token or data.signature.kind == "pairs":
        wanted = 1_000
    elif data.signature.kind == "image" and not model.starts_from_weights:
        wanted = _PICTURES
    epochs = min(20, max(3, round(wanted / steps)))
    return epochs, f"about {wanted:,} steps at {steps} an epoch, kept from 3 to 20"


def _rate(data: Datasets) -> tuple[float, str] | None:
    """A rate by rule where a range test misleads: its sixty steps end before the loss of whole texts begins to fall."""
    if data.signature.kind in of_rows.KINDS:
        return of_rows.rate()
    if data.signature.kind == "text" and not data.signature.each_token:
        return _TEXTS, "what suits answers about whole texts; a range test ends before their loss has begun to fall"
    if data.signature.kind == "pairs":
        return _PAIRS, "what suits pairs of texts; a range test ends before source and target have met"
    return None


def _weight_decay(learner: Learner, steps: int) -> tuple[float, str]:
    model, recipe = learner.model, learner.fit
    trained = isinstance(model, Model) and model.starts_from_weights
    return auto_weight_decay(recipe, steps=steps * int(recipe.epochs), pretrained=trained)


def _asks_for_micro(learner: Learner, recipe: Recipe) -> bool:
    """An automatic batch has to fit, too; but only a GPU's memory is a limit worth trying."""
    return recipe.micro == "auto" or (recipe.batch == "auto" and recipe.micro is None and learner.device.type == "cuda")


def _micro(make: Callable[..., Learner], changes: dict[str, Any]) -> Generator[Trial, None, tuple[int | None, str]]:
    learner = make(**changes)
    if learner.device.type != "cuda":
        return None, "the whole batch at once: there is no GPU whose memory it has to fit into"
    found = yield from fitting_micro(
        learner.batch_size, lambda size: functools.partial(step_fits, make(**{**changes, "fit__micro": size}))
    )
    if found is None:
        return None, "a step on the whole batch fits into the GPU's memory"
    return found, f"halved until a step on {learner.batch_size} items fits into the GPU's memory"


def inferred(learner: Learner, data: Datasets) -> tuple[Setting, ...]:
    """Settings that follow from the target, the data and the weights, with the reason."""
    state = learner.begin()
    rows = [*data.why, *data.target.describe(data.classes), *learner.expects.preparation.rows()]
    trainable = sum(p.numel() for p in state.model.parameters() if p.requires_grad)
    groups = isinstance(learner.trains, int)
    rows.append(("trainable", trainable, "the head at first" if groups else f"scope '{learner.recipe.scope}'"))
    if learner.fit.body_lr is None and learner.recipe.body_lr != 1:
        rows.append(("fit.body_lr", learner.recipe.body_lr, "a gentler rate below the fresh head than in it"))
    if learner.numbers.name != "float32":
        rows.append(("precision", learner.numbers.name, learner.numbers.why))
    return tuple(Setting(*row) for row in rows)
