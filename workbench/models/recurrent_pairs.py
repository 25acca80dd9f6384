"""A GRU that reads a sentence in both directions, and one that writes another, with or without attention."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import nn
from torch.nn import functional

from workbench.data.values import Padded
from workbench.models.attention import SCORES, weights
from workbench.models.memory import Memory, Tensors, Written

Attention = Literal["additive", "dot", "none"]


class BothWays(nn.Module):
    """A bidirectional GRU layer for sequences of different lengths: (b, s, inputs) to (b, s, width).

    torch's own needs packed sequences for that, which are made on the host and copied, so that every step would wait
    for the device. Here each sequence is turned around within its length instead; what is behind its end comes after
    it in both directions.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.forwards = nn.GRU(inputs, width // 2, batch_first=True)
        self.backwards = nn.GRU(inputs, width // 2, batch_first=True)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The states (b, s, width), and both directions' last ones (b, width)."""
        turn = _turned(lengths, x.shape[1])[..., None]
        there, _ = self.forwards(x)
        back, _ = self.backwards(x.gather(1, turn.expand(x.shape)))
        last = (lengths - 1)[:, None, None].expand(-1, 1, there.shape[-1])
        ends = torch.cat((there.gather(1, last), back.gather(1, last)), dim=-1)[:, 0]
        return torch.cat((there, back.gather(1, turn.expand(back.shape))), dim=-1), ends


def _turned(lengths: torch.Tensor, width: int) -> torch.Tensor:
    """Int64 (b, width): where each place is read when sequences are turned around; places behind the end stay."""
    places = torch.arange(width, device=lengths.device)[None]
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


class GRUEncoder(nn.Module):
    """Embedded sentences to :class:`Memory`; dropout before every layer."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(BothWays(width, width) for _ in range(layers))
        self.dropout = dropout

    def forward(self, x: torch.Tensor, source: Padded) -> Memory:
        """States of the last layer, and each layer's last state, for embeddings (b, s, width) of ``source``."""
        ends = []
        for layer in self.layers:
            x, last = layer(functional.dropout(x, self.dropout, self.training), source.lengths)
            ends.append(last)
        return Memory(x, source.mask, torch.stack(ends, dim=1))


class GRUDecoder(nn.Module):
    """Writes on from what it wrote: state s_t = GRU(y_{t-1}, s_{t-1}), context c_t by attention with s_t as query, and
    tanh(W [s_t; c_t]) for the head (Luong et al. 2015, equation 5).

    Bahdanau's decoder has the context of the state before in its recurrence. Here it does not, so that with the true
    tokens as input all places are computed at once. Without attention c_t is the encoder's last state, so that the
    network is the same but for the scores.
    """

    def __init__(self, width: int, layers: int, dropout: float, attention: Attention) -> None:
        super().__init__()
        self.bridges = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.layers = nn.ModuleList(nn.GRU(width, width, batch_first=True) for _ in range(layers))
        self.attention = None if attention == "none" else SCORES[attention](width)
        self.mix = nn.Linear(2 * width, width)
        self.dropout = dropout

    def begin(self, memory: Memory) -> tuple[Tensors, Tensors]:
        """What stays the same while a sentence is written, and the state before its first token."""
        state = tuple(torch.tanh(bridge(memory.ends[:, n])) for n, bridge in enumerate(self.bridges))
        if self.attention is None:
            return (memory.ends[:, -1:],), state
        keys = cast("torch.Tensor", self.attention.keys(memory.states))  # type: ignore[operator]
        return (memory.states, keys, memory.mask), state

    def forward(self, x: torch.Tensor, fixed: Tensors, state: Tensors, *, drop: bool, look: bool) -> Written:
        """The next places, for the embeddings (b, t, width) of the tokens before them."""
        after = []
        for layer, before in zip(self.layers, state, strict=True):
            x, last = layer(functional.dropout(x, self.dropout, drop), before[None].contiguous())
            after.append(last[0])
        looks = None
        if self.attention is None:
            context = fixed[0].expand(x.shape)
        else:
            states, keys, mask = fixed
            looks = weights(self.attention(x, keys), mask)
            context = looks @ states
        features = torch.tanh(self.mix(torch.cat((x, context), dim=-1)))
        return Written(functional.dropout(features, self.dropout, drop), tuple(after), looks if look else None)
