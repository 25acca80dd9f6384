"""Networks for the rows of a table: an embedding a category, then fully connected layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.data.signature import Kind, Signature
from workbench.data.values import Rows
from workbench.errors import FieldError
from workbench.models.groups import Groups
from workbench.models.heads import fresh_head
from workbench.models.initial import initial_weights
from workbench.models.model import Model
from workbench.models.norm import Norm, norm_factory
from workbench.streams import Seeds


class TabularNetwork(Model):
    """Entity embeddings (Guo & Berkhahn 2016, "Entity embeddings of categorical variables") and a perceptron.

    ``layers``: the widths of the hidden layers, each linear, normalised, ReLU, dropout. ``dropout``: of the hidden
    layers. ``embedding_dropout``: of the embeddings. ``width``: of every embedding; None takes fastai's rule,
    min(600, round(1.6 n^0.56)) for n values.

    Raises:
        FieldError: a width below 1, or a rate that drops everything.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("table",)

    layers: tuple[int, ...] = (200, 100)
    dropout: float = 0.1
    embedding_dropout: float = 0.0
    width: int | None = None

    def check(self) -> None:
        """Refuse widths below 1 and rates that drop everything."""
        if any(width < 1 for width in self.layers):
            raise FieldError(f"TabularNetwork.layers is {self.layers!r}; it takes whole numbers from 1 on")
        if self.width is not None and self.width < 1:
            raise FieldError(f"TabularNetwork.width is {self.width}; it takes a whole number from 1 on")
        for name in ("dropout", "embedding_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise FieldError(f"TabularNetwork.{name} is {getattr(self, name)}; it takes a rate from 0 to below 1")

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> RowNetwork:
        """The network with random weights; see :meth:`Model.build`."""
        with initial_weights(seeds.init, "init"):
            return RowNetwork(signature, self, lambda features: fresh_head(features, signature.outputs, seeds))


def embedding_width(values: int) -> int:
    """How many numbers describe one of ``values`` categories: fastai's rule, fitted to what worked."""
    width: int = round(1.6 * values**0.56)
    return min(600, width)


class RowNetwork(nn.Module):
    """What :class:`TabularNetwork` builds.

    Attributes:
        columns: the names of the categorical columns, then of the numerical ones.
    """

    arch = "tabular"

    def __init__(self, signature: Signature, part: TabularNetwork, head: Any) -> None:
        super().__init__()
        self.columns = signature.columns
        self.part = part.flatten()
        tables = [nn.Embedding(n, part.width or embedding_width(n)) for n in signature.cardinalities]
        for table in tables:
            nn.init.trunc_normal_(table.weight, std=0.01)
            with torch.no_grad():
                table.weight[0] = 0  # what training never had says nothing
        self.embedding = nn.ModuleList(tables)
        self.embedding_dropout = nn.Dropout(part.embedding_dropout)
        features = sum(table.embedding_dim for table in tables) + signature.numbers
        self.layers = nn.ModuleList()
        for width in part.layers:
            self.layers.append(dense(features, width, part.norm, part.dropout))
            features = width
        self.head: nn.Linear = head(features)

    def forward(self, x: Rows) -> torch.Tensor:
        """Outputs of shape (b, outputs) for b rows."""
        pieces = [table(x.categories[:, n]) for n, table in enumerate(self.embedding)]
        if pieces:
            pieces = [self.embedding_dropout(torch.cat(pieces, dim=1))]
        hidden = torch.cat([*pieces, x.numbers], dim=1)
        for layer in self.layers:
            hidden = layer(hidden)
        output: torch.Tensor = self.head(hidden)
        return output

    def groups(self) -> Groups:
        """The embeddings (where there are any), one group a hidden layer, the head."""
        embedding: Groups = [("embedding", [self.embedding])] if len(self.embedding) else []
        layers: Groups = [(f"layer{number}", [layer]) for number, layer in enumerate(self.layers, 1)]
        return [*embedding, *layers, ("head", [self.head])]

    def embeddings(self) -> dict[str, torch.Tensor]:
        """By column, float32 (values, width) without gradient: row 0 is missing or unseen, row i the encoder's value
        i - 1."""
        names = self.columns[: len(self.embedding)]
        return {name: table.weight.detach() for name, table in zip(names, self.embedding, strict=True)}  # type: ignore[operator]

    def describe(self) -> dict[str, Any]:
        """The architecture and what its sizes follow from."""
        return {"arch": self.arch, "columns": list(self.columns), "part": self.part}


def dense(features: int, width: int, norm: Norm, dropout: float) -> nn.Sequential:
    """A hidden layer: linear, normalised, ReLU, dropout."""
    normalise = norm_factory(norm, flat=True)(width)
    plain = isinstance(normalise, nn.Identity)
    # what a normalisation subtracts anyway needs no bias
    return nn.Sequential(nn.Linear(features, width, bias=plain), normalise, nn.ReLU(), nn.Dropout(dropout))
