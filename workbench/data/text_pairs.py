"""Sentence pairs: a text, and what is to be written for it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import torch
from torch import nn

from workbench.data.corpus import Corpus
from workbench.data.encoding import Encoder
from workbench.data.forced import FeedTargets
from workbench.data.items import Data, Datasets, Items, check_count
from workbench.data.ordering import by_length
from workbench.data.pair_files import Pairs, read_pairs
from workbench.data.signature import Signature
from workbench.data.split import Division, Split, divide
from workbench.data.table_files import hold, require_file, stamp
from workbench.data.targets.base import Row
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.targets.written_sequence import WrittenSequence
from workbench.data.tokens import Tokens
from workbench.data.values import BEGIN, END, Ragged
from workbench.data.vocabulary import Vocabulary
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds, permutation

if TYPE_CHECKING:
    import pandas as pd

Level = Literal["auto", "words", "characters", "spaces"]

_SINGLE = 0.05
"""Where fewer texts than this share have a space, they are words to be spelt."""

_SYMBOLS = 200
"""A language that writes with no more different signs than this between spaces has an alphabet, not words."""


class TextPairs(Data):
    """A text and its translation, a spelling and its sounds: two columns of a table, or two files of lines.

    ``path``: a .tsv, .csv or .parquet file relative to the project's root, or two .txt files whose lines belong
    together, the sources' first. ``columns``: of source and target; None takes the first two. ``split``: which pairs
    are the test; "auto" follows a column "split" of train and test, else pairs with the same source are never divided.
    ``train``: how many training pairs, drawn from the
    stream (seeds.subset, "subset"). ``source_tokens``, ``target_tokens``: "words" (capitals as they are: a mark for
    them would count as a token in every score), "characters", "spaces" (what stands between them, e.g. phonemes), or a
    ``Tokens(...)``; "auto" tells it from the texts. ``min_count``, ``most``: each vocabulary has the tokens that
    occur so often in the training pairs, the ``most`` commonest. ``longest``: pairs with more tokens on either side
    are left out, of the test as well.

    Raises:
        FieldError: counts that cannot be, columns that are not two, or a target that is no sequence.
    """

    path: str | tuple[str, str] = field(kw_only=False)
    columns: tuple[str, str] | None = None
    split: Split = Split()
    train: int | None = None
    source_tokens: Tokens | Level = "auto"
    target_tokens: Tokens | Level = "auto"
    min_count: int = 2
    most: int | None = 20_000
    longest: int | None = None

    def check(self) -> None:
        """Refuse counts that cannot be, and targets that are no sequence."""
        super().check()
        for name, least in (("train", 1), ("min_count", 1), ("most", 5), ("longest", 1)):
            check_count(self, name, least)
        if self.columns is not None and len(set(self.columns)) < 2:
            raise FieldError(f"TextPairs.columns is {self.columns!r}; it takes two different names")
        if self.target != "auto" and not isinstance(self.target, TokenSequence):
            raise FieldError(
                f"TextPairs.target is {self.target!r}, but what is predicted is a text", hint="Leave target out."
            )

    @classmethod
    def of(cls, frame: pd.DataFrame, **fields: Any) -> Self:
        """The pairs of a frame in memory, e.g. in a notebook."""
        return cls(hold(frame), **fields)

    def files(self) -> tuple[str, ...]:
        """The table, or the two text files; raises :class:`FieldError` for a frame in memory, which nothing pins."""
        return tuple(require_file(name) for name in self._paths())

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        paths = self._paths()
        state = tuple(stamp(root, name) for name in paths)
        read = _read(root, paths, self.columns, self.split, (self.source_tokens, self.target_tokens), state)
        short = read.up_to(self.longest, " and ".join(paths))
        keys = [read.keys[n] for n in short.tolist()]
        part = None if read.pairs.part is None else [read.pairs.part[n] for n in short.tolist()]
        split = self.split if read.pairs.column is None else self.split.but(column=read.pairs.column)
        division = divide(keys, split, column=part, validation=self.validation, choosing=choosing)
        train = short[division.train]
        if self.train is not None:
            train = train[_drawn(self.train, len(train), seeds)]
        source, target = (
            side.vocabulary(train.tolist(), min_count=self.min_count, most=self.most) for side in read.sides
        )
        items = functools.partial(_items, read, source, target)
        found = items(train)
        signature = Signature(
            "pairs", len(target), vocabulary=len(source), longest=int(found.targets.counts.max()), tokens=source.tokens
        )
        return Datasets(
            train=found,
            validation=None if division.validation is None else items(short[division.validation]),
            test=items(short[division.test]),
            classes=target.tokens,
            target=WrittenSequence(tokens=read.tokens[1]),
            signature=signature,
            encoder=PairEncoder(read.tokens[0], source),
            why=(*read.why, *_why(self, read, short, division, source, target)),
        )

    def preparation(self, data: Datasets, model: nn.Module) -> FeedTargets:
        """Training hands the target in as often as the model's ``forcing`` says; a model without one gets it always."""
        return FeedTargets(getattr(model, "forcing", None))

    def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
        """A random order in which a batch's targets, and then its sources, are about as long as each other."""
        sources, targets = items.inputs.counts, items.targets.counts
        return by_length(targets * (int(sources.max()) + 1) + sources, seed=seed, epoch=epoch, batch=batch)

    def _paths(self) -> tuple[str, ...]:
        return (self.path,) if isinstance(self.path, str) else self.path


