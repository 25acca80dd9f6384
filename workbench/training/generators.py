"""The global generators of Python, NumPy and torch: for a stage or a callback that draws from them.

The library itself draws from named streams. Code of a spec may call ``random.random()`` all the same: then it has to
draw the same numbers in every run of that seed, and a resumed run has to go on where the checkpoint was.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from workbench import streams
from workbench.training.device import seed_step


@contextlib.contextmanager
def own_generators(root: int, *purpose: str, device: torch.device) -> Iterator[None]:
    """Seeds all of them from streams of ``root`` and, at the end, puts Python's and NumPy's back as they were.

    Torch's are put back by :func:`workbench.training.device.reproducible`.
    """
    python, legacy = random.getstate(), np.random.get_state(legacy=False)
    random.seed(streams.key(root, *purpose, "python"))
    key = streams.key(root, *purpose, "numpy")
    np.random.seed([key & 0xFFFFFFFF, key >> 32])
    seed_step(device, streams.key(root, *purpose, "torch"))
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


def generator_states(device: torch.device) -> dict[str, Any]:
    """Where each generator is, in values that :func:`workbench.training.packing.pack` takes."""
    legacy: dict[str, Any] = np.random.get_state(legacy=False)
    inner = {"key": legacy["state"]["key"].tolist(), "pos": legacy["state"]["pos"]}
    found = {"python": random.getstate(), "numpy": {**legacy, "state": inner}, "torch": torch.get_rng_state()}
    if device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(device)
    return found


def set_generators(states: dict[str, Any], device: torch.device) -> None:
    """Puts every generator where it was."""
    random.setstate(states["python"])
    inner = states["numpy"]["state"]
    key = np.array(inner["key"], dtype=np.uint32)
    np.random.set_state({**states["numpy"], "state": {**inner, "key": key}})
    torch.set_rng_state(states["torch"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
