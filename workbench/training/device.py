"""Where a run computes, with how many threads, and how strictly it repeats itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Literal, get_args

import torch

from workbench.errors import DeviceError, FieldError, nearest

Level = Literal["fast", "seeded", "strict"]


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; ``"auto"`` is the first GPU, else the CPU.

    Raises :class:`DeviceError` for a device that torch does not see here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()) or name.endswith(":"):
        raise DeviceError(f"'{name}' is not a device{nearest(name, ['auto', 'cpu', 'cuda', 'cuda:0'])}")
    there = torch.cuda.device_count()
    if kind == "cuda" and (there == 0 or int(number or 0) >= there):
        seen = f"torch sees {there} GPU{'s' * (there != 1)}"
        raise DeviceError(f"device '{name}' is not there: {seen}", hint="Type --device cpu, or see `wb doctor`")
    return torch.device(name)


def pick_threads(threads: int) -> int:
    """The number of threads; raises :class:`FieldError` for none, where torch would when a run begins."""
    if threads < 1:
        raise FieldError(f"threads is {threads}; it takes a whole number from 1")
    return threads


@contextlib.contextmanager
def reproducible(level: Level, threads: int, device: torch.device) -> Iterator[None]:
    """Pins threads and kernels for a run, keeps the caller's random state, and puts everything back.

    ``fast`` lets the GPU choose kernels by timing; ``seeded`` (default) does not, and takes cuDNN's deterministic
    ones; ``strict`` also refuses every nondeterministic kernel, reserves the cuBLAS workspace and turns TF32 off, in
    matrix products and in convolutions.
    """
    if level not in get_args(Level):
        raise FieldError(f"level is '{level}'{nearest(level, get_args(Level))}")
    if not isinstance(threads, int) or threads < 1:
        raise FieldError(f"threads is {threads!r}; it takes a whole number from 1")
    cudnn = torch.backends.cudnn
    threads_before, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    convolutions = cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32
    refusing = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(threads)
    cudnn.benchmark, cudnn.deterministic = level == "fast", level != "fast"
    if level == "strict":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest" if level == "strict" else "high")
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads_before)
        cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32 = convolutions
        torch.use_deterministic_algorithms(refusing[0], warn_only=refusing[1])
        torch.set_float32_matmul_precision(precision)


def seed_step(device: torch.device, key: int) -> None:
    """Makes dropout and its like a function of the step: a resumed run draws what the uninterrupted one drew."""
    torch.default_generator.manual_seed(key)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(key)
