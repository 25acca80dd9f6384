"""Attention of a recurrent decoder: which source tokens it looks at for each token that it writes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional


class Additive(nn.Module):
    """Scores v . tanh(W q + U k) (Bahdanau et al. 2015, "Jointly learning to align and translate", appendix A.1.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)

    def keys(self, states: torch.Tensor) -> torch.Tensor:
        """What is the same for all queries: U k, of shape (b, s, width)."""
        keys: torch.Tensor = self.key(states)
        return keys

    def forward(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Scores of shape (b, t, s) for queries (b, t, width) and :meth:`keys` (b, s, width)."""
        mixed = torch.tanh(self.query(queries)[:, :, None] + keys[:, None])
        scores: torch.Tensor = self.score(mixed)[..., 0]
        return scores


class Dot(nn.Module):
    """Scores q . W k (Luong et al. 2015, "Effective approaches", equation 8, "general"), by the root of the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, width, bias=False)

    def keys(self, states: torch.Tensor) -> torch.Tensor:
        """What is the same for all queries: W k, of shape (b, s, width)."""
        keys: torch.Tensor = self.key(states)
        return keys

    def forward(self, queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Scores of shape (b, t, s) for queries (b, t, width) and :meth:`keys` (b, s, width)."""
        scores: torch.Tensor = queries @ keys.transpose(1, 2) / math.sqrt(keys.shape[-1])
        return scores


SCORES: dict[str, Callable[[int], nn.Module]] = {"additive": Additive, "dot": Dot}
"""The kinds of attention by name; each makes the module for a width."""


def weights(scores: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Softmax over the source: (b, t, s) that sum to 1 over the tokens that ``mask`` (b, s) has, 0 behind them."""
    return functional.softmax(scores.masked_fill(~mask[:, None], float("-inf")), dim=-1)
