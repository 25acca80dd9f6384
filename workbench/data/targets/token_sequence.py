"""A token at every place of a sequence: language models, and sentences that are written."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch.nn import functional

from workbench.data.targets.base import Row, Target
from workbench.data.values import PAD, Padded, Ragged

NOTHING = -1
"""Stands in a target where there is nothing to predict."""


class TokenSequence(Target):
    """The right token at every place: softmax cross-entropy in nats a token.

    ``output`` has shape (b, t, tokens); ``y`` is int64 of shape (b, t), :data:`NOTHING` where there is nothing to
    predict, or ``Padded``. Perplexity is exp(loss). UNKNOWN is a token like the others.
    """

    names: ClassVar[tuple[str, ...]] = ("error", "loss")

    def width(self, classes: int) -> int:
        """One number a token of the vocabulary."""
        return classes

    def loss(self, output: torch.Tensor, y: Any, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean cross-entropy in nats over the tokens, in float32."""
        return functional.cross_entropy(
            output.float().flatten(0, 1), wanted(y).flatten(), ignore_index=NOTHING, label_smoothing=smoothing
        )

    def count(self, y: Any) -> int:
        """Tokens. A tensor counts whole, as windows of a text are full: only the device knows what is in it."""
        return sum(y.counts) if isinstance(y, Padded) else int(y.numel())

    def metrics(self, output: torch.Tensor, y: Any) -> dict[str, torch.Tensor]:
        """``error``: share of tokens that are not the likeliest one; ``loss``: nats a token; each sequence's mean."""
        tokens = wanted(y)
        there = tokens != NOTHING
        # an output that is not a number has a likeliest token too, which may be the right one by accident
        wrong = (output.argmax(dim=-1) != tokens) | output.isnan().any(dim=-1)
        losses = functional.cross_entropy(
            output.float().flatten(0, 1), tokens.flatten(), ignore_index=NOTHING, reduction="none"
        )
        number = there.sum(dim=1).clamp(min=1)
        error = (wrong & there).sum(dim=1) / number
        return {"error": error, "loss": losses.view(tokens.shape).sum(dim=1) / number}

    def summary(self, kept: torch.Tensor | None, y: Any, scores: dict[str, float]) -> dict[str, float]:
        """``perplexity``: exp of the mean loss, infinite where that is beyond what a float holds."""
        loss = scores.get("loss", math.nan)
        return {"perplexity": math.exp(loss) if not loss > 700 else math.inf}

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The likeliest token of every place, int64 (b, t), and the mean of their probabilities."""
        sure, token = output.float().max(dim=-1)
        return token, (sure - output.float().logsumexp(dim=-1)).exp().mean(dim=-1)

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
        """What would stand after the last place: the likeliest next token and its probability."""
        sure, token = functional.softmax(output[:, -1].float(), dim=-1).max(dim=-1)
        return [(classes[each], much) for each, much in zip(token.tolist(), sure.tolist(), strict=True)]

    def constant(self, train: Any, test: Any) -> dict[str, float]:
        """Always the commonest training token; the training shares as probabilities (a unigram model).

        A token that training does not have counts half a time.
        """
        seen, asked = _flat(train), _flat(test)
        counts = torch.bincount(seen, minlength=int(asked.max()) + 1).double()
        shares = counts.clamp(min=0.5)
        return {
            "error": float((asked != counts.argmax()).double().mean()),
            "loss": float(-(shares / shares.sum()).log()[asked].mean()),
        }

    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """Rows for the table of settings."""
        return [
            ("target", "TokenSequence", f"a token at every place, of {len(classes):,}"),
            ("head", f"{len(classes)} outputs a token", "one output a token of the vocabulary"),
            ("activation", "softmax", "one token stands at a place"),
            ("loss", "cross-entropy", "nats a token; perplexity is its exp"),
            ("metric", "error", "share of wrong tokens, the first metric of TokenSequence"),
        ]


def wanted(y: Any) -> torch.Tensor:
    """The targets as int64 of shape (b, t), :data:`NOTHING` behind each sequence's end."""
    if isinstance(y, Padded):
        return torch.where(y.mask, y.ids, NOTHING)
    tokens: torch.Tensor = y
    return tokens


def _flat(stored: Any) -> torch.Tensor:
    """All tokens of a split's targets, on the host."""
    tokens = stored.flat if isinstance(stored, Ragged) else stored.flatten()
    return tokens[(tokens != NOTHING) & (tokens != PAD)].cpu()
