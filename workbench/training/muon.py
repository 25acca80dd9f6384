"""Muon for the matrices and kernels inside a network, AdamW for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import torch

Settings = Sequence[dict[str, Any]]


class Muon(torch.optim.Optimizer):
    """The update of a matrix is its momentum, made orthogonal (Jordan et al. 2024, "Muon").

    Matrices and kernels get torch's own Muon, everything else AdamW. Updates are scaled to the size of AdamW's (Liu et
    al. 2025, "Muon is scalable for LLM training", section 2.2), so that one learning rate and one weight decay serve
    both. A kernel is the matrix of its output channels by everything else. The orthogonalisation computes in
    bfloat16, as published.

    Args:
        kernels: parameter groups whose parameters have two dimensions or more.
        others: parameter groups for AdamW.
        lr: learning rate of both.
    """

    def __init__(self, kernels: Settings, others: Settings, *, lr: float) -> None:
        inside = [_Kernels(kernels, lr=lr)] if kernels else []
        outside = [torch.optim.AdamW([*others], lr=lr, fused=True)] if others else []
        self._steppers: list[torch.optim.Optimizer] = [*inside, *outside]
        super().__init__([group for each in self._steppers for group in each.param_groups], {})
        self._share()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for each in self._steppers:
            each.step()

    def _share(self) -> None:
        """Both halves work on this optimizer's groups and memory, so that it loads and saves as any other does."""
        start = 0
        for each in self._steppers:
            end = start + len(each.param_groups)
            each.param_groups, start = self.param_groups[start:end], end
            each.state = self.state


class _Kernels(torch.optim.Muon):
    """Torch's Muon, which refuses parameters of more than two dimensions, with views of them that have two."""

    def __init__(self, settings: Settings, *, lr: float) -> None:
        super().__init__([{"params": []}], lr=lr, adjust_lr_fn="match_rms_adamw")
        self.param_groups.clear()
        for group in settings:
            self.add_param_group(group)

    def _init_group(
        self,
        group: MutableMapping[str, Any],
        params_with_grad: list[torch.Tensor],
        grads: list[torch.Tensor],
        muon_momentum_bufs: list[torch.Tensor],
    ) -> bool:
        for parameter in group["params"]:
            if parameter.grad is not None and "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        is_complex = super()._init_group(group, params_with_grad, grads, muon_momentum_bufs)
        for position, whole in enumerate(params_with_grad):
            order = [0, *sorted(range(1, whole.ndim), key=whole.stride, reverse=True)]
            rows = len(whole)
            # the update writes into these two, so they are views; a gradient may have another memory order
            params_with_grad[position] = whole.permute(order).view(rows, -1)
            muon_momentum_bufs[position] = muon_momentum_bufs[position].permute(order).view(rows, -1)
            grads[position] = grads[position].permute(order).reshape(rows, -1)
        return bool(is_complex)
