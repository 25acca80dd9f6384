"""Networks for texts: a body that reads, and on top a language model, a classifier or a regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional

from workbench.data.signature import Kind, Signature
from workbench.data.values import Padded
from workbench.errors import DataError, FieldError
from workbench.models.groups import Groups
from workbench.models.initial import initial_weights
from workbench.models.lstm import LSTMBody
from workbench.models.model import Model
from workbench.models.norm import Norm, norm_factory
from workbench.models.transformer import HEAD, TransformerBody
from workbench.models.weights import Weights, read_weights
from workbench.streams import Seeds

Arch = Literal["lstm", "transformer"]
_BODIES: dict[Arch, type[LSTMBody | TransformerBody]] = {"lstm": LSTMBody, "transformer": TransformerBody}
_DEFAULTS: dict[str, Any] = {"arch": "lstm", "width": 128, "layers": 2, "tied": True}


class TextNetwork(Model):
    """A language model where every token is predicted, else a classifier or a regression of the whole text.

    ``arch``: "lstm" (AWD-LSTM, Merity et al. 2018) or "transformer" (causal, normalised before each part). ``width``:
    of embeddings and states. ``layers``: of the body. ``tied``: a language model's head shares the embedding's
    weights (Press & Wolf 2017). ``dropout``: the rate at the input and the head; the others follow from it.
    ``norm``: of the pooled states in a classifier's head; bodies are normalised by layer, or not at all.
    ``weights``: "experiments/NAME", "experiments/NAME:Arm" or a weights file of a text network: its body is taken, the
    embedding token by token, and a token that it did not know starts as the mean of those that it knew (ULMFiT,
    Howard & Ruder 2018). "auto" takes what the weights were made with; without weights an LSTM of 2 layers of
    width 128.

    Raises:
        FieldError: sizes or rates that cannot be, or weights that are neither a file nor an experiment.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("text",)

    arch: Literal["auto", "lstm", "transformer"] = field(default="auto", kw_only=False)
    width: int | Literal["auto"] = "auto"
    layers: int | Literal["auto"] = "auto"
    tied: bool | Literal["auto"] = "auto"
    dropout: float = 0.2
    weights: str | None = None

    def check(self) -> None:
        """Refuse sizes that cannot be, and weights that are neither a file nor an experiment."""
        for name in ("width", "layers"):
            value = getattr(self, name)
            if value != "auto" and value < 1:
                raise FieldError(f"TextNetwork.{name} is {value}; it takes a whole number from 1 on")
        if self.arch == "transformer" and self.width != "auto" and self.width % HEAD:
            raise FieldError(
                f"TextNetwork.width is {self.width}; a transformer takes a multiple of {HEAD}",
                hint=f"Use width={max(1, round(self.width / HEAD)) * HEAD}.",
            )
        if not 0 <= self.dropout <= 0.7:
            raise FieldError(f"TextNetwork.dropout is {self.dropout!r}; it takes a rate from 0 to 0.7")
        suffix = PurePosixPath(self.weights or "x.safetensors").suffix
        if self.source() is None and suffix != ".safetensors":
            raise FieldError(
                f"TextNetwork.weights is '{self.weights}'; it takes a .safetensors file or 'experiments/NAME'"
            )

    def files(self) -> tuple[str, ...]:
        """The weights file, unless it is another experiment's."""
        return (self.weights,) if self.weights is not None and self.source() is None else ()

    def source(self) -> str | None:
        """``weights`` when it names an experiment."""
        return self.weights if self.weights is not None and self.weights.startswith("experiments/") else None

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> TextModel:
        """The network; see :meth:`Model.build`."""
        if signature.each_token and self.norm.kind != "batch":
            raise FieldError(
                f"TextNetwork.norm.kind is '{self.norm.kind}', but only a classifier's head has that",
                hint="Leave norm.kind out.",
            )
        if self.weights is None:
            fields = {name: self._own(name, value) for name, value in _DEFAULTS.items()}
            return self._fresh(signature, fields, seeds)
        weights = read_weights(self.weights_path(self.weights, root, sources), self.weights)
        model = self._fresh(signature, self._theirs(weights), seeds)
        adopt(model, weights, signature)
        return model

    def _fresh(self, signature: Signature, fields: Mapping[str, Any], seeds: Seeds) -> TextModel:
        width = fields["width"]
        with initial_weights(seeds.init, "init"):
            body = _BODIES[fields["arch"]](signature.vocabulary, width, fields["layers"], self.dropout)
        head: LanguageHead | PoolingHead
        with initial_weights(seeds.init, "head"):
            if signature.each_token:
                head = LanguageHead(width, signature.outputs, tied=fields["tied"])
            else:
                head = PoolingHead(width, signature.outputs, self.dropout, self.norm)
        return TextModel(body, head, {**fields, "dropout": self.dropout})

    def _own(self, name: str, default: Any) -> Any:
        value = getattr(self, name)
        return default if value == "auto" else value

    def _theirs(self, weights: Weights) -> dict[str, Any]:
        """The fields that the weights were made with.

        Raises:
            FieldError: they are no text network's, or a field of this part says something else.
        """
        if any(name not in weights.meta for name in _DEFAULTS):
            raise FieldError(
                f"the weights are not a text network's, but of arch '{weights.meta.get('arch', 'unknown')}'",
                where=weights.where,
                hint="Train a language model with TextNetwork and start from it.",
            )
        theirs = {name: weights.meta[name] for name in _DEFAULTS}
        for name, value in theirs.items():
            if self._own(name, value) != value:
                raise FieldError(
                    f"TextNetwork.{name} is {getattr(self, name)!r}, but the weights were made with {value!r}",
                    where=weights.where,
                    hint=f"Leave {name} out.",
                )
        return theirs


