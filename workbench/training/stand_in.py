"""The stand-in: weights and buffers that are evaluated in place of the model's own: an average, or the best so far.

It lives in the state (``state.stand_in``), hence in every checkpoint; training goes on with the model's own weights,
and when it has ended the stand-in becomes the model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.training.diagnostics import measure_statistics

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State


@contextlib.contextmanager
def standing_in(learner: Learner, state: State) -> Iterator[None]:
    """Inside, the model has the stand-in's weights and buffers, if there is one; afterwards its own again."""
    if not state.stand_in:
        yield
        return
    own = {name: value.clone() for name, value in state.model.state_dict().items()}
    settle(learner, state)
    try:
        yield
    finally:
        state.model.load_state_dict(own)


def settle(learner: Learner, state: State) -> None:
    """The stand-in, if there is one, becomes the model.

    An average of weights has seen no batch: where batch normalisation follows the data (``Norm(stats="track")``), its
    statistics are measured anew on the training items (Izmailov et al. 2018, "Averaging weights leads to wider optima",
    section 3.2). They become the stand-in's own.
    """
    if not state.stand_in:
        return
    state.model.load_state_dict(state.stand_in)
    if not state.measured:
        if learner.norm.stats == "track" and measure_statistics(learner, state):
            state.stand_in = {name: value.clone() for name, value in state.model.state_dict().items()}
        state.measured = True
