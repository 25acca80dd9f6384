"""What a network looks at, token by token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch

from workbench.data.values import END, PAD, Padded
from workbench.errors import FieldError
from workbench.interpret import drawing
from workbench.interpret.looking import item_at, looking
from workbench.interpret.predict import as_batch
from workbench.interpret.view import DoesNotApply, Table, View
from workbench.training.state import State

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@runtime_checkable
class Aligning(Protocol):
    """A network for pairs that says which source tokens it looks at for each token that it writes."""

    def alignment(self, x: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Target ids (b, t), its own for ``Padded`` sources, and weights (b, t, s) that sum to 1 over the source."""
        ...


@runtime_checkable
class Attending(Protocol):
    """A network whose tokens look at one another."""

    def attention(self, x: Any) -> list[torch.Tensor]:
        """Weights (b, heads, t, t) of each layer; a row sums to 1."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Attention(View):
    """One item. ``weights``: float32 (t, s), rows written or reading tokens, columns those that they look at.

    ``what`` says what they are of, ``place`` which item of which split it is; "" for one that is new.
    """

    title: ClassVar[str] = "Attention"
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    weights: np.ndarray
    what: str
    place: str = ""

    def heading(self) -> str:
        """With the item's place."""
        return f"{self.title}, {self.place}" if self.place else self.title

    def table(self) -> Table:
        """Where each token looks most, and how much of its weight that has."""
        most = self.weights.argmax(1)
        rows = [
            (token, self.columns[place], float(weights[place]))
            for token, place, weights in zip(self.rows, most.tolist(), self.weights, strict=True)
        ]
        return Table(("token", "looks most at", "weight"), rows)

    def notes(self) -> list[str]:
        """What the weights are of, and what they do not say."""
        return [f"{self.what}. A weight says where the network looks, not that the answer depends on it."]

    def figure(self) -> Figure:
        """Tokens by tokens; the darker, the more weight."""
        width, height = (min(14.0, 0.28 * len(each) + 2.6) for each in (self.columns, self.rows))
        with drawing.canvas(max(4.0, width), max(3.0, height)) as made:
            axes = made.subplots()
            image = axes.imshow(self.weights, cmap=drawing.SHADES, vmin=0, aspect="auto", interpolation="nearest")
            drawing.named_ticks(axes, self.columns, most=60)
            drawing.named_ticks(axes, self.rows, axis="y", most=60)
            axes.set_xlabel("looks at")
            axes.set_ylabel("token")
            made.colorbar(image, label="attention weight", shrink=0.8)
        return made


def attention(state: State, item: Any, *, layer: int = -1) -> Attention:
    """What the network looks at in one item as a user has it: a text, or the source of a pair.

    Args:
        layer: of a text network, from 0; the mean over its heads is shown.

    Raises:
        DoesNotApply: a network that has no attention, or does not give its weights.
        DataError: the item cannot be encoded.
    """
    return _look(state, state.data.encoder.encode([item]), layer)


def attention_at(state: State, split: str, position: int, *, layer: int = -1) -> Attention:
    """The same of an item of a split, token for token as it is stored: words for people do not all lead back to it.

    Raises:
        DoesNotApply: as :func:`attention`, and for items that have no tokens.
        FieldError: there is no such split or item.
    """
    stored = item_at(state, split, position)
    if state.data.signature.kind not in ("text", "pairs"):
        raise DoesNotApply("attention is between tokens, and there are none")
    found = _look(state, stored, layer)
    return replace(found, place=f"item {position:,} of the {split} split")


def _look(state: State, stored: Any, layer: int) -> Attention:
    """Of the only item in ``stored``."""
    batch = as_batch(state, stored, torch.zeros(1, dtype=torch.int64))
    try:
        with looking(state) as model:
            return _weights(state, model, state.learner.inputs(batch, training=False), layer)
    except FieldError as error:  # its architecture could have some, and this one was built without
        raise DoesNotApply(error.problem, hint=error.hint) from error


def _weights(state: State, model: Any, x: Any, layer: int) -> Attention:
    tokens = state.data.signature.tokens
    if isinstance(model, Aligning):
        ids, weights = model.alignment(x)
        rows, columns = _named(ids[0], state.data.classes), _named(x.ids[0], tokens)
        what = "Target tokens, as the network writes them, by source tokens"
    elif isinstance(model, Attending):
        layers = model.attention(x)
        ids, weights = (x.ids if isinstance(x, Padded) else x), layers[layer].mean(1)
        rows = columns = _named(ids[0], tokens)
        number = range(len(layers))[layer] + 1
        what = f"Layer {number} of {len(layers)}, the mean over {layers[layer].shape[1]} heads"
    else:
        raise DoesNotApply(f"{type(model).__name__} has no attention() or alignment() that gives its weights")
    shown = weights[0, : len(rows), : len(columns)].float().cpu().numpy()
    return Attention(rows, columns, shown, what)


def _named(ids: torch.Tensor, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """The tokens up to the end mark, which is shown as one, or to the padding."""
    found: list[str] = []
    for each in ids.tolist():
        if each == PAD:
            break
        found.append(tokens[each] if each < len(tokens) else str(each))
        if each == END:
            break
    return tuple(found)
