"""Checkpoints and weights: tensors and plain values in safetensors files, never a pickled object.

Both are written to a temporary file and renamed, so a reader sees the old file or the new one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from workbench.errors import RecordError
from workbench.models import weights
from workbench.training.generators import generator_states, set_generators
from workbench.training.packing import pack, unpack
from workbench.training.state import State

FORMAT = 3

_AGAIN = "Remove it to start over"
_TAKES = "Name the weights of a run, e.g. .wb/runs/RUN/weights.safetensors"
"""Somebody's own file: nobody is told to remove it."""


def save_checkpoint(path: Path, state: State) -> None:
    """Everything needed to go on bit for bit, wherever in the run this is called.

    Weights and buffers, which of them train, gradients that wait, optimizer, the state's own memory, what the learner's
    callbacks hold, and the global generators. Named streams need nothing: they are functions of (seed, epoch, step).
    """
    model = state.model
    optimizer = state.optimizer.state_dict()
    groups = [
        {name: value for name, value in each.items() if name != "params" and not callable(value)}
        for each in optimizer["param_groups"]
    ]
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    kept = {
        "optimizer": {"state": optimizer["state"], "groups": groups},
        "gradients": {name: value.grad for name, value in model.named_parameters() if value.grad is not None},
        "frozen": [name for name, value in model.named_parameters() if not value.requires_grad],
        "evaluating": [name for name, module in model.named_modules() if not module.training],
        "state": state.values(),
        "generators": generator_states(state.device),
    }
    meta = {name: pack(value, name, tensors) for name, value in kept.items()}
    meta["callbacks"] = _pack_callbacks(state, tensors)
    _write(path, tensors, {"format": FORMAT, "epoch": state.epoch, "step": state.step, **meta})


def refuse_unkeepable(state: State) -> None:
    """Raises :class:`FieldError` when a callback holds what no checkpoint can keep: at the start, not in an hour."""
    _pack_callbacks(state, {})


class Checkpoint:
    """A checkpoint in memory.

    Raises :class:`RecordError` for a file that is broken or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tensors, self._meta = read_tensors(path, hint=_AGAIN)
        if self._meta.get("format") != FORMAT:
            raise RecordError(
                f"checkpoint format {self._meta.get('format')} is not {FORMAT}",
                where=str(path),
                hint=_AGAIN,
            )

    def put(self, state: State) -> None:
        """Makes a begun state what it was; may be repeated. Raises :class:`RecordError` when it does not fit."""
        try:
            self._put(state)
        except (RuntimeError, ValueError, LookupError, AttributeError, TypeError) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RecordError(
                f"the checkpoint does not fit this run ({first})", where=str(self.path), hint=_AGAIN
            ) from error

    def _put(self, state: State) -> None:
        found = [name for name, _ in self._meta["callbacks"]]
        if found != (own := [type(each).__name__ for each in state.callbacks]):
            raise ValueError(f"its callbacks: {', '.join(found) or 'none'}; the learner's: {', '.join(own) or 'none'}")
        prefix = "model."
        state.model.load_state_dict(
            {name[len(prefix) :]: value for name, value in self._tensors.items() if name.startswith(prefix)}
        )
        gradients, frozen, evaluating = (self._get(each, state) for each in ("gradients", "frozen", "evaluating"))
        for name, parameter in state.model.named_parameters():
            parameter.requires_grad_(name not in frozen)
            parameter.grad = gradients.get(name)
        for name, module in state.model.named_modules():
            module.training = name not in evaluating
        optimizer = self._get("optimizer", state)
        fresh = state.optimizer.state_dict()["param_groups"]
        groups = [
            {**now, **before, "params": now["params"]} for now, before in zip(fresh, optimizer["groups"], strict=True)
        ]
        state.optimizer.load_state_dict({"state": optimizer["state"], "param_groups": groups})
        state.restore(self._get("state", state))
        for callback, (_, packed) in zip(state.callbacks, self._meta["callbacks"], strict=True):
            callback.load_state_dict(unpack(packed, self._tensors, state.device))
        # last: whatever ran before may have drawn from them
        set_generators(self._get("generators", state), state.device)

    def _get(self, name: str, state: State) -> Any:
        return unpack(self._meta[name], self._tensors, state.device)


def load_checkpoint(path: Path, state: State) -> None:
    """Puts a checkpoint into a freshly begun state; raises :class:`RecordError` when it does not fit."""
    Checkpoint(path).put(state)


def _pack_callbacks(state: State, tensors: dict[str, torch.Tensor]) -> list[list[Any]]:
    return [
        [type(each).__name__, pack(each.state_dict(), f"callbacks.{position}.{type(each).__name__}", tensors)]
        for position, each in enumerate(state.callbacks)
    ]


def save_weights(path: Path, model: nn.Module, meta: dict[str, Any]) -> str:
    """Writes weights and buffers with what is needed to use them again; returns :func:`weights_hash`."""
    _write(path, model.state_dict(), {"format": weights.FORMAT, **meta})
    return weights_hash(model)


def load_weights(path: Path, model: nn.Module) -> None:
    """Puts saved weights and buffers into a model.

    Raises :class:`RecordError` when they do not fit, :class:`DataError` for another format.
    """
    tensors, meta = read_tensors(path, hint=_TAKES)
    weights.refuse_format(meta, str(path))
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise RecordError(f"the weights do not fit this model ({first})", where=str(path)) from error


def weights_hash(model: nn.Module) -> str:
    """SHA-256 over names, shapes and bytes of all weights and buffers: equal only for bit-equal models."""
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        total.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def read_tensors(path: Path, *, hint: str = "") -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors on the CPU and the plain values beside them.

    Raises :class:`RecordError` with the ``hint`` for a file that is broken or not there.
    """
    if not path.is_file():
        raise RecordError("there is no such file", where=str(path), hint=hint)
    try:
        with safe_open(str(path), framework="pt") as file:
            meta = json.loads((file.metadata() or {}).get("workbench", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise RecordError(f"not a readable safetensors file ({error})", where=str(path), hint=hint) from error


def _write(path: Path, tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    whole, seen = {}, set()
    for name, value in tensors.items():
        here = value.detach().cpu().contiguous()
        memory = here.untyped_storage().data_ptr()
        # safetensors refuses tensors that share memory, as a shadow does that begins as the weights themselves
        whole[name] = here.clone() if memory in seen else here
        seen.add(memory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(whole, str(temporary), metadata={"workbench": json.dumps(meta, sort_keys=True)})
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise RecordError(
            f"could not be written ({error})",
            where=str(path),
            hint="Free disk space, or take another folder",
        ) from error