class TextModel(nn.Module):
    """A body, which turns token ids into states, and a head, which turns states into the target's outputs.

    Attributes: arch: the architecture's name.
    """

    def __init__(
        self, body: LSTMBody | TransformerBody, head: LanguageHead | PoolingHead, fields: Mapping[str, Any]
    ) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.arch = str(fields["arch"])
        self._fields = dict(fields)

    def forward(self, x: Padded | torch.Tensor) -> torch.Tensor:
        """Outputs of shape (b, t, outputs) of a language model, else (b, outputs).

        What stands behind a text's end changes nothing before it: states look back only, and pooling leaves it out. A
        language model puts out there what would follow the text.

        Args:
            x: padded texts, or full windows as int64 of shape (b, t).
        """
        ids = x.ids if isinstance(x, Padded) else x
        states = self.body(ids)
        if isinstance(self.head, LanguageHead):
            return self.head.logits(_continued(states, x), self.body.embedding.weight)
        outputs: torch.Tensor = self.head(states, _there(x))
        return outputs

    @torch.no_grad()
    def attention(self, x: Padded | torch.Tensor) -> list[torch.Tensor]:
        """What each place looks at, layer by layer: float32 of shape (b, heads, t, t).

        Raises:
            FieldError: an architecture without attention.
        """
        if not isinstance(self.body, TransformerBody):
            raise FieldError(f"'{self.arch}' has no attention", hint="Train a TextNetwork('transformer').")
        return self.body.attention(x.ids if isinstance(x, Padded) else x)

    def groups(self) -> Groups:
        """The embedding, every layer, the head; shared weights belong to the embedding."""
        return [*self.body.groups(), ("head", [self.head])]

    def describe(self) -> dict[str, Any]:
        """What :class:`TextNetwork` needs to build it again."""
        return dict(self._fields)


class LanguageHead(nn.Module):
    """Scores of the next token at every place: a bias a token, and the embedding's weights or its own."""

    def __init__(self, width: int, outputs: int, *, tied: bool) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight = None if tied else nn.Parameter(torch.empty(outputs, width).uniform_(-0.1, 0.1))

    def logits(self, states: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
        """(b, t, outputs) for states (b, t, width)."""
        return functional.linear(states, embedding if self.weight is None else self.weight, self.bias)


class PoolingHead(nn.Module):
    """The last state, the largest and the mean value of every number, then two layers (Howard & Ruder 2018, 3.3)."""

    def __init__(self, width: int, outputs: int, dropout: float, norm: Norm) -> None:
        super().__init__()
        self.dropout = dropout
        make = norm_factory(norm, flat=True)
        self.before, self.between = make(3 * width), make(width)
        self.inner = nn.Linear(3 * width, width)
        self.outer = nn.Linear(width, outputs)

    def forward(self, states: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """(b, outputs) for states (b, t, width); ``there``, bool (b, t), is True where there is a token."""
        count = there.sum(dim=1)
        last = states[torch.arange(states.shape[0], device=states.device), count - 1]
        inside = there[..., None]
        largest = states.masked_fill(~inside, float("-inf")).amax(dim=1)
        mean = torch.where(inside, states, 0).sum(dim=1) / count[:, None]
        x = functional.dropout(self.before(torch.cat((last, largest, mean), dim=1)), self.dropout, self.training)
        x = functional.dropout(self.between(functional.relu(self.inner(x))), self.dropout, self.training)
        outputs: torch.Tensor = self.outer(x)
        return outputs


def adopt(model: TextModel, weights: Weights, signature: Signature) -> None:
    """Puts the weights of another text network into the body, and into the head where both are language models.

    Rows of the embedding (and of a language model's head) are matched by token; tokens that the source did not
    have get the mean of its rows.

    Raises:
        DataError: the weights do not say their tokens, or a tensor is missing.
    """
    theirs = weights.meta.get("encoder", {}).get("values", {}).get("vocabulary")
    if not theirs or not signature.tokens:
        raise DataError("the weights do not say their tokens", where=weights.where, hint="Train the source anew.")
    place = {token: number for number, token in enumerate(theirs)}
    rows = torch.tensor([place.get(token, -1) for token in signature.tokens])
    own = model.state_dict()
    by_token = {"body.embedding.weight", "head.weight", "head.bias"} if isinstance(model.head, LanguageHead) else set()
    by_token |= {"body.embedding.weight"}
    for name in own:
        if name.startswith("head.") and not (name in by_token and name in weights.tensors):
            continue
        given = weights.tensors.get(name)
        if given is None:
            raise DataError(f"the weights have no '{name}'", where=weights.where, hint="Train the source anew.")
        own[name] = _matched(given, rows) if name in by_token else given
    model.load_state_dict(own)


def _matched(given: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    known = rows >= 0
    found = given[rows.clamp(min=0)]
    found[~known] = given.mean(dim=0)
    return found


def _continued(states: torch.Tensor, x: Padded | torch.Tensor) -> torch.Tensor:
    """The states, and behind each text's end its last one."""
    if not isinstance(x, Padded):
        return states
    places = torch.arange(states.shape[1], device=states.device)[None, :].minimum(x.lengths[:, None] - 1).clamp(min=0)
    return states.gather(1, places[..., None].expand_as(states))


def _there(x: Padded | torch.Tensor) -> torch.Tensor:
    """Bool (b, t): True where there is a token; the first place always counts as one."""
    if isinstance(x, Padded):
        mask = x.mask
        return mask | (torch.arange(mask.shape[1], device=mask.device) == 0)
    return torch.ones_like(x, dtype=torch.bool)