class PairEncoder(Encoder):
    """From source texts to token ids that end with END.

    Args:
        tokens: how a text is split.
        vocabulary: the training sources'.
    """

    def __init__(self, tokens: Tokens, vocabulary: Vocabulary) -> None:
        self.tokens = tokens
        self.vocabulary = vocabulary

    def encode(self, items: Sequence[Any]) -> Ragged:
        """Texts as :class:`Ragged`. Raises :class:`DataError` for what is no text."""
        for number, each in enumerate(items):
            if not isinstance(each, str):
                raise DataError(f"item {number} is {type(each).__name__}, not a text", hint="Pass a list of str.")
        return Ragged.of([[*self.vocabulary.encode(each), END] for each in self.tokens.stream(items)])

    def show(self, inputs: Any, position: int) -> str:
        """The source text as the network sees it: rare tokens are <unknown>."""
        ids = inputs[torch.tensor([position])].ids[0].tolist()
        return self.tokens.join(each for each in self.vocabulary.decode(ids) if each != self.vocabulary.tokens[END])

    def describe(self) -> dict[str, Any]:
        """Tokens and vocabulary."""
        return {"tokens": self.tokens.describe(), "vocabulary": self.vocabulary.describe()}

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """What :meth:`describe` described."""
        return cls(Tokens.restored(values["tokens"]), Vocabulary.restored(values["vocabulary"]))


@dataclass(frozen=True, eq=False)
class _Read:
    """The pairs of a file, tokenised.

    Attributes:
        keys: 16 hexadecimal digits a pair, of the source's content.
        tokens, sides: how sources and targets are split, and the two split.
        why: the same in words.
    """

    pairs: Pairs
    keys: tuple[str, ...]
    tokens: tuple[Tokens, Tokens]
    sides: tuple[Corpus, Corpus]
    why: tuple[Row, ...]

    def up_to(self, longest: int | None, where: str) -> torch.Tensor:
        """Positions, int64, of the pairs with 1 to ``longest`` tokens on both sides."""
        counts = [torch.from_numpy(side.counts) for side in self.sides]
        fits = (counts[0] > 0) & (counts[1] > 0)
        if longest is not None:
            fits &= (counts[0] <= longest) & (counts[1] <= longest)
        found = fits.nonzero().flatten()
        if not len(found):
            raise DataError(f"no pair has 1 to {longest} tokens on both sides", where=where, hint="Raise longest.")
        return found


@functools.lru_cache(maxsize=2)
def _read(
    root: Path,
    paths: tuple[str, ...],
    columns: tuple[str, str] | None,
    split: Split,
    levels: tuple[Tokens | Level, Tokens | Level],
    state: Any,
) -> _Read:
    """Kept for the process: an experiment loads the same file for every run; ``state`` changes when the file does."""
    pairs = read_pairs(root, paths, columns, split)
    keys = tuple(hashlib.blake2b(each.encode(), digest_size=8).hexdigest() for each in pairs.sources)
    texts = (pairs.sources, pairs.targets)
    told = [_tokens(level, side) for level, side in zip(levels, texts, strict=True)]
    why = [("data.columns", " -> ".join(pairs.names), "source and target")]
    for side, (each, reason) in zip(("source", "target"), told, strict=True):
        why.append((f"data.{side}_tokens", each.level, reason))
    tokens = (told[0][0], told[1][0])
    sides = (Corpus.of(texts[0], tokens[0]), Corpus.of(texts[1], tokens[1]))
    return _Read(pairs, keys, tokens, sides, (*why, *pairs.found))


def _tokens(level: Tokens | Level, texts: Sequence[str]) -> tuple[Tokens, str]:
    """How texts are split, and why so."""
    if isinstance(level, Tokens):
        return level, "as asked for"
    if level != "auto":
        return Tokens(level=level, lower=False), "as asked for"
    spaced = sum(" " in each for each in texts)
    if spaced < _SINGLE * len(texts):
        return Tokens(level="characters", lower=False), f"{spaced:,} of {len(texts):,} texts have a space"
    signs = {sign for each in texts for sign in each.split()}
    if len(signs) <= _SYMBOLS and len(texts) > _SYMBOLS:
        return Tokens(level="spaces", lower=False), f"{len(signs)} different signs stand between spaces"
    return Tokens(level="words", lower=False), "texts with spaces"


def _drawn(total: int, there: int, seeds: Seeds) -> torch.Tensor:
    if total > there:
        raise FieldError(f"train is {total}, but there are {there} training pairs", hint="Ask for fewer.")
    return permutation(seeds.subset, "subset", n=there)[:total].sort().values


def _items(read: _Read, source: Vocabulary, target: Vocabulary, index: torch.Tensor) -> Items:
    """The pairs at these positions; both sides end with END."""
    places = index.tolist()
    inputs, targets = (
        _ended(side.encoded(places, vocabulary)) for side, vocabulary in zip(read.sides, (source, target), strict=True)
    )
    return Items(inputs, targets, tuple(read.keys[n] for n in places))


def _ended(begun: Ragged) -> Ragged:
    """The same sequences with END behind them instead of BEGIN before them."""
    flat = torch.cat((begun.flat[1:], begun.flat[:1]))
    return Ragged(torch.where(flat == BEGIN, END, flat), begun.counts)


def _why(
    part: TextPairs, read: _Read, short: torch.Tensor, division: Division, source: Vocabulary, target: Vocabulary
) -> list[Row]:
    rows: list[Row] = [("data.split", division.rule, f"{division.why}; pairs with the same source stay together")]
    if part.longest is not None:
        left = len(read.keys) - len(short)
        rows.append(("data.longest", part.longest, f"{left:,} of {len(read.keys):,} pairs are longer and left out"))
    for side, each in (("source", source), ("target", target)):
        rows.append((f"data.{side}_vocabulary", len(each), f"tokens that occur {part.min_count} times or more"))
    return rows
