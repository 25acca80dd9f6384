"""Which tokens there are, each with its id: found on the training split, by how often a token occurs."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from workbench.data.values import PAD, UNKNOWN
from workbench.errors import DataError

SPECIAL = ("<pad>", "<unknown>", "<begin>", "<end>")
"""The names of :data:`~workbench.data.values.PAD`, ``UNKNOWN``, ``BEGIN`` and ``END``, ids 0 to 3."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens by id.

    Attributes: tokens: the four special ones, then the others, the commonest first.

    Raises:
        DataError: the tokens do not begin with the special ones, or one stands twice.
    """

    tokens: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.tokens[: len(SPECIAL)] != SPECIAL or len(set(self.tokens)) != len(self.tokens):
            raise DataError("a vocabulary begins with the four special tokens and has every token once")

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """The id of every token."""
        return {token: number for number, token in enumerate(self.tokens)}

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Ids, UNKNOWN for a token that is not in the vocabulary, or that a text writes as a special one is called."""
        ids = self.ids
        return [ids.get(token, UNKNOWN) if token not in SPECIAL else UNKNOWN for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Tokens without padding."""
        return [self.tokens[each] for each in ids if each != PAD]

    def describe(self) -> list[str]:
        """The tokens as a plain list, to be kept beside weights."""
        return list(self.tokens)

    @classmethod
    def restored(cls, values: Sequence[str]) -> Self:
        """What :meth:`describe` described."""
        return cls(tuple(values))

    @classmethod
    def of(cls, sequences: Iterable[Iterable[str]], *, min_count: int = 2, most: int | None = None) -> Self:
        """The vocabulary of training texts: by falling count, equal ones in alphabetical order.

        Args:
            sequences: the tokens of each text, training texts only.
            min_count: rarer tokens are left out; they are what the network learns UNKNOWN from.
            most: size of the vocabulary, the special tokens included; None sets no limit.

        Raises:
            DataError: no token occurs often enough.
        """
        counts: collections.Counter[str] = collections.Counter()
        for each in sequences:
            counts.update(each)
        return cls.counted(counts, min_count=min_count, most=most)

    @classmethod
    def counted(cls, counts: Mapping[str, int], *, min_count: int = 2, most: int | None = None) -> Self:
        """As :meth:`of`, from counts."""
        often = [token for token, count in counts.items() if count >= min_count and token not in SPECIAL]
        if not often:
            raise DataError(
                f"no token occurs {min_count} times in the training texts",
                hint="Set min_count=1, or give more texts.",
            )
        often.sort(key=lambda token: (-counts[token], token))
        return cls((*SPECIAL, *often)[:most])
