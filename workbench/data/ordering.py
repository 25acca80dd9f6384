"""The order of an epoch in which what is about as long comes together, so that little of a batch is padding."""

from __future__ import annotations

import torch

from workbench.streams import permutation

POOL = 50
"""Batches that are sorted together: enough that lengths are alike, few enough that chance stays."""


def by_length(lengths: torch.Tensor, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
    """Positions of n items, int64 of shape (n,): chance decides which items meet, and when their batch comes.

    Args:
        lengths: int64 of shape (n,); items of similar numbers share a batch.
        seed, epoch: of the stream (seed, "order", epoch).
        batch: items a batch; the last one may be smaller, and stays the last.
    """
    shuffled = permutation(seed, "order", epoch, n=len(lengths))
    pools = shuffled.split(batch * POOL)
    ordered = torch.cat([pool[lengths[pool].argsort(descending=True, stable=True)] for pool in pools])
    whole = len(lengths) // batch
    mixed = permutation(seed, "order", epoch, "batches", n=whole)
    return torch.cat([ordered[: whole * batch].view(whole, batch)[mixed].flatten(), ordered[whole * batch :]])
