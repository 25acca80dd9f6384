"""Embeddings and features in two dimensions: what lies near what, in the directions in which they differ most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from workbench.data.ratings import RatingsEncoder
from workbench.data.table_encoder import TableEncoder
from workbench.data.targets.single_label import SingleLabel
from workbench.interpret import drawing
from workbench.interpret.looking import batches, items_of, looking, output_of, tensors
from workbench.interpret.view import DoesNotApply, Table, View
from workbench.interpret.words import in_words
from workbench.training.state import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 2000
_NAMED = 60
_KEYED = 20
"""Groups that a legend beside the points has room for; of more, each has its name among its points."""


@runtime_checkable
class Embedding(Protocol):
    """A network that has vectors for things with names: entities, users, tokens."""

    def embeddings(self) -> dict[str, torch.Tensor]:
        """float32 (n, d) by the name of what is embedded; row i belongs to id i."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Projection(View):
    """The first two principal components (Pearson 1901) of n vectors.

    Attributes:
        points: float64 (n, 2).
        names: what each point is.
        groups: a class for each point, "" where there are none.
        order: of the groups in the legend.
        named: whether the names are words, to be written beside points; else they are content hashes.
        explained: the share of the variance along each component, all of them.
    """

    title: ClassVar[str] = "Projection"
    most: ClassVar[int] = 6
    points: np.ndarray
    names: tuple[str, ...]
    groups: tuple[str, ...]
    explained: tuple[float, ...]
    what: str
    order: tuple[str, ...] = ("",)
    named: bool = True

    def heading(self) -> str:
        """What is projected."""
        return f"{self.title} of {self.what}"

    def table(self) -> Table:
        """A row a point."""
        rows = [
            (name, group, float(x), float(y))
            for name, group, (x, y) in zip(self.names, self.groups, self.points, strict=True)
        ]
        return Table(("item", "group", "component 1", "component 2"), rows)

    def notes(self) -> list[str]:
        """What is shown, and how much of it."""
        shown = sum(self.explained[:2])
        return [
            f"{self.what}: {len(self.names):,} vectors. Two components hold {shown:.1%} of their variance; what lies "
            "close together here may be far apart in the rest."
        ]

    def figure(self) -> Figure:
        """A scatter plot, coloured by group, with names as far as there is room: those of the first rows."""
        with drawing.canvas(7.2, 5.4) as made:
            axes = made.subplots()
            self._draw(axes)
            axes.set_title(drawing.literal(self.what))
            for axis, share in zip((axes.xaxis, axes.yaxis), self.explained, strict=False):
                number = 1 if axis is axes.xaxis else 2
                axis.set_label_text(f"component {number} ({share:.1%} of the variance)")
            drawing.plain(axes)
        return made

    def _draw(self, axes: Axes) -> None:
        groups = np.array(self.groups)
        known = [each for each in self.order if each in set(self.groups)]
        handles = []
        for place, group in enumerate(known):
            x, y = self.points[groups == group].T
            colour = drawing.COLOURS[place % len(drawing.COLOURS)]
            # past the colours the markers change, so that no two groups look alike
            marker = drawing.MARKERS[(place // len(drawing.COLOURS)) % len(drawing.MARKERS)]
            handles += axes.plot(x, y, marker, color=colour, markersize=3.5, alpha=0.7, markeredgewidth=0)
        if self.named and len(known) == 1:
            _name_points(axes, self.names, self.points, _NAMED)
        elif len(known) > _KEYED:
            middles = np.array([np.median(self.points[groups == group], axis=0) for group in known])
            _name_points(axes, known, middles, len(known))
        elif len(known) > 1:
            shown = drawing.labels(known)
            axes.legend(handles, shown, frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))


def _name_points(axes: Axes, names: Sequence[str], points: np.ndarray, most: int) -> None:
    """Writes names beside their points, the first first, where they stand on none that is written already."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    # what a letter takes of the axes, at 6 points in a figure of 7.2 x 5.4 inches
    letter, line = 0.009, 0.024
    boxes: list[tuple[float, float, float]] = []
    for name, (x, y) in zip(names, points, strict=True):
        shown = drawing.cut(name, 24)
        begin, middle = (x - left) / (right - left), (y - bottom) / (top - bottom)
        end = begin + letter * len(shown)
        if all(begin > other_end or end < other or abs(middle - at) > line for other, other_end, at in boxes):
            boxes.append((begin, end, middle))
            axes.annotate(drawing.literal(shown), (x, y), fontsize=6, xytext=(3, 2), textcoords="offset points")
        if len(boxes) == most:
            return


class Projections(dict[str, Projection]):
    """Several of them by name; a notebook shows one below the other."""

    def _repr_html_(self) -> str:
        return "".join(each._repr_html_() for each in self.values())


def features(state: State, split: str, *, most: int = _MOST) -> Projection:
    """What goes into the last linear layer, for the first ``most`` items of a split, coloured by class if there is one.

    Raises:
        DoesNotApply: the head has no linear layer, or does not give it one vector an item.
    """
    found: list[torch.Tensor] = []
    groups = state.learner.groups(state.model)
    linear = [each for module in groups[-1][1] for each in module.modules() if isinstance(each, nn.Linear)]
    if not linear:
        raise DoesNotApply(f"the head of {type(state.model).__name__} has no linear layer")

    def before(module: nn.Module, given: tuple[Any, ...]) -> None:
        found.append(tensors(given)[0])

    handle = linear[-1].register_forward_pre_hook(before)
    try:
        with looking(state) as model:
            for batch in batches(state, split, most=most):
                output_of(state, model, batch)
    finally:
        handle.remove()
    if not found or any(each.ndim != 2 or not each.is_floating_point() for each in found):
        raise DoesNotApply(f"the head of {type(state.model).__name__} does not get one vector an item")
    vectors = torch.cat(found).float().cpu().numpy()
    items = items_of(state, split)
    target, labels = state.data.target, ("",) * len(vectors)
    order: tuple[str, ...] = ("",)
    if isinstance(target, SingleLabel):
        truth, order = np.asarray(items.targets[: len(vectors)].cpu()), state.data.classes
        labels = tuple(in_words(each, target, state.data.classes) for each in truth)
    names = tuple(items.keys[: len(vectors)])
    shown = project(vectors, names, labels, f"features before the last layer, {split} split")
    return replace(shown, order=order, named=False)


def embeddings(state: State, *, most: int = _MOST) -> Projections:
    """Every table of embeddings of the network by name, its first ``most`` rows: the commonest come first.

    Raises:
        DoesNotApply: the network has none.
    """
    model = state.model
    if isinstance(model, Embedding):
        tables = model.embeddings()
    else:
        found = [(name, each) for name, each in model.named_modules() if isinstance(each, nn.Embedding)]
        tables = {name: each.weight for name, each in found}
    if not tables:
        raise DoesNotApply(f"{type(model).__name__} has no embeddings")
    return Projections(
        {
            name: project(each[:most].detach().float().cpu().numpy(), _names(state, name, len(each[:most])), (), name)
            for name, each in tables.items()
            if len(each) > 2
        }
    )


def project(vectors: np.ndarray, names: Sequence[str], groups: Sequence[str], what: str) -> Projection:
    """Principal components by singular values; each one's sign is such that its largest coordinate is positive."""
    exact = vectors.astype(np.float64)
    left, strength, _ = np.linalg.svd(exact - exact.mean(0), full_matrices=False)
    points = np.zeros((len(exact), 2))
    kept = min(2, len(strength))
    points[:, :kept] = left[:, :kept] * strength[:kept]
    points *= np.sign(np.take_along_axis(points, np.abs(points).argmax(0)[None], axis=0)) + (points == 0).all(0)
    total = float(np.square(strength).sum()) or 1.0
    explained = tuple((np.square(strength) / total).tolist())
    return Projection(points, tuple(names), tuple(groups) or ("",) * len(exact), explained, what)


def _names(state: State, table: str, count: int) -> tuple[str, ...]:
    """What the rows of a table stand for, as far as the data say; else their numbers."""
    encoder, tokens = state.data.encoder, state.data.signature.tokens
    known: tuple[str, ...] = ()
    if isinstance(encoder, TableEncoder) and table in encoder.categories:
        known = ("(missing or rare)", *encoder.categories[table])
    elif isinstance(encoder, RatingsEncoder) and table in encoder.names:
        known = ("(unseen)", *(encoder.users, encoder.items)[encoder.names.index(table)])
    elif state.data.signature.kind == "text" and len(tokens) >= count:
        known = tokens
    elif state.data.signature.kind == "pairs":
        known = state.data.classes if "target" in table else tokens
    return tuple(known[place] if place < len(known) else str(place) for place in range(count))
