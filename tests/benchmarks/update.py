"""What an optimizer's update costs, fused beside foreach: the reason for ``fused=True`` in training/optim.py.

The update alone, on one thread and in one process, alternating, n = 30 each: MobileNetV2 (158 parameter tensors, 3.5
million weights) and the small ResNet of the digits, in the two parameter groups (decayed or not) that the recipes give.

Run: ``.venv/bin/python tests/benchmarks/update.py``.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn
from torchvision.models import mobilenet_v2

from workbench.models.norm import Norm
from workbench.models.resnet import SmallResNet

ROUNDS = 30


def optimizer(model: nn.Module, *, fused: bool) -> torch.optim.AdamW:
    """AdamW over decayed and plain parameters, each with a gradient."""
    decayed = [each for each in model.parameters() if each.ndim > 1]
    plain = [each for each in model.parameters() if each.ndim <= 1]
    for each in model.parameters():
        each.grad = torch.full_like(each, 1e-3)
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-4, fused=fused, foreach=not fused)


def measure(name: str, model: nn.Module) -> None:
    """Medians of both, and their ratio."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    both = {"foreach": optimizer(model, fused=False), "fused": optimizer(model, fused=True)}
    times: dict[str, list[float]] = {kind: [] for kind in both}
    for _ in range(ROUNDS):
        for kind, each in both.items():
            began = time.perf_counter()
            each.step()
            times[kind].append((time.perf_counter() - began) * 1e3)
    foreach, fused = (statistics.median(times[kind]) for kind in ("foreach", "fused"))
    print(f"{name:14} foreach {foreach:7.2f} ms   fused {fused:7.2f} ms   ratio {fused / foreach:.2f}")


def main() -> None:
    """Both networks."""
    torch.set_num_threads(1)
    measure("mobilenet_v2", mobilenet_v2())
    measure("resnet8", SmallResNet("resnet8", channels=1, width=16, norm=Norm()))


if __name__ == "__main__":
    main()
