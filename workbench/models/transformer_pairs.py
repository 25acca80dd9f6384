"""A transformer that reads a sentence, and one that writes another (Vaswani et al. 2017); norms before each part."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from workbench.data.values import Padded
from workbench.models.memory import Memory, Tensors, Written

HEAD = 32
"""Numbers that one attention head works with."""


def places(first: int, count: int, like: torch.Tensor) -> torch.Tensor:
    """Sinusoids of shape (count, width) for the places from ``first`` on (Vaswani et al. 2017, section 3.5).

    They are defined for every place, so free decoding may get longer than anything in training.
    """
    half = like.shape[-1] // 2
    rates = torch.exp(torch.arange(half, device=like.device) * (-math.log(10_000) / half))
    angles = torch.arange(first, first + count, device=like.device)[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=-1).to(like.dtype)


class Heads(nn.Module):
    """Attention with several heads of :data:`HEAD` numbers; keys and values are made once and can be kept."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.query = nn.Linear(width, width)
        self.pair = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def pairs(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values, each (b, heads, s, HEAD), of x (b, s, width)."""
        keys, values = self.pair(x).chunk(2, dim=-1)
        return self._cut(keys), self._cut(values)

    def forward(
        self, x: torch.Tensor, pairs: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor | None, causal: bool = False
    ) -> torch.Tensor:
        """(b, t, width) for queries from x (b, t, width); ``mask`` (b, s) has True where there is a token."""
        seen = None if mask is None else mask[:, None, None]
        mixed = functional.scaled_dot_product_attention(self._cut(self.query(x)), *pairs, seen, is_causal=causal)
        out: torch.Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def looks(self, x: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The mean of the heads' weights, (b, t, s), which torch's kernel does not give."""
        scores = self._cut(self.query(x)) @ keys.transpose(2, 3) / math.sqrt(HEAD)
        return functional.softmax(scores.masked_fill(~mask[:, None, None], float("-inf")), dim=-1).mean(dim=1)

    def _cut(self, x: torch.Tensor) -> torch.Tensor:
        cut: torch.Tensor = x.unflatten(-1, (self.heads, HEAD)).transpose(1, 2)
        return cut


def _feed_forward(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


class EncoderLayer(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attention = Heads(width)
        self.feed = _feed_forward(width)
        self.dropout = dropout

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(b, s, width) for x of the same shape."""
        normed = self.norms[0](x)
        seen = self.attention(normed, self.attention.pairs(normed), mask)
        x = x + functional.dropout(seen, self.dropout, self.training)
        return x + functional.dropout(self.feed(self.norms[1](x)), self.dropout, self.training)


class DecoderLayer(nn.Module):
    """As :class:`EncoderLayer`, with attention to the source between the two parts."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own = Heads(width)
        self.source = Heads(width)
        self.feed = _feed_forward(width)
        self.dropout = dropout

    def forward(
        self, x: torch.Tensor, kept: Tensors, source: Tensors, mask: torch.Tensor, drop: bool
    ) -> tuple[torch.Tensor, Tensors, torch.Tensor]:
        """(b, t, width), all keys and values of the target so far, and the queries to the source."""
        normed = self.norms[0](x)
        pairs = self.own.pairs(normed)
        if kept[0].shape[2]:
            pairs = (torch.cat((kept[0], pairs[0]), dim=2), torch.cat((kept[1], pairs[1]), dim=2))
        seen = self.own(normed, pairs, None, causal=x.shape[1] > 1)
        x = x + functional.dropout(seen, self.dropout, drop)
        asked = self.norms[1](x)
        x = x + functional.dropout(self.source(asked, (source[0], source[1]), mask), self.dropout, drop)
        return x + functional.dropout(self.feed(self.norms[2](x)), self.dropout, drop), pairs, asked


class TransformerEncoder(nn.Module):
    """Embedded sentences to :class:`Memory`; the sentence as one vector is the mean of its tokens'."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = dropout

    def forward(self, x: torch.Tensor, source: Padded) -> Memory:
        """States for embeddings (b, s, width) of ``source``."""
        x = functional.dropout(x + places(0, x.shape[1], x), self.dropout, self.training)
        mask = source.mask
        for layer in self.layers:
            x = layer(x, mask)
        x = self.norm(x)
        total = torch.where(mask[..., None], x, 0).sum(dim=1, keepdim=True)
        return Memory(x, mask, total / source.lengths[:, None, None])


class TransformerDecoder(nn.Module):
    """Writes on from what it wrote. Without attention to single tokens, the source is one vector for it, their mean."""

    def __init__(self, width: int, layers: int, dropout: float, *, attends: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.attends = attends
        self.dropout = dropout

    def begin(self, memory: Memory) -> tuple[Tensors, Tensors]:
        """The source's keys and values for every layer, and an empty target."""
        states, mask = memory.states, memory.mask
        if not self.attends:
            states, mask = memory.ends, mask[:, :1]
        source = [each for layer in self._each() for each in layer.source.pairs(states)]
        return (mask, *source), tuple(each[:, :, :0] for each in source)

    def forward(self, x: torch.Tensor, fixed: Tensors, state: Tensors, *, drop: bool, look: bool) -> Written:
        """The next places, for the embeddings (b, t, width) of the tokens before them; t is 1 after the first call."""
        mask, *source = fixed
        x = functional.dropout(x + places(state[0].shape[2], x.shape[1], x), self.dropout, drop)
        after: list[torch.Tensor] = []
        for n, layer in enumerate(self._each()):
            own = slice(2 * n, 2 * n + 2)
            x, pairs, asked = layer(x, state[own], tuple(source[own]), mask, drop)
            after.extend(pairs)
        looks = layer.source.looks(asked, source[-2], mask) if self.attends and look else None
        return Written(self.norm(x), tuple(after), looks)

    def _each(self) -> list[DecoderLayer]:
        return [cast("DecoderLayer", layer) for layer in self.layers]
