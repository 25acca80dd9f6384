"""In which numbers a network computes, and whether its forward pass is compiled.

Weights, gradients, losses and metrics are float32 throughout; bfloat16 concerns the operations inside the network that
keep their accuracy in it (torch's autocast). It has float32's range, so the loss needs no scaling.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from workbench.data.signature import Kind
from workbench.errors import FieldError
from workbench.training.device import Level

Precision = Literal["auto", "float32", "bfloat16"]

_NOTHING = contextlib.nullcontext()


@dataclass(frozen=True)
class Numbers:
    """What a network computes in on a device, and why."""

    name: Literal["float32", "bfloat16"]
    why: str
    device: torch.device

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Around the forward pass; what comes out may be bfloat16."""
        if self.name == "float32" and not torch.is_autocast_enabled(self.device.type):
            return _NOTHING  # switching off what is off takes 4 us a step
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.name == "bfloat16")

    def full(self, output: torch.Tensor) -> torch.Tensor:
        """The output in float32, for loss and metrics."""
        return output.float() if self.name == "bfloat16" else output


def pick_numbers(precision: Precision, device: torch.device, level: Level) -> Numbers:
    """What a precision means here: ``"auto"`` is bfloat16 on a GPU that computes in it, unless the level is strict."""
    if precision != "auto":
        return Numbers(precision, "as asked for", device)
    if device.type != "cuda":
        return Numbers("float32", "the CPU is seldom faster in less", device)
    if level == "strict":
        return Numbers("float32", "the level is strict", device)
    # below, torch would emulate it
    if torch.cuda.get_device_capability(device) < (8, 0):
        return Numbers("float32", f"{torch.cuda.get_device_name(device)} does not compute in bfloat16", device)
    return Numbers("bfloat16", f"{torch.cuda.get_device_name(device)} computes in it", device)


class _Compiled:
    """What torch's cache of compiled code, which belongs to the process, was last filled for."""

    what: tuple[Any, ...] = ()


def compile_forward(model: nn.Module, kind: Kind, *sizes: int | None) -> None:
    """Compiles the forward pass in place, once for each shape of its inputs; names of weights stay what they are.

    Runs of one network and the same ``sizes`` (items a step, and at once) share what was compiled, as the seeds of an
    arm do. Any other run begins anew: beyond a limit torch goes on uncompiled, in slightly other numbers, and no result
    may depend on what the process did before.

    Raises :class:`FieldError` for texts: their lengths differ from batch to batch, and each would be compiled.
    """
    if kind in ("text", "pairs"):
        raise FieldError(
            "compile is True, but every batch of texts has another length, and each would be compiled",
            hint="Leave compile at False",
        )
    # a layer group that thaws is compiled anew, and a network may have many
    torch._dynamo.config.recompile_limit = max(64, torch._dynamo.config.recompile_limit)
    if _Compiled.what != (what := (repr(model), *sizes)):
        torch.compiler.reset()
        _Compiled.what = what
    model.compile(dynamic=False)
