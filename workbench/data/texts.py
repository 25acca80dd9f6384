"""Texts: classified, valued, or continued token by token."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch

from workbench.data.corpus import Corpus, windows
from workbench.data.encoding import Encoder
from workbench.data.items import Data, Datasets, Items, check_count
from workbench.data.ordering import by_length
from workbench.data.signature import Signature
from workbench.data.split import Division, Split, by_part, divide
from workbench.data.splits import stratified
from workbench.data.table_files import hold, require_file
from workbench.data.targets.base import Target
from workbench.data.targets.inference import read_answers
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.text_files import Columns, Written, read_texts
from workbench.data.tokens import Level, Tokens
from workbench.data.values import BEGIN, Padded, Ragged
from workbench.data.vocabulary import Vocabulary
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds, numpy_generator, permutation

if TYPE_CHECKING:
    import pandas as pd


class Texts(Data):
    """Texts from a table, a folder or zip with a folder a class, or a file of plain text.

    ``path``: .csv, .tsv, .parquet, .jsonl, .txt, .zip or a folder, relative to the project's root; see
    :func:`workbench.data.text_files.read_texts`. ``text``, ``label``: the table's columns (several texts are put one
    after the other); "auto" takes the only one that makes sense. ``target``: "auto" tells it from the labels; None, or
    no labels, makes a language model: each part's texts one after the other, in ``window`` tokens an item, each with
    the next one as its target. ``split``: which texts are the test; "auto" follows folders train and test, and a column
    "split" of them. ``train``: how many training texts, drawn from the stream (seeds.subset, "subset"). ``tokens``:
    "words", "characters", "spaces" or a ``Tokens(...)``. ``min_count``, ``most``: the vocabulary has the tokens that
    occur so often in the training texts, the ``most`` commonest; ``counted``: in the "drawn" ones, or in "all" of them,
    also those that ``train`` leaves out, so that few labels do not take words away which a language model knows.
    ``longest``: a text is cut to its first so many tokens (not for a language model).

    A text that stands several times is kept once, in the test part if it is in that, else in the validation part, so
    no part knows another's.

    Raises:
        FieldError: a count that cannot be.
    """

    path: str = field(kw_only=False)
    text: str | tuple[str, ...] = "auto"
    label: str | tuple[str, ...] = "auto"
    target: Target | Literal["auto"] | None = "auto"  # type: ignore[assignment]  # None: there is none but the text
    split: Split = Split()
    train: int | None = None
    tokens: Tokens | Level = "words"
    min_count: int = 2
    most: int | None = 20_000
    counted: Literal["drawn", "all"] = "drawn"
    longest: int | None = 400
    window: int = 70

    def check(self) -> None:
        """Refuse counts that cannot be."""
        super().check()
        for name, least in (("train", 1), ("min_count", 1), ("most", 5), ("longest", 2), ("window", 2)):
            check_count(self, name, least)

    @classmethod
    def of(cls, frame: pd.DataFrame, **fields: Any) -> Self:
        """The texts of a frame in memory, e.g. in a notebook."""
        return cls(hold(frame), **fields)

    def files(self) -> tuple[str, ...]:
        """The file or folder; raises :class:`FieldError` for a frame in memory, which nothing pins."""
        return (require_file(self.path),)

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds; see :meth:`Data.load`."""
        told = self.target is None or isinstance(self.target, TokenSequence)
        columns = Columns(self.text, None if told else self.label, self.split)
        tokens = Tokens.of(self.tokens)
        read = _read(root, self.path, _state(root / self.path), columns, tokens)
        written = read.written
        if written.labels is None and not told and self.target != "auto":
            raise DataError("there are no labels", where=self.path, hint="Set label, or target=None.")
        return (
            _continued(self, read, seeds, choosing)
            if written.labels is None
            else _answered(self, read, seeds, choosing)
        )

    def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
        """A random order in which a batch's texts are about as long as each other, so that little is padding."""
        if not isinstance(items.inputs, Ragged):
            return permutation(seed, "order", epoch, n=len(items))
        return by_length(items.inputs.counts, seed=seed, epoch=epoch, batch=batch)


