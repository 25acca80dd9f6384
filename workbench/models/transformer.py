"""An attending body for texts: a transformer that sees the tokens up to each place (Radford et al. 2018, GPT)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from workbench.models.groups import Groups

HEAD = 32
"""Numbers that one attention head works with."""


class TransformerBody(nn.Module):
    """Token ids (b, t) to states (b, t, width), each made of the tokens up to its own place.

    Layers are normalised before each part; places come in by rotation of queries and keys (Su et al. 2021,
    RoFormer), so a text may be longer than any in training.

    Args:
        vocabulary: how many token ids there are.
        width: of embeddings and states; a multiple of :data:`HEAD`.
        layers: how many layers of attention and feed-forward.
        dropout: the rate at the input, at both parts of every layer, and of attention weights.
    """

    def __init__(self, vocabulary: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.layers = nn.ModuleList(Layer(width, layers, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """States of shape (b, t, width)."""
        x, turn = self._begin(ids)
        for layer in self.layers:
            x = layer(x, turn)
        states: torch.Tensor = self.norm(x)
        return states

    def attention(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """What each place looks at: float32 of shape (b, heads, t, t) a layer; rows sum to 1 over earlier places."""
        x, turn = self._begin(ids)
        found = []
        for layer in self.layers:
            assert isinstance(layer, Layer)
            found.append(layer.weights(x, turn))
            x = layer(x, turn)
        return found

    def groups(self) -> Groups:
        """The embedding, then one group a layer; the last normalisation belongs to the last layer."""
        layers: Groups = [(f"layer{number}", [layer]) for number, layer in enumerate(self.layers, 1)]
        layers[-1][1].append(self.norm)
        return [("embedding", [self.embedding]), *layers]

    def _begin(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # the embedding is small enough to be the head as well, so it is brought to the layers' scale here
        x = self.embedding(ids) * self.embedding.embedding_dim**0.5
        return functional.dropout(x, self.dropout, self.training), _turn(ids.shape[1], x)


class Layer(nn.Module):
    """x + attention(norm x), then x + feed-forward(norm x)."""

    def __init__(self, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.before = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.inner = nn.Linear(width, 4 * width)
        self.outer = nn.Linear(4 * width, width)
        with torch.no_grad():  # what is added to the stream grows with the depth (Radford et al. 2019, GPT-2)
            self.out.weight.mul_((2 * layers) ** -0.5)
            self.outer.weight.mul_((2 * layers) ** -0.5)

    def forward(self, x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """(b, t, width) for x of the same shape; ``turn`` as :func:`_turn` gives."""
        query, key, value = self._split(x, turn)
        rate = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(query, key, value, dropout_p=rate, is_causal=True)
        x = x + functional.dropout(self.out(seen.transpose(1, 2).flatten(2)), rate)
        return x + functional.dropout(self.outer(functional.gelu(self.inner(self.between(x)))), rate)

    def weights(self, x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        """The attention weights (b, heads, t, t), which torch's kernel does not give."""
        query, key, _ = self._split(x, turn)
        scores = query @ key.transpose(2, 3) * HEAD**-0.5
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        return functional.softmax(scores.masked_fill(later, float("-inf")), dim=-1)

    def _split(self, x: torch.Tensor, turn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        parts = self.queries_keys_values(self.before(x)).unflatten(-1, (3, -1, HEAD)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        return _turned(query, turn), _turned(key, turn), value


def _turn(places: int, like: torch.Tensor) -> torch.Tensor:
    """Cosines and sines of shape (2, places, HEAD / 2): how far each pair of numbers turns at each place."""
    rates = 10_000 ** -(torch.arange(0, HEAD, 2, device=like.device) / HEAD)
    angles = torch.arange(places, device=like.device)[:, None] * rates
    return torch.stack((angles.cos(), angles.sin())).to(like.dtype)


def _turned(x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    cosine, sine = turn
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)
