"""What a stage gave: refused in the stage's name where a step cannot go on with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

from workbench.data.loading import Batch
from workbench.errors import FieldError

if TYPE_CHECKING:
    from workbench.training.learner import Learner


def scalar(learner: Learner, loss: Any, output: Any) -> torch.Tensor:
    """The ``loss`` of an ``output``; raises :class:`FieldError` unless backward can start from it."""
    if isinstance(loss, torch.Tensor) and loss.ndim == 0 and loss.requires_grad:
        return loss
    if not isinstance(loss, torch.Tensor):
        raise _wrong(learner, "loss", f"it gives {_said(loss)}", "Return the batch's mean loss, a scalar tensor")
    if loss.ndim:
        raise _wrong(learner, "loss", f"it gives {_said(loss)}, and a step needs one number", "Return its .mean()")
    if isinstance(output, torch.Tensor) and not output.requires_grad:
        raise _wrong(learner, "forward", "its output has no gradient", "Leave out detach() and no_grad()")
    hint = "Compute it from `output` in torch, without argmax(), detach(), item() or no_grad()"
    raise _wrong(learner, "loss", "it has no gradient", hint)


def stepped(learner: Learner, loss: torch.Tensor | None) -> torch.Tensor:
    """The loss that the stage ``step`` left in the state; raises :class:`FieldError` where it left none."""
    if isinstance(loss, torch.Tensor) and loss.ndim == 0:
        return loss
    hint = "Set state.loss to the batch's mean loss, a scalar tensor"
    raise _wrong(learner, "step", f"it leaves {_said(loss)} in state.loss", hint)


def seen(learner: Learner, x: Any) -> Any:
    """What the stage ``inputs`` gave; raises :class:`FieldError` for None, which a forgotten return leaves."""
    if x is None:
        raise _wrong(learner, "inputs", "it gives None", "Return what the network sees")
    return x


def fitting(learner: Learner, output: Any, batch: Batch) -> torch.Tensor:
    """The ``output`` for a ``batch``; raises :class:`FieldError` unless the target can be held against it."""
    wanted = learner.expects.signature.outputs
    if (
        isinstance(output, torch.Tensor)
        and output.ndim > 1
        and output.shape[-1] == wanted
        and len(output) == len(batch)
    ):
        return output
    shape = f"({len(batch)}, tokens, {wanted})" if learner.expects.signature.each_token else f"({len(batch)}, {wanted})"
    target = type(learner.expects.target).__name__
    what = f"it gives {_said(output)} for {len(batch)} items, and {target} needs {wanted} outputs"
    raise _wrong(learner, "forward", what, f"Return {shape}: build the head from signature.outputs")


def optimizing(learner: Learner, given: Any) -> torch.optim.Optimizer:
    """What the stage ``optimizer`` gave; raises :class:`FieldError` for anything else than an optimizer of torch's."""
    if isinstance(given, torch.optim.Optimizer):
        return given
    raise _wrong(learner, "optimizer", f"it gives {_said(given)}", "Return a torch.optim.Optimizer")


def grouped(learner: Learner, given: Any) -> Any:
    """What the stage ``groups`` gave; raises :class:`FieldError` unless it is a list of names with their modules."""
    pairs = list(given) if isinstance(given, Iterable) else [None]
    if all(isinstance(each, tuple | list) and len(each) == 2 and isinstance(each[0], str) for each in pairs):
        return pairs
    raise _wrong(learner, "groups", f"it gives {_said(given)}", "Return [(name, [module, ...]), ...], input to head")


def _wrong(learner: Learner, stage: str, problem: str, hint: str) -> FieldError:
    return FieldError(problem, where=f"{type(learner).__name__}.{stage}()", hint=hint)


def _said(given: Any) -> str:
    if isinstance(given, torch.Tensor):
        return f"a tensor of shape {tuple(given.shape)}"
    return "None" if given is None else f"a {type(given).__name__}"
