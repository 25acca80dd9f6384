"""Batch normalisation over a batch that several processes share, on the CPU: torch's SyncBatchNorm needs GPUs.

Mean and variance are those of all processes' items, each of which counts once, however unequal the shares. Beyond
steps, where every process goes through all items, a layer is what torch's own is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

Piece = TypeVar("Piece")
_ORDINARY = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_KEPT = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class SharedBatchNorm(_BatchNorm):
    """What BatchNorm1d, 2d and 3d do (Ioffe & Szegedy 2015), over the items of all processes within :func:`sharing`.

    Attributes:
        share: 1 while this process has a share of the items, 0 while what it is given stands for none and counts for
            nothing; None: it has them all.
    """

    share: float | None = None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalised (b, c, ...); raises ValueError, as torch does, where training has one value a channel."""
        if self.share is None or not (self.training or self.running_mean is None):
            return super().forward(input)
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        axes = [axis for axis in range(x.dim()) if axis != 1]
        values = x.new_full((1,), x.numel() / x.shape[1])
        # two exchanges: the mean of squares less the squared mean would lose digits
        whole = _Sum.apply(torch.cat([x.sum(axes), values]) * self.share)
        count = whole[-1]
        if count <= 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.shape}")
        mean = whole[:-1] / count
        centred = x - _along(mean, x)
        variance = _Sum.apply(centred.square().sum(axes) * self.share) / count
        if self.training:
            self._follow(mean, variance * count / (count - 1))
        normal = centred * _along((variance + self.eps).rsqrt(), x)
        if self.weight is not None:
            normal = normal * _along(self.weight, x) + _along(self.bias, x)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """The running statistics, as torch's layers move them."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        newest = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), newest)
        self.running_var.lerp_(variance.to(self.running_var.dtype), newest)

    def _check_input_dim(self, input: torch.Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"expected at least 2D input (got {input.dim()}D input)")


class _Sum(torch.autograd.Function):
    """The sum over all processes; each holds a part of the loss, so its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        """In the same order everywhere, and so in the same bits."""
        total = value.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Likewise."""
        return _Sum.forward(ctx, *gradients)


def share_statistics(model: nn.Module) -> nn.Module:
    """The model with its batch normalisation replaced, in place; names, weights, buffers and modes stay."""
    if isinstance(model, _BatchNorm) and type(model) in _ORDINARY:
        return _shared(model)
    for name, child in model._modules.items():
        if child is not None:
            model._modules[name] = share_statistics(child)
    return model


def sharing(model: nn.Module, pieces: Iterable[tuple[Piece, float]]) -> Iterator[tuple[Piece, float]]:
    """The pieces of a step with their weights; while each is in use, its statistics are those of all processes'.

    Every process has to take equally many. One of weight 0 stands for no item.
    """
    layers = [each for each in model.modules() if isinstance(each, SharedBatchNorm)]
    try:
        for piece, weight in pieces:
            for layer in layers:
                layer.share = float(weight > 0)
            yield piece, weight
    finally:
        for layer in layers:
            layer.share = None


def _shared(layer: _BatchNorm) -> SharedBatchNorm:
    found = SharedBatchNorm(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    for name in _KEPT:
        setattr(found, name, getattr(layer, name))
    return found.train(layer.training)


def _along(channels: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """(c,) as it meets (b, c, ...)."""
    return channels.view(-1, *[1] * (x.dim() - 2))
