"""What of a batch goes through the network at once, and how much it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.data.loading import Batch
from workbench.training.distributed import Ranks


def pieces(batch: Batch, micro: int | None, count: Callable[[Any], int], ranks: Ranks) -> list[tuple[Batch, float]]:
    """This process's shares of the batch's pieces of at most ``micro`` items, each with its weight.

    Over all pieces of all processes the weights add up to 1: a piece weighs by what the loss is the mean of, which
    ``count`` tells of its targets. The batch is cut before it is shared, so that what normalises by the piece sees one
    process's pieces, and every process has equally many: where it has no item, one with weight 0.
    """
    if ranks.world == 1 and (micro is None or len(batch) <= micro):
        return [(batch, 1.0)]
    whole = count(batch.y)
    found = []
    for piece in batch.split(micro) if micro else [batch]:
        own = ranks.share(piece)
        found.append((piece.split(1)[0], 0.0) if own is None else (own, count(own.y) / whole))
    return found
