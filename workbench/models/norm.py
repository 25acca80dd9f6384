"""Normalisation as a policy of two switches, applied every time that train mode is switched on.

Which statistics normalise while training, and whether the affine weights train, are independent questions
that every framework answers differently for frozen layers, and mostly by accident. Seen in fastai 2.8.12,
Lightning 2.6.6, Keras 3.15.1 and torchvision 0.29.2 (docs/batch_norm.md), except where it says "by its source":

=======  ======  ==============================  ===========================================================
stats    affine  normalises in training by       who does that
=======  ======  ==============================  ===========================================================
track    True    the batch; running ones follow  ordinary batch norm; fastai and Lightning ``freeze()``; Keras
                                                 ``fit()`` of a functional model, although its body was
                                                 called with ``training=False``
track    False   the batch; running ones follow  ``requires_grad_(False)``; fastai ``train_bn=False``; by its
                                                 source Keras up to 2.1.2 frozen
batch    True    the batch; running ones stay    (completes the table)
batch    False   the batch; running ones stay    Lightning ``freeze(train_bn=False)``; by its source Keras
                                                 2.1.3-2.2 frozen
running  True    the running ones, which stay    Keras ``self.body(x, training=False)`` in a model's own
                                                 ``call()``; Lightning with ``body.eval()`` before ``fit()``
running  False   the running ones, which stay    Keras ``trainable=False``; torchvision FrozenBatchNorm2d;
                                                 fastai ``train_bn=False`` with BnFreeze
=======  ======  ==============================  ===========================================================
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.errors import DataError, FieldError
from workbench.models.groups import NORMS, Trained, frozen_modules
from workbench.parts import Part

Forward = Callable[[nn.Module, Any], Any]
"""A forward pass of a model on prepared inputs."""


class Norm(Part):
    """Which normalisation a network has, and how it behaves in the frozen part (in all of it when nothing is frozen).

    ``kind``: batch (Ioffe & Szegedy 2015), group (Wu & He 2018; as many groups as the greatest common divisor of
    8 and the channels) or none. ``stats``: "track" normalises by the batch and the running statistics
    follow; "batch" normalises by the batch and they stay as they are; "running" normalises by them, in
    training as in evaluation. ``affine``: whether scale and shift train, also where the convolutions around
    them are frozen. ``momentum``: the weight of the newest batch in the running statistics (0.1 is what Keras
    calls 0.9).

    Raises:
        FieldError: statistics of a kind that has none, affine weights that do not exist, or a momentum out of range.
    """

    one_choice: ClassVar[bool] = True

    kind: Literal["batch", "group", "none"] = "batch"
    stats: Literal["track", "batch", "running"] = "track"
    affine: bool = True
    momentum: float = 0.1

    def check(self) -> None:
        """Refuse statistics for a kind that has none, and affine weights that do not exist."""
        if self.kind != "batch" and self.stats != "track":
            raise FieldError(
                f"Norm.stats is '{self.stats}', but kind '{self.kind}' keeps no statistics",
                hint="Leave stats at 'track', or use kind='batch'.",
            )
        if self.kind == "none" and not self.affine:
            raise FieldError(
                "Norm.affine is False, but kind 'none' has no affine weights", hint="Leave affine at True."
            )
        if not 0 < self.momentum <= 1:
            raise FieldError(
                f"Norm.momentum is {self.momentum!r}; it takes a number above 0 and up to 1",
                hint="For running statistics that never move use stats='batch' or 'running'.",
            )


def norm_factory(norm: Norm, *, flat: bool = False) -> Callable[[int], nn.Module]:
    """Makes the normalisation layer for a number of channels: of pictures, or ``flat`` of vectors (b, channels)."""
    if norm.kind == "batch":
        layer = nn.BatchNorm1d if flat else nn.BatchNorm2d
        return lambda channels: layer(channels, momentum=norm.momentum)
    if norm.kind == "group":
        return lambda channels: nn.GroupNorm(math.gcd(8, channels), channels)
    return lambda channels: nn.Identity()


def apply_norm(model: nn.Module, norm: Norm, scope: Trained = "all") -> None:
    """Sets modes and trainability of every layer for training; call it each time after ``model.train()``.

    Everything in the frozen part stops training and everything else trains, with one exception: normalisation
    layers of the frozen part (of the whole model where the scope is "all") follow ``norm``. Other normalisation
    layers are ordinary: their statistics follow with the same momentum, their affine weights train. Only
    normalisation layers' modes are set, so that a model in evaluation mode gets the normalisation of training
    without its dropout.
    """
    frozen = frozen_modules(model, scope)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    for module in frozen:
        module.requires_grad_(False)
    inside = {id(layer) for module in frozen for layer in module.modules()}
    ordinary = Norm(kind=norm.kind, momentum=norm.momentum)
    for layer in model.modules():
        if isinstance(layer, NORMS):
            _set_layer(layer, norm if scope == "all" or id(layer) in inside else ordinary)


def _set_layer(layer: nn.Module, norm: Norm) -> None:
    for parameter in layer.parameters(recurse=False):
        parameter.requires_grad_(norm.affine)
    if isinstance(layer, _BatchNorm):
        # momentum 0 keeps the running statistics bit for bit while the batch normalises; the layer's counter of
        # batches still goes up, but it is read only where momentum is None
        layer.momentum = 0.0 if norm.stats == "batch" else norm.momentum
        layer.train(norm.stats != "running")


def batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """The batch normalisation layers that keep running statistics, by name."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    }


