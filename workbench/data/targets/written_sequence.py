"""A sequence that is written token by token: judged as it comes out without help, whatever its length."""

from __future__ import annotations

import math
from collections import Counter
from typing import ClassVar

import torch
from torch.nn import functional

from workbench.data.targets.base import Row
from workbench.data.targets.bleu import bleu
from workbench.data.targets.edit_distance import edit_distances, lengths
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.tokens import Tokens
from workbench.data.values import END, PAD, UNKNOWN, Padded, Ragged

_CANDIDATES = 50
_SAMPLE = 1_000
"""How many training targets the best fixed answer is sought among, and tried on."""


class WrittenSequence(TokenSequence):
    """A sentence, or any sequence that ends by itself: softmax cross-entropy in nats a token, END included.

    ``output`` has shape (b, t, tokens), ``y`` is ``Padded`` and ends with END. In training both are equally long; in
    evaluation the network writes freely and t is what it needs. ``tokens``: how an answer becomes a text again.
    A true token that training never had (UNKNOWN) cannot be written and counts as wrong.
    """

    names: ClassVar[tuple[str, ...]] = ("error", "sequence_error", "loss")

    tokens: Tokens = Tokens(lower=False)

    def metrics(self, output: torch.Tensor, y: Padded) -> dict[str, torch.Tensor]:
        """Per sentence, from what the network wrote freely.

        ``error``: edit distance to the target by the target's length, at most 1, so that an answer which never ends is
        as bad as an empty one and not worse. ``sequence_error``: 1 where it is not 0. ``loss``: nats of the true token
        of each place, on average; a place that was not written counts as a uniform guess.
        """
        written = _written(output)
        error = (edit_distances(written, y.ids) / lengths(y.ids).clamp(min=1)).clamp(max=1)
        # an output that is not a number has a likeliest token too, which may be the right one by accident
        error = torch.where(output.flatten(1).isnan().any(dim=1), 1.0, error)
        losses = _nats(output.float(), y)
        return {"error": error, "sequence_error": (error > 0).float(), "loss": losses}

    def keep(self, output: torch.Tensor) -> torch.Tensor:
        """The tokens as they were written, (b, t)."""
        return _written(output)

    def summary(self, kept: torch.Tensor | None, y: Ragged, scores: dict[str, float]) -> dict[str, float]:
        """Of the whole split, as published: ``bleu`` (to 4-grams, from 0 to 1, one reference a sentence) and
        ``token_error``: all edits by all true tokens, which may be above 1."""
        if kept is None:
            return {}
        wanted = y[torch.arange(len(y))].ids
        edits = edit_distances(kept.to(wanted.device), wanted)
        right = [[[each if each != UNKNOWN else -1 for each in row]] for row in _rows(wanted)]
        total = int(lengths(wanted).sum())
        return {"bleu": bleu(_rows(kept), right), "token_error": int(edits.sum()) / max(1, total)}

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The tokens as they were written, int64 (b, t) with END, PAD behind; the product of their probabilities."""
        written = _written(output)
        sure = output.float().amax(dim=-1) - output.float().logsumexp(dim=-1)
        return written, torch.where(written != PAD, sure, 0).sum(dim=1).exp()

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
        """The text of every answer and the product of its tokens' probabilities."""
        written, sure = self.predict(output)
        return [(self.text(row, classes), much) for row, much in zip(_rows(written), sure.tolist(), strict=True)]

    def text(self, ids: list[int], classes: tuple[str, ...]) -> str:
        """Token ids as a text, without what only marks an end."""
        return self.tokens.join(classes[each] for each in ids if each not in (PAD, END))

    def constant(self, train: Ragged, test: Ragged) -> dict[str, float]:
        """``error``: the best found of the commonest training targets and of the commonest tokens in a row;
        ``sequence_error``: the commonest training target; ``loss``: the training shares of the tokens."""
        ids = test[torch.arange(len(test))].ids.cpu()
        common = Counter(tuple(row) for row in _rows(train[torch.arange(len(train))].ids.cpu()))
        usual = [list(row) for row, _ in common.most_common(_CANDIDATES)]
        sample = train[torch.arange(min(_SAMPLE, len(train)))].ids.cpu()
        best = min((*usual, *_runs(train)), key=lambda answer: _constant_error(answer, sample))
        whole = torch.tensor(usual[0], dtype=torch.int64).expand(len(ids), -1)
        missed = (edit_distances(whole, ids) > 0).double().mean()
        return {
            "error": _constant_error(best, ids),
            "sequence_error": float(missed),
            "loss": super().constant(train, test)["loss"],
        }

    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """Rows for the table of settings."""
        return [
            ("target", "WrittenSequence", f"a sequence that ends by itself, of {len(classes):,} tokens"),
            ("head", f"{len(classes)} outputs a token", "one output a token of the target's vocabulary"),
            ("activation", "softmax", "one token stands at a place"),
            ("loss", "cross-entropy", "nats a token, END included"),
            ("metric", "error", "edit distance by length, at most 1, of what is written without help"),
        ]


def _written(output: torch.Tensor) -> torch.Tensor:
    """The likeliest token of every place up to the first END, PAD behind it: int64 (b, t)."""
    ids = output.argmax(dim=-1)
    ended = (ids == END).cumsum(dim=1) - (ids == END).long()
    return torch.where(ended > 0, PAD, ids)


def _nats(output: torch.Tensor, y: Padded) -> torch.Tensor:
    """The mean over each sentence's true tokens, float32 (b,)."""
    wide = y.ids.shape[1]
    output = functional.pad(output[:, :wide], (0, 0, 0, max(0, wide - output.shape[1])))
    losses = functional.cross_entropy(output.transpose(1, 2), y.ids, reduction="none")
    return torch.where(y.mask, losses, 0).sum(dim=1) / y.lengths.clamp(min=1)


def _rows(ids: torch.Tensor) -> list[list[int]]:
    """Every row up to its first END or PAD, read at once."""
    ends = lengths(ids).tolist()
    return [row[:end] for row, end in zip(ids.tolist(), ends, strict=True)]


def _runs(train: Ragged) -> list[list[int]]:
    """The commonest token once, twice, ... up to the mean length."""
    tokens = train.flat[train.flat != END].cpu()
    if not len(tokens):
        return [[]]
    commonest = int(torch.bincount(tokens).argmax())
    return [[commonest] * times for times in range(1, math.ceil(len(tokens) / len(train)) + 1)]


def _constant_error(answer: list[int], wanted: torch.Tensor) -> float:
    ids = torch.tensor(answer or [END], dtype=torch.int64).expand(len(wanted), -1)
    return float((edit_distances(ids, wanted) / lengths(wanted).clamp(min=1)).clamp(max=1).double().mean())
