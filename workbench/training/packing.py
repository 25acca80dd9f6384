"""Nested values as JSON with the tensors beside it: how a checkpoint keeps what is neither weight nor number.

Lists stay lists and plain values stay what they are; everything else is an object with one name:
``{"tuple": [...]}``, ``{"dict": [[key, value], ...]}``, ``{"tensor": name, "stride": [...], "host": bool}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from workbench.errors import FieldError


def pack(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """The value as plain JSON; its tensors are put into ``tensors``, under names that begin with ``name``.

    Takes tensors, numbers, texts, None, and lists, tuples and dicts (keys: text or whole numbers) of these.

    Raises :class:`FieldError` for anything else, with its place.
    """
    if isinstance(value, torch.Tensor):
        while name in tensors:  # {"a.b": x, "a": {"b": y}}
            name += "'"
        tensors[name] = value.detach()
        stride = torch.empty_like(value, device="meta").stride()
        return {"tensor": name, "stride": list(stride), "host": value.device.type == "cpu"}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        packed = [pack(each, f"{name}.{position}", tensors) for position, each in enumerate(value)]
        return packed if isinstance(value, list) else {"tuple": packed}
    if isinstance(value, Mapping) and all(isinstance(key, str | int) for key in value):
        return {"dict": [[key, pack(each, f"{name}.{key}", tensors)] for key, each in value.items()]}
    raise FieldError(
        f"{name} is of type {type(value).__name__}, which a checkpoint cannot keep",
        hint="It keeps tensors, numbers, texts, None, and lists, tuples and dicts of these",
    )


def unpack(packed: Any, tensors: Mapping[str, torch.Tensor], device: torch.device) -> Any:
    """What was packed, in tensors of its own: on ``device`` unless they were on the CPU, in their old memory order.

    The order matters: a sum that walks memory another way rounds another way.
    """
    if isinstance(packed, list):
        return [unpack(each, tensors, device) for each in packed]
    if not isinstance(packed, dict):
        return packed
    if "tuple" in packed:
        return tuple(unpack(each, tensors, device) for each in packed["tuple"])
    if "dict" in packed:
        return {key: unpack(each, tensors, device) for key, each in packed["dict"]}
    value = tensors[packed["tensor"]]
    place = torch.device("cpu") if packed["host"] else device
    return torch.empty_strided(value.shape, packed["stride"], dtype=value.dtype, device=place).copy_(value)
