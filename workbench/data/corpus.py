"""Texts as token numbers: tokenised once a process, so that a run only has to choose and count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.tokens import Tokens
from workbench.data.values import BEGIN, Ragged
from workbench.data.vocabulary import Vocabulary

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Corpus:
    """n texts, end to end.

    Attributes:
        words: every different token of all texts, in the order of its first use.
        codes: int32 of shape (total,), positions in ``words``.
        counts: int64 of shape (n,), tokens of each text.
    """

    words: tuple[str, ...]
    codes: npt.NDArray[np.int32]
    counts: Numbers

    @classmethod
    def of(cls, texts: Iterable[str], tokens: Tokens) -> Corpus:
        """The texts as ``tokens`` splits them."""
        numbers: dict[str, int] = {}
        pieces: list[npt.NDArray[np.int32]] = []
        for found in tokens.stream(texts):
            pieces.append(np.array([numbers.setdefault(each, len(numbers)) for each in found], dtype=np.int32))
        codes = np.concatenate([*pieces, np.empty(0, dtype=np.int32)])
        return cls(tuple(numbers), codes, np.array([len(each) for each in pieces], dtype=np.int64))

    def vocabulary(self, texts: Sequence[int], *, min_count: int, most: int | None) -> Vocabulary:
        """The vocabulary of the texts at these positions, the training ones; see :meth:`Vocabulary.of`."""
        places, _ = self._places(np.asarray(texts, dtype=np.int64), None)
        seen = np.bincount(self.codes[places], minlength=len(self.words))
        counts = {word: int(count) for word, count in zip(self.words, seen, strict=True)}
        return Vocabulary.counted(counts, min_count=min_count, most=most)

    def encoded(self, texts: Sequence[int], vocabulary: Vocabulary, *, longest: int | None = None) -> Ragged:
        """BEGIN and the ids of the texts at these positions, each cut to ``longest`` tokens, BEGIN included."""
        ids = np.array(vocabulary.encode(self.words), dtype=np.int64)
        places, counts = self._places(np.asarray(texts, dtype=np.int64), longest)
        flat = np.full(len(places) + len(counts), BEGIN, dtype=np.int64)
        inside = np.ones(len(flat), dtype=bool)
        inside[np.cumsum(counts + 1) - counts - 1] = False
        flat[inside] = ids[self.codes[places]]
        return Ragged(torch.from_numpy(flat), torch.from_numpy(counts + 1))

    def _places(self, texts: Numbers, longest: int | None) -> tuple[Numbers, Numbers]:
        """Where the tokens of these texts stand in ``codes``, and how many each has."""
        starts = (np.cumsum(self.counts) - self.counts)[texts]
        counts = self.counts[texts] if longest is None else np.minimum(self.counts[texts], longest - 1)
        shift = np.repeat(starts - (np.cumsum(counts) - counts), counts)
        return np.arange(int(counts.sum()), dtype=np.int64) + shift, counts


def windows(stream: torch.Tensor, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A stream of token ids in pieces, and for each token the one that follows it: both int64 of shape (n, size).

    The last, shorter piece is left out, so that every place has a target. No pieces come of a shorter stream.
    """
    number = max(0, (len(stream) - 1) // size)
    return stream[: number * size].reshape(number, size), stream[1 : number * size + 1].reshape(number, size)
