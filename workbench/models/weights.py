"""Weights files: tensors and plain values, read without running anything that a file brings along."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from workbench.data.reading import again, missing
from workbench.errors import DataError, FieldError

FORMAT = 1
"""Of the weights files that runs write."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What a weights file holds.

    Attributes: tensors: by name, floating-point ones as float32, on the CPU. meta: what a run of ours wrote
        beside them (arch, norm, mean, std, classes); empty for a file from elsewhere. where: what an error
        calls the file.
    """

    tensors: dict[str, torch.Tensor]
    where: str
    meta: dict[str, Any] = field(default_factory=dict)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of numbers from ``meta``, e.g. the mean.

        Raises:
            DataError: it is not there.
        """
        values = self.meta.get(name)
        if not isinstance(values, list) or not values:
            raise DataError(f"the weights do not say '{name}'", where=self.where, hint="Train the source anew.")
        return tuple(float(value) for value in values)

    def norm_kind(self) -> str | None:
        """The kind of normalisation that the weights belong to; None where it cannot be told."""
        norm = self.meta.get("norm")
        if isinstance(norm, Mapping):
            return str(norm.get("kind") or norm.get("norm.kind"))
        if isinstance(norm, str):
            return norm
        return "batch" if any(name.endswith("running_mean") for name in self.tensors) else None


def read_weights(path: Path, where: str) -> Weights:
    """The tensors of a ``.safetensors`` or ``.pth`` file.

    Raises:
        DataError: missing, truncated, not a plain state dict, or of another format.
    """
    if not path.is_file():
        raise missing(path, where)
    tensors, meta = _safetensors(path, where) if path.suffix == ".safetensors" else _pickled(path, where)
    refuse_format(meta, where)
    plain = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    return Weights(plain, where, meta)


def refuse_format(meta: Mapping[str, Any], where: str) -> None:
    """Raises :class:`DataError` for weights that another version of workbench wrote in a format of its own.

    Args:
        meta: what lies beside the tensors; a file from elsewhere names no format.
        where: what the error calls the file.
    """
    found = meta.get("format", FORMAT)
    if found != FORMAT:
        raise DataError(
            f"these weights are of format {found}, and this version of workbench reads format {FORMAT}",
            where=where,
            hint="Take the version that wrote them (git pull && ./setup), or train them anew: wb run",
        )


def _safetensors(path: Path, where: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            meta = _meta(file.metadata() or {})
            return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(path, where, error) from None


def _meta(raw: Mapping[str, str]) -> dict[str, Any]:
    """Our own values: under one key as JSON, or one JSON value a key."""
    if "workbench" in raw:
        return dict(json.loads(raw["workbench"]))
    return {name: json.loads(raw[name]) for name in ("arch", "norm", "mean", "std", "classes") if name in raw}


def _pickled(path: Path, where: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _unreadable(path, where, error) from None
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(
            "the file does not hold a plain state dict", where=where, hint="Save `model.state_dict()` alone."
        )
    return dict(state), {}


def _unreadable(path: Path, where: str, error: Exception) -> DataError:
    reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
    return DataError(
        f"the weights cannot be read ({reason})",
        where=where,
        hint=again(path, where, "Save it anew, or train the source anew."),
    )


def load_strictly(module: nn.Module, weights: Weights, arch: str) -> None:
    """Loads all tensors; every name and shape has to fit, every value has to be a number.

    Raises:
        FieldError: saying how the weights and the architecture differ.
        DataError: a value is infinite or no number.
    """
    wanted = {name: value.shape for name, value in module.state_dict().items() if not _counter(name)}
    given = {name: value.shape for name, value in weights.tensors.items() if not _counter(name)}
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    shapes = [name for name in wanted if name in given and wanted[name] != given[name]]
    if missing or extra or shapes:
        told = {"of another shape": shapes, "missing": missing, "left over": extra}
        examples = ", ".join(f"'{names[0]}' {what}" for what, names in told.items() if names)
        raise FieldError(
            f"the weights do not fit '{arch}': {len(missing)} tensors missing, {len(extra)} left over, "
            f"{len(shapes)} of another shape, e.g. {examples}",
            where=weights.where,
            hint=_cure(missing, extra),
        )
    broken = next((name for name, value in weights.tensors.items() if not bool(value.isfinite().all())), None)
    if broken is not None:
        raise DataError(
            f"the weights hold infinite values or such that are no numbers, in '{broken}'",
            where=weights.where,
            hint="Take others: nothing can be trained from these.",
        )
    module.load_state_dict(weights.tensors, strict=False)


def _cure(missing: list[str], extra: list[str]) -> str:
    """What to do; the prefix of a wrapper (data parallel, torch.compile, Lightning) is told by the names."""
    if missing and extra and extra[0].endswith(f".{missing[0]}"):
        prefix = extra[0].removesuffix(missing[0])
        if {name.removeprefix(prefix) for name in extra} >= set(missing):
            return f"Their names begin with '{prefix}': save the state_dict() of the network inside."
    return "Set arch to the architecture that the weights were made for."


def _counter(name: str) -> bool:
    """Batch counters: files from before torch 0.4.1 do not have them."""
    return name.endswith("num_batches_tracked")
