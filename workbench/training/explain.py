"""The loop in words, with every stage and every hook in its place."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.training.callbacks import EVENTS, Callback, Hooks, listed
from workbench.training.recipes import GradualUnfreeze

if TYPE_CHECKING:
    from workbench.training.learner import Learner

_BESIDE = " | "
"""Between words and what stands beside them."""


class Text(str):
    """A text that a prompt or a notebook shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def explain(learner: Learner, callbacks: Sequence[Callback] = ()) -> Text:
    """What :meth:`Learner.run` does, a line a stage or event, from top to bottom.

    A stage stands with the class whose method runs; an event with what is called there, in that order.
    """
    own = listed(learner.callbacks(), f"{type(learner).__name__}.callbacks()")
    hooks = dict(_split(line) for line in Hooks([*own, *listed(callbacks, "callbacks")]).explain().splitlines())
    lines = [_line(depth, name, hooks, learner) for depth, name in _loop(learner)]
    width = max(len(left) for left, _ in lines) + 2
    return Text("\n".join(f"{left:{width}}{right}".rstrip() for left, right in lines))


def _loop(learner: Learner) -> list[tuple[int, str]]:
    """(depth, stage, event or words) from the first to the last."""
    recipe = learner.recipe
    mix = [] if recipe.mix is None else [(3, "= mix the items")]
    passes = [(3, "inputs"), *mix, (3, "forward"), (3, "loss"), (3, "after_loss"), (3, "= backward")]
    pieces = "each piece of a batch" if recipe.micro is not None or learner.ranks.world > 1 else "the batch"
    validation = [(1, "= evaluate the validation items"), (1, "metrics"), (1, "evaluated")]
    rate = [(0, "= range test of the learning rate")] if _tests_rates(learner) else []
    return [
        *rate,
        (0, "= load data, build the model"),
        (0, "groups"),
        (0, "optimizer"),
        (0, "callbacks"),
        (0, "begin"),
        *([(0, "= measure batch-norm statistics")] if learner.recalibrate == "before" else []),
        (0, f"= for each of {recipe.epochs} epochs:"),
        (1, "= train mode, normalisation policy"),
        (1, "epoch_begin"),
        (1, f"= for each batch of {recipe.batch} items:"),
        *_unfreezing(learner),
        (2, "step_begin"),
        (2, "step"),
        (2, f"= for {pieces}:"),
        *passes,
        *([(2, "= add up gradients over processes")] if learner.ranks.world > 1 else []),
        (2, "after_backward"),
        *([(2, f"= clip gradients to {recipe.clip}")] if recipe.clip is not None else []),
        (2, "= update"),
        (2, "step_end"),
        *(validation if learner.validate == "epoch" else []),
        (1, "epoch_end"),
        *([(0, "= measure batch-norm statistics")] if learner.recalibrate == "after" else []),
        (0, "= evaluate the test items"),
        (0, "metrics"),
        *((0, f"= diagnostic {name}") for name in learner.diagnostics),
        (0, "evaluated"),
        (0, "end"),
    ]


def _unfreezing(learner: Learner) -> list[tuple[int, str]]:
    """Which layer group begins to train when; in steps once the network is built."""
    recipe, state = learner.recipe, learner.state
    if not isinstance(recipe.trained(0.0, 1), int):
        return []
    if state is not None:
        names = [name for name, _ in state.model.groups()][::-1]  # type: ignore[operator]
        steps = range(state.steps)
        begins = [
            bisect.bisect_left(steps, count, key=lambda step: int(recipe.trained(step / len(steps), len(names))))
            for count in range(1, len(names) + 1)
        ]
        when = ", ".join(
            f"{name} from step {step + 1}" if step < len(steps) else f"{name} never"
            for name, step in zip(names, begins, strict=True)
        )
        when += f" ({len(steps)} in all)"
    elif isinstance(recipe, GradualUnfreeze) and recipe.every is not None:
        when = f"the head at once, the next group below it after each {recipe.every:.0%} of the run"
    elif isinstance(recipe, GradualUnfreeze):
        when = "the head at once, then group by group in equal shares, everything from the middle of the run on"
    else:
        when = f"as {type(recipe).__name__}.trained() says"
    return [(2, f"= train one more layer group when it is due{_BESIDE}{when}")]


def _tests_rates(learner: Learner) -> bool:
    """Whether a range test finds the rate; while nothing is resolved, as far as the data's class tells."""
    if learner.found is not None:
        return learner.found.tested is not None
    from workbench.data.ratings import Ratings
    from workbench.data.tables import Table
    from workbench.data.texts import Texts

    ruled = isinstance(learner.data, Table | Ratings) or (isinstance(learner.data, Texts) and learner.data.target)
    return learner.fit.lr == "auto" and not ruled


def _line(depth: int, name: str, hooks: dict[str, str], learner: Learner) -> tuple[str, str]:
    indent = "  " * depth
    if name.startswith("= "):
        left, _, right = name.removeprefix("= ").partition(_BESIDE)
        return indent + left, right
    if name in EVENTS:
        return f"{indent}* {name}", hooks[name]
    return indent + name, str(getattr(type(learner), name).__qualname__)


def _split(line: str) -> tuple[str, str]:
    event, _, what = line.partition(" ")
    return event, what.strip()