@torch.no_grad()
def recalibrate(model: nn.Module, batches: Iterable[torch.Tensor], forward: Forward = nn.Module.__call__) -> int:
    """Replaces the running statistics by the averages over ``batches``; weights, modes and momenta stay as they were.

    PreciseBN (Wu & Johnson 2021, "Rethinking 'Batch' in BatchNorm"): one pass in which batch normalisation
    layers normalise by the batch and everything else is in evaluation mode. Batches count equally, so they
    should be of equal size.

    Args:
        batches: prepared inputs, float32 of shape (b, c, h, w).
        forward: how a batch goes through the model, where that is more than a call; what it gives is not used.

    Returns:
        How many layers were recalibrated; 0 for a model without batch normalisation.

    Raises:
        DataError: there was no batch; the statistics are left as they were.
    """
    layers = list(batch_norms(model).values())
    iterator = iter(batches)
    first = next(iterator, None)
    if first is None:
        raise DataError("there are no batches to recalibrate the statistics on")
    if not layers:
        return 0
    with _measuring(model, layers):
        for layer in layers:
            layer.reset_running_stats()
        forward(model, first)
        for batch in iterator:
            forward(model, batch)
    return len(layers)


@contextlib.contextmanager
def _measuring(model: nn.Module, layers: list[_BatchNorm]) -> Iterator[None]:
    """Only ``layers`` are in train mode and average cumulatively; afterwards everything is as before."""
    modes = [(module, module.training) for module in model.modules()]
    momenta = [layer.momentum for layer in layers]
    model.eval()
    for layer in layers:
        layer.train()
        layer.momentum = None
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@torch.no_grad()
def statistic_distance(
    model: nn.Module, batches: Iterable[torch.Tensor], forward: Forward = nn.Module.__call__
) -> dict[str, float]:
    """How far each layer's running mean is from the population's, in the population's standard deviations.

    The mean over channels of ``|mu_run - mu_pop| / sigma_pop``, by the layer's name, from input to head;
    mu_pop and sigma_pop come from :func:`recalibrate` on a copy. About 0 after ordinary training, above 1
    where the statistics belong to other data.
    """
    copied = copy.deepcopy(model)
    recalibrate(copied, batches, forward)
    return distances(model, copied)


def distances(model: nn.Module, recalibrated: nn.Module) -> dict[str, float]:
    """What :func:`statistic_distance` gives, for a copy whose statistics were re-estimated already."""
    population = batch_norms(recalibrated)
    found = {}
    for name, layer in batch_norms(model).items():
        mean, variance = population[name].running_mean, population[name].running_var
        assert layer.running_mean is not None and mean is not None and variance is not None
        apart = (layer.running_mean - mean).abs() / (variance + layer.eps).sqrt()
        found[name] = float(apart.mean())
    return found
