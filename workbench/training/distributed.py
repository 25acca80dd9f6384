"""Several processes, each on its share of the same batch, with the result of one process.

``torchrun --nproc-per-node 4 train.py`` starts them and sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT; a
program with a Learner in it needs no change. Each process goes through the same batches in the same order and computes
on its slice. Gradients are weighed by what the loss is the mean of (items, or tokens) and summed, and batch
normalisation takes its statistics over all slices, so that a step is one process's step, exact up to the order of
summation; dropout draws other numbers. Every process evaluates all items, as one alone would; process 0's numbers count
for all, so that what a callback decides by them is the same everywhere.
What writes files or prints belongs to process 0: ``learner.ranks.first``.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.data.loading import Batch
from workbench.errors import FieldError, UsageError
from workbench.training.shared_norm import SharedBatchNorm, share_statistics, sharing

Value = TypeVar("Value")


@dataclass(frozen=True)
class Ranks:
    """This process among ``world`` of them; ``local`` counts those on one machine."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    @property
    def own(self) -> tuple[int, ...]:
        """What the names of streams end with that have to differ between processes."""
        return () if self.first else (self.rank,)

    def share(self, batch: Batch) -> Batch | None:
        """This process's slice of a batch; None where there are fewer items than processes."""
        if self.world == 1:
            return batch
        start, end = (len(batch) * rank // self.world for rank in (self.rank, self.rank + 1))
        cut = slice(start, end)
        return Batch(batch.x[cut], batch.y[cut], batch.index[cut]) if end > start else None

    def together(self, model: nn.Module, pieces: Iterable[tuple[Batch, float]]) -> Iterable[tuple[Batch, float]]:
        """The pieces of a step with their weights; on each, batch normalisation goes by all processes' items."""
        return pieces if self.world == 1 else sharing(model, pieces)

    def sum(self, model: nn.Module, loss: torch.Tensor) -> torch.Tensor:
        """Adds up every process's gradients, in place, and their losses, which it returns: one exchange a step."""
        if self.world == 1:
            return loss
        gradients = [each.grad for each in model.parameters() if each.grad is not None]
        whole = torch.cat([loss.reshape(1), *(each.flatten() for each in gradients)])
        dist.all_reduce(whole)
        pieces = whole[1:].split([each.numel() for each in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))
        return whole[0].clone()

    def agree(self, value: Value) -> Value:
        """Process 0's value, in every process."""
        if self.world == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values)
        return values[0]

    def place(self, device: torch.device) -> torch.device:
        """The device of this process: of several GPUs its own."""
        own = self.world > 1 and str(device) == "cuda"
        return torch.device("cuda", self.local) if own else device

    def join(self, device: torch.device) -> None:
        """Waits for the other processes, once."""
        if self.world == 1 or dist.is_initialized():
            return
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", rank=self.rank, world_size=self.world)
        atexit.register(_leave)

    def synchronised(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model with batch normalisation that takes its statistics over the whole batch, where there is one."""
        if self.world == 1:
            return model
        whole: nn.Module
        whole = nn.SyncBatchNorm.convert_sync_batchnorm(model) if device.type == "cuda" else share_statistics(model)
        return whole

    def refuse_separate_statistics(self, model: nn.Module, device: torch.device) -> None:
        """Raises :class:`FieldError` where each process would normalise by its own slice, which is another network."""
        own = next((each for each in model.modules() if _by_the_batch(each)), None)
        if self.world > 1 and device.type != "cuda" and own is not None:
            raise FieldError(
                f"{type(own).__name__} would normalise by each process's slice of the batch, not by the whole batch",
                hint="Take torch's BatchNorm1d, 2d or 3d, whose statistics all processes share",
            )


def ranks() -> Ranks:
    """This process's place, from the variables that torchrun sets; without them it is alone.

    Raises :class:`UsageError` for variables that make no sense.
    """
    names = ("RANK", "WORLD_SIZE")
    if not all(name in os.environ for name in names):
        return Ranks()
    try:
        rank, world = (int(os.environ[name]) for name in names)
        local = int(os.environ.get("LOCAL_RANK", rank))
    except ValueError:
        raise UsageError("RANK, WORLD_SIZE and LOCAL_RANK have to be whole numbers", hint="Use torchrun") from None
    if not 0 <= rank < world:
        raise UsageError(f"RANK is {rank} and WORLD_SIZE is {world}", hint="Use torchrun")
    return Ranks(rank, world, local)


def _by_the_batch(layer: nn.Module) -> bool:
    return isinstance(layer, _BatchNorm) and layer.training and not isinstance(layer, SharedBatchNorm)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
