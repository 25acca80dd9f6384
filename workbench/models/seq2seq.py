"""Networks for sentence pairs: one half reads the source, the other writes the target, token by token."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import torch
from torch import nn
from torch.nn import functional

from workbench.data.forced import Forced
from workbench.data.signature import Kind, Signature
from workbench.data.values import BEGIN, END, PAD, Padded
from workbench.errors import FieldError
from workbench.models.forcing import TeacherForcing
from workbench.models.groups import Groups
from workbench.models.initial import initial_weights
from workbench.models.memory import Decoder, Encoder, Memory, Written
from workbench.models.model import Model
from workbench.models.recurrent_pairs import Attention, GRUDecoder, GRUEncoder
from workbench.models.transformer_pairs import HEAD, TransformerDecoder, TransformerEncoder
from workbench.streams import Seeds

_CHECKED = 4
"""Free decoding asks every so many places whether all sentences have ended: each answer waits for the device."""


class Seq2Seq(Model):
    """From a sentence to its translation, a spelling to its sounds, and the like.

    ``arch``: "gru" reads in both directions and writes in one (Bahdanau et al. 2015, "Jointly learning to align and
    translate"); "transformer" is normalised before each part (Vaswani et al. 2017, "Attention is all you need").
    ``attention``: how the writing half looks at the source: "additive" (Bahdanau) or "dot" (Luong et al. 2015) for
    the GRU, "dot" for the transformer; "none" gives it the whole sentence as one vector, in a network that is otherwise
    the same; "auto" is additive for the GRU, dot for the transformer. ``width``: of embeddings, states and vectors.
    ``layers``: of each half. ``dropout``: the share of numbers set to 0 before each layer and before the head.
    ``forcing``: how often the true previous token is fed in training.

    Raises:
        FieldError: sizes that cannot be, or attention or a normalisation that the architecture does not have.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("pairs",)

    arch: Literal["gru", "transformer"] = dataclasses.field(default="gru", kw_only=False)
    attention: Literal["auto", "additive", "dot", "none"] = "auto"
    width: int = 128
    layers: int = 1
    dropout: float = 0.1
    forcing: TeacherForcing = TeacherForcing()

    def check(self) -> None:
        """Refuse sizes that cannot be, and attention or a normalisation that the architecture does not have."""
        unit = HEAD if self.arch == "transformer" else 2
        if self.width < unit or self.width % unit:
            raise FieldError(
                f"Seq2Seq.width is {self.width}; with arch '{self.arch}' it takes a multiple of {unit}",
                hint=f"Use width={max(unit, round(self.width / unit) * unit)}.",
            )
        if self.layers < 1:
            raise FieldError(f"Seq2Seq.layers is {self.layers}; it takes a whole number from 1 on")
        if not 0 <= self.dropout < 1:
            raise FieldError(f"Seq2Seq.dropout is {self.dropout!r}; it takes a share from 0 to below 1")
        if self.arch == "transformer" and self.attention == "additive":
            raise FieldError(
                "Seq2Seq.attention is 'additive', which a transformer does not have",
                hint="Use attention='dot', or arch='gru'.",
            )
        if self.norm.kind != "batch":
            what = "is normalised by layer" if self.arch == "transformer" else "has no normalisation"
            raise FieldError(
                f"Seq2Seq.norm.kind is '{self.norm.kind}', but arch '{self.arch}' {what}", hint="Leave norm.kind out."
            )

    @property
    def looks(self) -> Attention:
        """``attention`` with "auto" resolved."""
        if self.attention == "auto":
            return "dot" if self.arch == "transformer" else "additive"
        return self.attention

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> nn.Module:
        """The network with random weights from the stream (seeds.init, "init"); see :meth:`Model.build`."""
        return PairNetwork(self, signature, seeds)


class PairNetwork(nn.Module):
    """Encoder, decoder and head.

    Attributes: arch: the architecture's name. forcing: how often the true token is to be fed. longest: tokens of the
        longest target in training; free decoding stops at twice that.
    """

    encoder: nn.Module
    decoder: nn.Module

    def __init__(self, part: Seq2Seq, signature: Signature, seeds: Seeds) -> None:
        super().__init__()
        self.arch = part.arch
        self.forcing = part.forcing
        self.attention = part.looks
        self.longest = max(1, signature.longest)
        self.dropout = part.dropout
        self._described = {name: getattr(part, name) for name in ("arch", "width", "layers", "dropout")}
        self._described |= {"attention": part.looks, "forcing": dataclasses.asdict(cast("Any", part.forcing))}
        self._described |= {name: getattr(signature, name) for name in ("vocabulary", "outputs", "longest")}
        sizes = (part.width, part.layers, part.dropout)
        with initial_weights(seeds.init, "init"):
            self.source = _embedding(signature.vocabulary, part.width)
            self.target = _embedding(signature.outputs, part.width)
            if part.arch == "gru":
                self.encoder, self.decoder = GRUEncoder(*sizes), GRUDecoder(*sizes, part.looks)
            else:
                self.encoder = TransformerEncoder(*sizes)
                self.decoder = TransformerDecoder(*sizes, attends=part.looks != "none")
        with initial_weights(seeds.init, "head"):
            self.head = nn.Linear(part.width, signature.outputs)

    def forward(self, x: Padded | Forced) -> torch.Tensor:
        """Logits (b, t, V): for :class:`Forced` as long as the target, for :class:`Padded` sources freely decoded."""
        if isinstance(x, Padded):
            return self._free(self._read(x))
        memory = self._read(x.source)
        logits: torch.Tensor = self.head(self._write(self._fed(x, memory), memory, drop=self.training).features)
        return logits

    @torch.no_grad()
    def alignment(self, x: Padded | Forced) -> tuple[torch.Tensor, torch.Tensor]:
        """What the network looks at: target ids (b, t), its own or the given ones, and weights (b, t, s).

        Weights sum to 1 over the source tokens; a transformer's are the mean over the heads of its last layer.

        Raises:
            FieldError: a network without attention.
        """
        if self.attention == "none":
            raise FieldError("a network without attention looks at no token", hint="Train one with attention='auto'.")
        memory = self._read(x if isinstance(x, Padded) else x.source)
        ids = self._free(memory).argmax(dim=-1) if isinstance(x, Padded) else x.target.ids
        looks = self._write(_shifted(ids), memory, drop=False, look=True).looks
        assert looks is not None
        return ids, looks

    def _read(self, source: Padded) -> Memory:
        return cast("Encoder", self.encoder)(self._embed(self.source, source.ids), source)

    def _write(self, before: torch.Tensor, memory: Memory, *, drop: bool, look: bool = False) -> Written:
        """All places at once, where the token before each is known."""
        decoder = cast("Decoder", self.decoder)
        fixed, state = decoder.begin(memory)
        return decoder(self._embed(self.target, before), fixed, state, drop=drop, look=look)

    def _embed(self, table: nn.Module, ids: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = table(ids)
        return vectors * math.sqrt(vectors.shape[-1])

    def _fed(self, x: Forced, memory: Memory) -> torch.Tensor:
        """The tokens to be fed, (b, t): true ones, or found by decoding without gradients, as in evaluation.

        No gradient flows through the choice of a token, so one pass over the chosen ones gives the same gradients as
        keeping every step of the search would, for any decoder. Dropout is off while they are chosen.
        """
        before = x.before
        if x.share >= 1:
            return before
        with torch.no_grad():
            keep, columns = x.keep < x.share, [before[:, :1]]
            decoder = cast("Decoder", self.decoder)
            fixed, state = decoder.begin(memory)
            for place in range(1, before.shape[1]):
                found = decoder(self._embed(self.target, columns[-1]), fixed, state, drop=False, look=False)
                state, own = found.state, self.head(found.features).argmax(dim=-1)
                now = slice(place, place + 1)
                columns.append(torch.where(keep[:, now], before[:, now], own))
        return torch.cat(columns, dim=1)

    def _free(self, memory: Memory) -> torch.Tensor:
        """Greedy: each place is fed the likeliest token before it, until every sentence has ended."""
        decoder = cast("Decoder", self.decoder)
        fixed, state = decoder.begin(memory)
        token = torch.full_like(memory.mask[:, :1], BEGIN, dtype=torch.int64)
        ended = torch.zeros_like(memory.mask[:, :1])
        logits: list[torch.Tensor] = []
        for place in range(2 * self.longest):
            found = decoder(self._embed(self.target, token), fixed, state, drop=self.training, look=False)
            logits.append(self.head(found.features))
            state, token = found.state, logits[-1].argmax(dim=-1)
            ended = ended | (token == END)
            if place % _CHECKED == _CHECKED - 1 and bool(ended.all()):
                break
        return torch.cat(logits, dim=1)

    def groups(self) -> Groups:
        """Both embeddings, what reads, what writes, and the head."""
        return [
            ("embeddings", [self.source, self.target]),
            ("encoder", [self.encoder]),
            ("decoder", [self.decoder]),
            ("head", [self.head]),
        ]

    def describe(self) -> dict[str, Any]:
        """Plain JSON values that lie beside the weights."""
        return dict(self._described)


def _embedding(tokens: int, width: int) -> nn.Embedding:
    """Vectors of length about 1, PAD's 0; they are scaled by the root of the width where they are used."""
    table = nn.Embedding(tokens, width, padding_idx=PAD)
    with torch.no_grad():
        table.weight.mul_(width**-0.5)
    return table


def _shifted(ids: torch.Tensor) -> torch.Tensor:
    """The token before each place, BEGIN before the first."""
    return functional.pad(ids[:, :-1], (1, 0), value=BEGIN)
