"""BLEU of a whole set of sentences (Papineni et al. 2002, "BLEU: a method for automatic evaluation")."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

Sentence = Sequence[Hashable]

ORDER = 4


def bleu(found: Sequence[Sentence], references: Sequence[Sequence[Sentence]], *, order: int = ORDER) -> float:
    """The geometric mean of the clipped n-gram precisions times the brevity penalty, from 0 to 1; not smoothed.

    Args:
        found: the sentences to be judged.
        references: the right ones for each; there may be several.
        order: the longest n-grams that count.
    """
    counts = [clipped(found, references, size) for size in range(1, order + 1)]
    if not all(hits for hits, _ in counts):
        return 0.0
    mean = sum(math.log(hits / total) for hits, total in counts) / order
    return math.exp(mean + min(0.0, 1 - _nearest(found, references) / sum(map(len, found))))


def clipped(found: Sequence[Sentence], references: Sequence[Sequence[Sentence]], size: int) -> tuple[int, int]:
    """How many n-grams of this size stand in a reference, each at most as often as there, and how many there are."""
    hits = total = 0
    for sentence, right in zip(found, references, strict=True):
        here = _grams(sentence, size)
        most: Counter[tuple[Hashable, ...]] = Counter()
        for each in right:
            most |= _grams(each, size)
        hits += (here & most).total()
        total += here.total()
    return hits, total


def _nearest(found: Sequence[Sentence], references: Sequence[Sequence[Sentence]]) -> int:
    """Tokens of the references, for each sentence of the one that is nearest in length, the shorter of two."""
    total = 0
    for sentence, right in zip(found, references, strict=True):
        total += min((abs(len(each) - len(sentence)), len(each)) for each in right)[1]
    return total


def _grams(sentence: Sentence, size: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(tuple(sentence[start : start + size]) for start in range(len(sentence) - size + 1))
