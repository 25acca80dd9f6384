"""Networks for ratings: what a user likes and what a thing offers, learnt from who liked what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from workbench.data.signature import Kind, Signature
from workbench.errors import FieldError
from workbench.models.groups import Groups
from workbench.models.heads import fresh_head
from workbench.models.initial import initial_weights
from workbench.models.model import Model
from workbench.models.tabular import dense
from workbench.streams import Seeds


class Collab(Model):
    """Collaborative filtering.

    ``kind``: "dot" is the biased dot product (Koren, Bell & Volinsky 2009, "Matrix factorization techniques for
    recommender systems", equation 4): the mean, the user's and the item's bias, and how well their factors agree;
    "neural" a perceptron on the factors of both (He et al. 2017, "Neural collaborative filtering", the MLP of
    equation 10). ``factors``: numbers that describe a user, and as many an item.
    ``layers``, ``dropout``, ``norm``: of the perceptron's hidden layers.

    Raises:
        FieldError: a size below 1, a rate that drops everything, or what a dot product does not have.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("ratings",)

    kind: Literal["dot", "neural"] = field(default="dot", kw_only=False)
    factors: int = 50
    layers: tuple[int, ...] = (64, 32)
    dropout: float = 0.3

    def check(self) -> None:
        """Refuse sizes below 1, a rate that drops everything, and what a dot product does not have."""
        if self.factors < 1:
            raise FieldError(f"Collab.factors is {self.factors}; it takes a whole number from 1 on")
        if any(width < 1 for width in self.layers):
            raise FieldError(f"Collab.layers is {self.layers!r}; it takes whole numbers from 1 on")
        if not 0 <= self.dropout < 1:
            raise FieldError(f"Collab.dropout is {self.dropout}; it takes a rate from 0 to below 1")
        for name in ("layers", "dropout", "norm") if self.kind == "dot" else ():
            if getattr(self, name) != getattr(Collab, name):
                raise FieldError(
                    f"Collab.{name} is {getattr(self, name)!r}, but kind 'dot' has no hidden layers",
                    hint=f"Leave {name} out, or use kind='neural'.",
                )

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> nn.Module:
        """The network with random weights; see :meth:`Model.build`.

        Raises:
            FieldError: the target needs more than one number.
        """
        if signature.outputs != 1:
            raise FieldError(f"Collab gives one number, and the target needs {signature.outputs}", hint="Use Rating().")
        with initial_weights(seeds.init, "init"):
            if self.kind == "dot":
                return DotNetwork(signature, self)
            return NeuralNetwork(signature, self, seeds)


class DotNetwork(nn.Module):
    """``mean + bias[user] + bias[item] + factors[user] . factors[item]``.

    A bias lies beside its factors, as the last number of a row: one lookup a side instead of two.
    """

    def __init__(self, signature: Signature, part: Collab) -> None:
        super().__init__()
        self.arch = "collab dot"
        self.columns, self.part = signature.columns, part.flatten()
        self.users = _embedding(signature.users, part.factors + 1)
        self.things = _embedding(signature.things, part.factors + 1)
        self.head = nn.Module()
        self.head.mean = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (b, 1) for ids int64 of shape (b, 2)."""
        user, thing = _rows(self.users, x[:, 0]), _rows(self.things, x[:, 1])
        agree = (user[:, :-1] * thing[:, :-1]).sum(1, keepdim=True)
        output: torch.Tensor = agree + user[:, -1:] + thing[:, -1:] + self.head.mean  # type: ignore[operator]
        return output

    def groups(self) -> Groups:
        """Users, items, the mean."""
        return [("users", [self.users]), ("items", [self.things]), ("head", [self.head])]

    def embeddings(self) -> dict[str, torch.Tensor]:
        """By column, float32 (ids, factors) without gradient: row 0 is unseen, row i the encoder's name i - 1."""
        tables = (self.users, self.things)
        return {name: each.weight.detach()[:, :-1] for name, each in zip(self.columns, tables, strict=True)}

    def biases(self) -> dict[str, torch.Tensor]:
        """By column, float32 (ids,) without gradient, in units of what goes into the sigmoid: above 0 is above the
        mean, whoever is asked about whatever."""
        tables = (self.users, self.things)
        return {name: each.weight.detach()[:, -1] for name, each in zip(self.columns, tables, strict=True)}

    def describe(self) -> dict[str, Any]:
        """The architecture and what its sizes follow from."""
        return {"arch": self.arch, "columns": list(self.columns), "part": self.part}


class NeuralNetwork(nn.Module):
    """A perceptron on the factors of user and item side by side."""

    def __init__(self, signature: Signature, part: Collab, seeds: Seeds) -> None:
        super().__init__()
        self.arch = "collab neural"
        self.columns, self.part = signature.columns, part.flatten()
        self.users = _embedding(signature.users, part.factors)
        self.things = _embedding(signature.things, part.factors)
        self.layers = nn.ModuleList()
        features = 2 * part.factors
        for width in part.layers:
            self.layers.append(dense(features, width, part.norm, part.dropout))
            features = width
        self.head = fresh_head(features, 1, seeds)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (b, 1) for ids int64 of shape (b, 2)."""
        hidden = torch.cat([self.users(x[:, 0]), self.things(x[:, 1])], dim=1)
        for layer in self.layers:
            hidden = layer(hidden)
        output: torch.Tensor = self.head(hidden)
        return output

    def groups(self) -> Groups:
        """Users, items, one group a hidden layer, the head."""
        layers: Groups = [(f"layer{number}", [layer]) for number, layer in enumerate(self.layers, 1)]
        return [("users", [self.users]), ("items", [self.things]), *layers, ("head", [self.head])]

    def embeddings(self) -> dict[str, torch.Tensor]:
        """By column, float32 (ids, factors) without gradient: row 0 is unseen, row i the encoder's name i - 1."""
        tables = (self.users, self.things)
        return {name: each.weight.detach() for name, each in zip(self.columns, tables, strict=True)}

    def describe(self) -> dict[str, Any]:
        """The architecture and what its sizes follow from."""
        return {"arch": self.arch, "columns": list(self.columns), "part": self.part}


def _embedding(values: int, width: int) -> nn.Embedding:
    table = nn.Embedding(values, width)
    nn.init.trunc_normal_(table.weight, std=0.01)
    with torch.no_grad():
        table.weight[0] = 0  # stays so unless training has rare ones, which share it: see _rows
    return table


def _rows(table: nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
    """The rows of ``ids``; in evaluation an unseen one has the mean of all rows that were trained.

    Zeros would not be the mean: what all users have in common lies in their factors, too, not only in the mean rating.
    """
    rows: torch.Tensor = table(ids)
    if table.training:
        return rows
    unseen = (ids == 0)[:, None] & (table.weight[0] == 0).all()
    return torch.where(unseen, table.weight[1:].mean(dim=0), rows)
