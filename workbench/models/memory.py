"""What passes between the two halves of a network for sentence pairs."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import torch

from workbench.data.values import Padded

Tensors = tuple[torch.Tensor, ...]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """b sentences as the encoder read them.

    Attributes:
        states: float32 of shape (b, s, width), one a token.
        mask: bool of shape (b, s), True where there is a token.
        ends: float32 of shape (b, layers, width): the sentence as one vector a layer, for what has no attention.
    """

    states: torch.Tensor
    mask: torch.Tensor
    ends: torch.Tensor


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Written:
    """t more places of b targets.

    Attributes:
        features: float32 of shape (b, t, width), for the head.
        state: what the decoder goes on from.
        looks: float32 of shape (b, t, s), weights of the source tokens; None where not asked for, or without attention.
    """

    features: torch.Tensor
    state: Tensors
    looks: torch.Tensor | None


class Encoder(Protocol):
    """The half that reads."""

    def __call__(self, x: torch.Tensor, source: Padded, /) -> Memory:
        """``source`` read, from its embeddings (b, s, width)."""
        ...


class Decoder(Protocol):
    """The half that writes: any number of places at once, when the tokens before them are known."""

    def begin(self, memory: Memory) -> tuple[Tensors, Tensors]:
        """What stays the same while a sentence is written, and the state before its first token."""
        ...

    def __call__(self, x: torch.Tensor, fixed: Tensors, state: Tensors, /, *, drop: bool, look: bool) -> Written:
        """The next places, for the embeddings (b, t, width) of the tokens before them; t is 1 but for the first call.

        ``drop``: with dropout. ``look``: with the weights of the source tokens.
        """
        ...
