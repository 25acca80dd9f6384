"""Checkpoints and weights: tensors and plain values in safetensors files, never a pickled object.

Both are written to a temporary file and renamed, so a reader sees the old file or the new one.
"""

from __future__ import annotations

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
from workbench.training.state import State

FORMAT = 1


def save_checkpoint(path: Path, state: State) -> None:
    """Everything needed to go on bit for bit: weights, buffers, optimizer state, counters.

    Random state is not among it: every stream is a function of (seed, purpose, epoch, step).
    """
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    optimizer = state.optimizer.state_dict()
    plain: dict[str, dict[str, Any]] = {}
    for index, slots in optimizer["state"].items():
        for name, value in slots.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
            else:
                plain.setdefault(str(index), {})[name] = value
    _write(path, tensors, {"format": FORMAT, **state.plain(), "optimizer": plain})


def load_checkpoint(path: Path, state: State) -> None:
    """Puts a checkpoint into a freshly begun state; raises :class:`RecordError` when it does not fit."""
    tensors, meta = read_tensors(path)
    if meta.get("format") != FORMAT:
        raise RecordError(
            f"checkpoint format {meta.get('format')} is not {FORMAT}", where=str(path), hint="Remove it to start over"
        )
    try:
        _put(tensors, meta, state)
    except (RuntimeError, ValueError, LookupError, AttributeError, TypeError) as error:
        first = str(error).strip().splitlines()[0]
        raise RecordError(
            f"the checkpoint does not fit this run ({first})", where=str(path), hint="Remove it to start over"
        ) from error


def _put(tensors: dict[str, torch.Tensor], meta: dict[str, Any], state: State) -> None:
    prefix = "model."
    state.model.load_state_dict(
        {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
    )
    slots: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in meta["optimizer"].items()}
    parameters = [each for group in state.optimizer.param_groups for each in group["params"]]
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".", 2)
            slots.setdefault(int(index), {})[slot] = _laid_out_as(parameters[int(index)], value)
    state.optimizer.load_state_dict({"state": slots, "param_groups": state.optimizer.state_dict()["param_groups"]})
    state.epoch, state.step = meta["epoch"], meta["step"]


def _laid_out_as(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The value in the parameter's memory order: fused updates walk both as flat memory and look at no stride."""
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value) if value.shape == parameter.shape else value


def save_weights(path: Path, model: nn.Module, meta: dict[str, Any]) -> str:
    """Writes weights and buffers with what is needed to use them again; returns :func:`weights_hash`."""
    _write(path, model.state_dict(), {"format": FORMAT, **meta})
    return weights_hash(model)


def load_weights(path: Path, model: nn.Module) -> None:
    """Puts saved weights and buffers into a model; raises :class:`RecordError` when they do not fit."""
    tensors, _ = read_tensors(path)
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


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors on the CPU and the plain values beside them; raises :class:`RecordError` for a file that is broken."""
    try:
        with safe_open(str(path), framework="pt") as file:
            meta = json.loads((file.metadata() or {}).get("workbench", "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise RecordError(
            f"not a readable safetensors file ({error})", where=str(path), hint="Remove it to start over"
        ) from error


def _write(path: Path, tensors: dict[str, torch.Tensor], meta: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    whole = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        save_file(whole, str(temporary), metadata={"workbench": json.dumps(meta, sort_keys=True)})
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise RecordError(
            f"could not be written ({error})", where=str(path), hint="Free disk space and run again"
        ) from error
