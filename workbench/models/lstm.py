"""A recurrent body for texts: LSTM layers with the dropouts of AWD-LSTM (Merity et al. 2018)."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from workbench.models.groups import Groups

BETWEEN, WEIGHTS, WORDS = 0.75, 1.25, 0.25
"""Rates between layers, of recurrent weights and of whole words, as shares of the rate at input and output: the
proportions of the paper's section 5 (0.4 with 0.3, 0.5 and 0.1)."""


class LSTMBody(nn.Module):
    """Token ids (b, t) to states (b, t, width), each made of the tokens up to its own place.

    While training, whole words are dropped from the vocabulary, the same numbers at every place of a text (locked
    dropout, Gal & Ghahramani 2016) and recurrent weights (DropConnect), all drawn from torch's generator, which the
    loop seeds by the step.

    From the second layer on, what goes in is added to what comes out (GNMT, Wu et al. 2016): without it two layers
    need several epochs to get going.

    Args:
        vocabulary: how many token ids there are.
        width: of embeddings and states, so that the embedding can serve as the head.
        layers: how many LSTMs, one on top of the other.
        dropout: the rate at input and output; the others follow in the paper's proportions.
    """

    def __init__(self, vocabulary: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.layers = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(layers))
        with torch.no_grad():  # the forget gates start open (Jozefowicz et al. 2015)
            for layer in self.layers:
                layer.get_parameter("bias_hh_l0")[width : 2 * width].fill_(1.0)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """States of shape (b, t, width)."""
        x = self._locked(self._embedded(ids), self.dropout)
        for number, layer in enumerate(self.layers, 1):
            read = self._run(layer, x)
            x = read if number == 1 else read + x
            x = self._locked(x, self.dropout * (1 if number == len(self.layers) else BETWEEN))
        return x

    def groups(self) -> Groups:
        """The embedding, then one group a layer."""
        layers: Groups = [(f"layer{number}", [layer]) for number, layer in enumerate(self.layers, 1)]
        return [("embedding", [self.embedding]), *layers]

    def _embedded(self, ids: torch.Tensor) -> torch.Tensor:
        # the embedding is small enough to be the head as well, so it is brought to the layers' scale here
        vectors: torch.Tensor = self.embedding(ids) * self.embedding.embedding_dim**0.5
        if not self._drops:
            return vectors
        # one draw a word of the vocabulary: a dropped word is missing wherever it stands in the batch
        kept = functional.dropout(vectors.new_ones(self.embedding.num_embeddings), self.dropout * WORDS)
        return vectors * kept[ids][..., None]

    def _locked(self, x: torch.Tensor, rate: float) -> torch.Tensor:
        return x * functional.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), rate) if self._drops else x

    def _run(self, layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
        weights: list[torch.Tensor] = [layer.get_parameter(name) for name in _WEIGHTS]
        if self._drops:
            weights[1] = functional.dropout(weights[1], self.dropout * WEIGHTS)
        zero = x.new_zeros(1, x.shape[0], x.shape[2])
        with _scattered(x.device):
            states: torch.Tensor = torch.lstm(x, (zero, zero), weights, True, 1, 0.0, self.training, False, True)[0]
        return states

    @property
    def _drops(self) -> bool:
        return self.training and self.dropout > 0


_WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@contextlib.contextmanager
def _scattered(device: torch.device) -> Iterator[None]:
    """Without cuDNN's warning that the weights do not lie in one piece: weights just drawn cannot."""
    if device.type != "cuda":
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
        yield