class TextEncoder(Encoder):
    """From texts to token ids that begin with BEGIN.

    Args:
        tokens: how a text is split.
        vocabulary: the training texts'.
        longest: a text is cut to so many tokens, BEGIN included; None cuts nothing.
    """

    def __init__(self, tokens: Tokens, vocabulary: Vocabulary, longest: int | None = None) -> None:
        self.tokens = tokens
        self.vocabulary = vocabulary
        self.longest = longest

    def encode(self, items: Sequence[Any]) -> Ragged:
        """Texts as :class:`Ragged`. Raises :class:`DataError` for what is no text."""
        for number, each in enumerate(items):
            if not isinstance(each, str):
                raise DataError(f"item {number} is {type(each).__name__}, not a text", hint="Pass a list of str.")
        found = [[BEGIN, *self.vocabulary.encode(each)][: self.longest] for each in self.tokens.stream(items)]
        return Ragged.of(found)

    def show(self, inputs: Any, position: int) -> str:
        """The text as the network sees it: rare words are <unknown>, a blank line stands between texts."""
        row = inputs[torch.tensor([position])]
        ids = (row.ids if isinstance(row, Padded) else row)[0].tolist()
        texts: list[list[int]] = [[]]
        for each in ids:
            texts.append([]) if each == BEGIN else texts[-1].append(each)
        return "\n\n".join(self.tokens.join(self.vocabulary.decode(each)) for each in texts if each)

    def describe(self) -> dict[str, Any]:
        """Tokens, vocabulary and the cut."""
        return {
            "tokens": self.tokens.describe(),
            "vocabulary": self.vocabulary.describe(),
            "longest": self.longest,
        }

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """What :meth:`describe` described."""
        return cls(Tokens.restored(values["tokens"]), Vocabulary.restored(values["vocabulary"]), values["longest"])


@dataclass(frozen=True, eq=False)
class _Read:
    """The texts of a file, each once, with content hashes and tokens."""

    written: Written
    keys: tuple[str, ...]
    corpus: Corpus


def _answered(part: Texts, read: _Read, seeds: Seeds, choosing: bool) -> Datasets:
    """One answer a text."""
    written = read.written
    assert part.target is not None and written.labels is not None
    answers = read_answers(written.labels, part.target, where=part.path)
    division = divide(
        read.keys,
        _split(part, read),
        targets=answers.y,
        classes=answers.classes,
        column=written.parts,
        validation=part.validation,
        choosing=choosing,
    )
    train = division.train
    if part.train is not None:
        train = train[_drawn(part.train, train, answers.y, seeds)]
    vocabulary = _vocabulary(part, read, train, division)

    def items(index: torch.Tensor) -> Items:
        inputs = read.corpus.encoded(index.tolist(), vocabulary, longest=part.longest)
        return Items(inputs, answers.y[index], tuple(read.keys[n] for n in index.tolist()))

    target = answers.target.fitted(answers.y[train])
    signature = Signature(
        "text", target.width(len(answers.classes)), vocabulary=len(vocabulary), tokens=vocabulary.tokens
    )
    return Datasets(
        train=items(train),
        validation=None if division.validation is None else items(division.validation),
        test=items(division.test),
        classes=answers.classes,
        target=target,
        signature=signature,
        encoder=TextEncoder(Tokens.of(part.tokens), vocabulary, part.longest),
        why=(*written.found, ("data.target", type(target).__name__, answers.why), *_why(part, vocabulary, division)),
    )


