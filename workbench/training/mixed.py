"""A step's items mixed with others of the same batch, where the recipe says so."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from workbench.data.loading import Batch
from workbench.data.mixing import Mix, partners
from workbench.errors import FieldError

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State


def mixed(learner: Learner, mix: Mix, x: Any, piece: Batch, state: State) -> tuple[Any, Batch]:
    """A piece's prepared inputs and its batch after mixing; the batch's targets are soft, float32 (b, outputs).

    Args:
        x: the inputs of the piece, float32 of shape (b, c, h, w).
        piece: all of ``state.batch`` or some of it; partners come from the whole.

    Raises:
        FieldError: the data are no pictures, or the target cannot be mixed.
    """
    how, whole = learner.expects, state.batch
    assert whole is not None
    if how.signature.kind != "image":
        raise FieldError(
            f"fit.mix mixes pictures, and the data are of kind '{how.signature.kind}'", hint="Leave fit.mix out."
        )
    seed = learner.seeds.augment
    ring = partners(whole.index, seed=seed, epoch=state.epoch)
    if len(piece) == len(whole):
        others, there = x[ring], ring
    else:
        # an item stands once in a batch, so its place in the whole one is where its index is
        there = ring[(whole.index[None, :] == piece.index[:, None]).int().argmax(dim=1)]
        theirs = Batch(whole.x[there], whole.y[there], whole.index[there])
        others = learner.inputs(theirs, training=True, epoch=state.epoch)
    pictures, share = mix.blend(x, others, piece.index, seed=seed, epoch=state.epoch)
    soft, outputs = how.target.soft, how.signature.outputs
    weight = share[:, None]
    y = soft(piece.y, outputs) * weight + soft(whole.y[there], outputs) * (1 - weight)
    return pictures, dataclasses.replace(piece, y=y)
