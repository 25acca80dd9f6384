"""By what items can be sorted into slices: class, brightness, length, the columns of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from workbench.data.table_encoder import TableEncoder
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.single_label import SingleLabel
from workbench.data.values import Padded, Ragged, Rows
from workbench.interpret.answers import Answers
from workbench.training.state import State

_QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class Trait:
    """A property that every item has: its name, and bool (n,) for each of its values in words."""

    name: str
    members: dict[str, np.ndarray]


def traits(state: State, answers: Answers) -> list[Trait]:
    """What the items of a split can be told apart by: their true class or labels, and what is seen in the inputs."""
    return [*_of_targets(answers), *_of_inputs(state, answers)]


def _of_targets(answers: Answers) -> list[Trait]:
    truth, classes = answers.truth, answers.classes
    if isinstance(answers.target, SingleLabel):
        return [Trait("class", {name: truth == place for place, name in enumerate(classes)})]
    if isinstance(answers.target, MultiLabel):
        return [Trait("label", {name: truth[:, place] > 0.5 for place, name in enumerate(classes)})]
    # not numbers: whoever answers near the mean is most wrong at both ends, which says nothing about the items
    return []


def _of_inputs(state: State, answers: Answers) -> list[Trait]:
    inputs, kind = answers.items.inputs, state.data.signature.kind
    if kind == "image":
        return _of_pictures(inputs)
    if isinstance(inputs, Ragged | Padded):
        counts = inputs.counts
        lengths = counts.numpy() if isinstance(counts, torch.Tensor) else np.array(counts)
        return [ranges("tokens", lengths)]
    if isinstance(inputs, Rows):
        return _of_rows(inputs, state.data.encoder)
    if kind == "ratings":
        return _of_ratings(inputs, state.data.train.inputs)
    return []


def _of_pictures(pictures: torch.Tensor) -> list[Trait]:
    """Mean and deviation of each picture's own bytes, in thousands at a time: float copies are four times as large."""
    values = [(part.float().mean((1, 2, 3)), part.float().std((1, 2, 3))) for part in pictures.split(1000)]
    bright, contrast = (torch.cat(column).cpu().numpy() for column in zip(*values, strict=True))
    return [ranges("brightness", bright), ranges("contrast", contrast)]


def _of_rows(rows: Rows, encoder: object) -> list[Trait]:
    """Categories by value, numbers in quarters; with the encoder's names where it is a table's."""
    known = encoder if isinstance(encoder, TableEncoder) else None
    columns = known.categories if known else {f"category {place}": () for place in range(rows.categories.shape[1])}
    found = []
    for place, (name, names) in enumerate(columns.items()):
        ids = rows.categories[:, place].cpu().numpy()
        shown = ("(missing or rare)", *names)
        found.append(Trait(name, {_name(shown, each): ids == each for each in np.unique(ids).tolist()}))
    for place in range(rows.numbers.shape[1]):
        values = rows.numbers[:, place].double().cpu().numpy()
        name = known.number_names[place] if known else f"number {place}"
        scale = known.scales.get(name) if known else None
        if scale is not None:
            values = np.array([scale.undo(each) for each in values.tolist()])
        found.append(ranges(name, values))
    return found


def _of_ratings(pairs: torch.Tensor, training: torch.Tensor) -> list[Trait]:
    """How many training ratings the user gave, and how many the thing got."""
    found = []
    for place, name in enumerate(("user's training ratings", "thing's training ratings")):
        counts = torch.bincount(training[:, place].cpu())
        ids = pairs[:, place].cpu()
        own = torch.where(ids < len(counts), counts[ids.clamp(max=len(counts) - 1)], 0)
        found.append(ranges(name, own.numpy()))
    return found


def ranges(name: str, values: np.ndarray) -> Trait:
    """Quarters of the items by a number; single values where there are at most five."""
    different = np.unique(values)
    if len(different) <= 5:
        return Trait(name, {f"{float(each):.4g}": values == each for each in different})
    edges = np.unique(np.quantile(values, _QUARTERS))
    edges = edges[edges < different[-1]]
    if not len(edges):  # more than three quarters have the largest value, as texts do that were cut
        edges = different[-2:-1]
    place = np.searchsorted(edges, values, side="left")
    members = {}
    for part in np.unique(place).tolist():
        inside = place == part
        members[f"{float(values[inside].min()):.4g} to {float(values[inside].max()):.4g}"] = inside
    return Trait(name, members)


def _name(names: tuple[str, ...], place: int) -> str:
    return names[place] if place < len(names) else str(place)