def _continued(part: Texts, read: _Read, seeds: Seeds, choosing: bool) -> Datasets:
    """A language model."""
    division = divide(
        read.keys, _split(part, read), column=read.written.parts, validation=part.validation, choosing=choosing
    )
    train = division.train
    if part.train is not None:
        train = train[_drawn(part.train, train, None, seeds)]
    vocabulary = _vocabulary(part, read, train, division)

    def items(index: torch.Tensor, name: str) -> Items:
        stream = read.corpus.encoded(index.tolist(), vocabulary).flat
        x, y = windows(stream, part.window)
        if not len(x):
            raise DataError(
                f"the {name} texts have {len(stream):,} tokens, too few for a window of {part.window}",
                where=part.path,
                hint="Give more text, or set a smaller window.",
            )
        return Items(x, y, tuple(_key(row.tobytes()) for row in x.numpy()))

    signature = Signature(
        "text", len(vocabulary), vocabulary=len(vocabulary), each_token=True, tokens=vocabulary.tokens
    )
    told = "as asked for" if part.target != "auto" else "there is nothing but text"
    return Datasets(
        train=items(train, "training"),
        validation=None if division.validation is None else items(division.validation, "validation"),
        test=items(division.test, "test"),
        classes=vocabulary.tokens,
        target=part.target if isinstance(part.target, TokenSequence) else TokenSequence(),
        signature=signature,
        encoder=TextEncoder(Tokens.of(part.tokens), vocabulary),
        why=(*read.written.found, ("data.target", "the next token", told), *_why(part, vocabulary, division)),
    )


def _split(part: Texts, read: _Read) -> Split:
    return part.split if read.written.column is None else part.split.but(column=read.written.column)


def _vocabulary(part: Texts, read: _Read, drawn: torch.Tensor, division: Division) -> Vocabulary:
    counted = drawn if part.counted == "drawn" else division.train
    return read.corpus.vocabulary(counted.tolist(), min_count=part.min_count, most=part.most)


def _why(part: Texts, vocabulary: Vocabulary, division: Division) -> tuple[tuple[str, Any, str], ...]:
    which = "all training texts" if part.counted == "all" else "the training texts"
    often = f"tokens that occur {part.min_count} times in {which}"
    limit = "" if part.most is None or len(vocabulary) < part.most else f", the {part.most:,} commonest"
    return (
        ("data.split", division.by, f"{division.rule}; {division.why}"),
        ("data.vocabulary", len(vocabulary), often + limit),
    )


def _drawn(total: int, train: torch.Tensor, y: torch.Tensor | None, seeds: Seeds) -> torch.Tensor:
    """Which ``total`` of the training texts, ascending: with the classes' proportions where there are classes."""
    draw = numpy_generator(seeds.subset, "subset")
    if y is not None and not y.is_floating_point() and y.ndim == 1:
        return stratified(y[train], total, draw)
    if total > len(train):
        raise FieldError(f"train is {total}, but there are {len(train)} training texts", hint="Ask for fewer.")
    return torch.from_numpy(np.sort(draw.permutation(len(train))[:total]))


@functools.lru_cache(maxsize=4)
def _read(root: Path, name: str, state: str, columns: Columns, tokens: Tokens) -> _Read:
    """The texts, read and tokenised once a process: an experiment loads the same file for every run."""
    written = read_texts(root, name, columns)
    keys = [_key(" ".join(text.split()).encode()) for text in written.texts]
    # the copy in the test part comes first, then that in the validation part, so it is the one that stays
    first: dict[str, int] = {}
    for position in range(len(keys)) if written.parts is None else by_part(written.parts):
        first.setdefault(keys[position], position)
    kept = sorted(first.values())
    found = written.found
    if len(kept) < len(keys):
        found += (("data.duplicates", len(keys) - len(kept), "texts that stand several times are kept once"),)
    once = Written(
        tuple(written.texts[n] for n in kept),
        None if written.labels is None else written.labels.iloc[kept].reset_index(drop=True),
        None if written.parts is None else tuple(written.parts[n] for n in kept),
        found,
        written.column,
    )
    return _Read(once, tuple(keys[n] for n in kept), Corpus.of(once.texts, tokens))


def _key(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _state(path: Path) -> str:
    """Changes when a file does, without reading it: what the memory cache is keyed by."""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    stats = [(str(each), each.stat().st_mtime_ns, each.stat().st_size) for each in files if each.exists()]
    return _key(repr(stats).encode())
