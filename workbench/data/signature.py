"""What a network has to fit: the kind of its input, its sizes, and how many numbers come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "text", "pairs", "table", "ratings"]
"""What an item is: a picture; a text; a text and its translation; a row; a user and what was rated."""


@dataclass(frozen=True)
class Signature:
    """The shape of data, as far as a network depends on it; what does not concern a kind stays at its default.

    Attributes:
        kind: what an item is.
        outputs: how many numbers the head puts out an answer: classes, labels, values, or tokens of a vocabulary.
        channels, size: of pictures; ``size`` is the side in pixels of what the network gets.
        vocabulary: how many token ids texts are made of, the four special ones included.
        each_token: whether there is an answer for every token (a language model) or one for the text.
        longest: tokens of the longest target in training, its end included; free decoding stops at twice that.
        cardinalities: of a table's categorical columns, how many ids each has, 0 (missing or unseen) included.
        numbers: how many numerical columns there are.
        users, things: how many ids of each, 0 (unseen) included.
        limits: the lowest and the highest value that an answer can have; None where there is none.
        tokens: the vocabulary itself, for weights that belong to another one. columns: the names of a table's
            categorical columns, then of its numerical ones.
    """

    kind: Kind
    outputs: int
    channels: int = 0
    size: int = 0
    vocabulary: int = 0
    each_token: bool = False
    longest: int = 0
    cardinalities: tuple[int, ...] = ()
    numbers: int = 0
    users: int = 0
    things: int = 0
    limits: tuple[float, float] | None = None
    tokens: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
