"""Keeping freed memory in the process: an allocation of a training step then costs no page faults."""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # mallopt(3)


def keep_freed_memory() -> bool:
    """Tells the C library to reuse freed blocks of up to 32 MiB instead of handing them back; True where it did.

    By default glibc maps every large tensor anew and unmaps it when it is freed, and the kernel fills each page with
    zeros first: a quarter of the CPU time of fine-tuning MobileNetV2 (``tests/benchmarks/memory.py``). 32 MiB is the
    largest threshold that glibc takes. Results do not change. For processes that are ours: a library would not do this
    to its caller's. Does nothing where the C library has no ``mallopt``.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        settings = {_MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: (1 << 31) - 1, _TOP_PAD: 64 << 20}
        return all(mallopt(name, value) == 1 for name, value in settings.items())
    return False
