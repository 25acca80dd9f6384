"""What of a batch goes through the network at once, and how much it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.data.loading import Batch
from workbench.training.distributed import Ranks


def pieces(batch: Batch, micro: int | None, count: Callable[[Any], int], ranks: Ranks) -> list[tuple[Batch, float]]:
    """Pieces of at most ``micro`` items of this process's share of the batch, each with its weight.

    Over all pieces of all processes the weights add up to 1: a piece weighs by what the loss is the mean of, which
    ``count`` tells of its targets. A process without an item takes one with weight 0, so that it has gradients to add.
    """
    own = ranks.share(batch)
    if own is None:
        return [(batch.split(1)[0], 0.0)]
    if own is batch and (micro is None or len(batch) <= micro):
        return [(batch, 1.0)]
    whole = count(batch.y)
    return [(piece, count(piece.y) / whole) for piece in (own.split(micro) if micro else [own])]
