"""Diagnostics after training: each is asked for by name in ``Learner.diagnostics``; none runs unasked."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.data.forced import Forced
from workbench.data.loading import Batches
from workbench.data.pictures import ImageData
from workbench.data.targets.token_sequence import TokenSequence
from workbench.data.views import views
from workbench.models.norm import distances, recalibrate
from workbench.training.evaluation import Views, evaluate, mixed_order, untouched

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State


def training_inputs(learner: Learner, state: State) -> Iterator[torch.Tensor]:
    """The training items once, shuffled, prepared as for evaluation, in batches of the training size or at least 64.

    Statistics over small batches are noisy (Wu & Johnson 2021, section 3). A last batch of one item is left out: it
    would weigh as much as a whole one, and one value a channel has no spread.
    """
    order, size = mixed_order(learner, state.data.train), max(64, learner.batch_size)
    if len(order) > size and len(order) % size == 1:
        order = order[:-1]
    for batch in Batches(state.data.train, batch=size, device=state.device, order=order):
        yield learner.inputs(batch, training=False)


def measure_statistics(learner: Learner, state: State) -> int:
    """Batch-norm statistics anew, over the training items; how many layers have any.

    They are those of training: through the learner's ``forward``, in its precision.
    """

    def forward(model: nn.Module, x: Any) -> None:
        with learner.numbers.autocast():
            learner.forward(model, x)

    return recalibrate(state.model, training_inputs(learner, state), forward)


def train_error(learner: Learner, state: State) -> dict[str, float]:
    """``train/*``: the training items, evaluated as at test time."""
    values, _ = evaluate(learner, state, state.data.train)
    return {f"train/{name}": value for name, value in values.items()}


def train_mode(learner: Learner, state: State) -> dict[str, float]:
    """``train_mode/*``: the training items, normalised as in training; far below ``train/*`` for stale statistics."""
    values, _ = evaluate(learner, state, state.data.train, train_mode=True)
    return {f"train_mode/{name}": value for name, value in values.items()}


def recalibrated(learner: Learner, state: State) -> dict[str, float]:
    """The test items after re-estimating statistics on a copy, and how far the run's own statistics were from those.

    ``recalibrated/*``, and ``statistics/distance``: the mean over layers of |running mean - population mean| in
    population deviations. Nothing for a model without batch normalisation.
    """
    twin = copy.copy(state)
    twin.model = copy.deepcopy(state.model)
    if not measure_statistics(learner, twin):
        return {}
    values, _ = evaluate(learner, twin, state.data.test)
    layers = distances(state.model, twin.model)
    found = {f"recalibrated/{name}": value for name, value in values.items()}
    return found | {"statistics/distance": sum(layers.values()) / len(layers)}


def several_views(learner: Learner, state: State) -> dict[str, float]:
    """``views/*``: the test items, each seen several times, its answers averaged; nothing for data without views."""
    several = views_of(learner)
    if several is None:
        return {}
    values, _ = evaluate(learner, state, state.data.test, views=several)
    return {f"views/{name}": value for name, value in values.items()}


def views_of(learner: Learner) -> Views | None:
    """Several looks at a batch of pictures, see :mod:`workbench.data.views`; None for data that are not pictures.

    Mirrored as well where training mirrors.
    """
    if not isinstance(learner.data, ImageData):
        return None
    return functools.partial(views, flip=learner.data.augment is not None and learner.data.augment.flip)


def forced(learner: Learner, state: State) -> dict[str, float]:
    """``forced/*``: the test items with the true token before each place; nothing for data that are not pairs.

    ``forced/error``: share of places, END among them, whose true token is not the likeliest; ``forced/loss``: nats a
    token; both are each sequence's mean. ``test/*`` is written freely, so that what it has more of comes from
    going on from own mistakes (exposure bias; Bengio et al. 2015 call the former the next-step error).
    """
    if state.data.signature.kind != "pairs":
        return {}
    places, items, sums = TokenSequence(), state.data.test, dict[str, torch.Tensor]()
    with torch.no_grad(), untouched(state.model) as model:
        for batch in Batches(items, batch=learner.batch_size, device=state.device):
            fed = Forced(batch.x, batch.y, keep=torch.zeros(batch.y.ids.shape, device=state.device), share=1.0)
            with learner.numbers.autocast():
                output = learner.numbers.full(learner.forward(model, fed))
            for name, values in places.metrics(output, batch.y).items():
                sums[name] = sums.get(name, torch.zeros((), device=state.device)) + values.sum()
    return {f"forced/{name}": float(total) / len(items) for name, total in sums.items()}


DIAGNOSTICS: dict[str, Callable[[Learner, State], dict[str, float]]] = {
    "train": train_error,
    "train_mode": train_mode,
    "recalibrated": recalibrated,
    "views": several_views,
    "forced": forced,
}
