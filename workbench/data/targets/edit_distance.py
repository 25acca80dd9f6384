"""How far two token sequences are apart, for many pairs at once."""

from __future__ import annotations

import torch

from workbench.data.values import END, PAD, UNKNOWN


def lengths(ids: torch.Tensor) -> torch.Tensor:
    """Int64 of shape (n,): how many tokens stand before the first END or PAD in each row of ids (n, t)."""
    over = ((ids == END) | (ids == PAD)).cumsum(dim=1)
    return (over == 0).sum(dim=1)


def edit_distances(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Insertions, deletions and replacements (Levenshtein 1966) that turn each row of one into that of the other.

    A row ends before its first END or PAD. A token that is UNKNOWN equals nothing, not even UNKNOWN.

    Args:
        found: token ids of shape (n, t).
        wanted: token ids of shape (n, u).

    Returns:
        int64 of shape (n,), on the same device, without waiting for it.
    """
    columns = torch.arange(wanted.shape[1] + 1, device=wanted.device)
    row = columns.expand(len(wanted), -1)
    long = lengths(found)
    for place in range(found.shape[1]):
        token = found[:, place : place + 1]
        other = (token != wanted) | (wanted == UNKNOWN)
        first = torch.full_like(row[:, :1], place + 1)
        near = torch.minimum(row[:, 1:] + 1, row[:, :-1] + other)
        # what is left of a cell costs one more a column, so the smallest of (cost - column) is carried along
        best = (torch.cat((first, near), dim=1) - columns).cummin(dim=1).values + columns
        row = torch.where((place < long)[:, None], best, row)
    return row.gather(1, lengths(wanted)[:, None])[:, 0]
