"""Environment variables that a process needs before it computes, the same for every engine."""

from __future__ import annotations

import os

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


def surroundings(threads: int | None = None) -> dict[str, str]:
    """Variables by name.

    cuBLAS reads its workspace once, when CUDA is first used, and repeats itself only with a fixed one (NVIDIA, "cuBLAS
    library", section 2.1.4); level strict refuses to go on without. A process does tasks of any level, one after the
    other, so it is set for all: then a task gives the same bits in a fresh process and in one that has done others. A
    value that the person has set is left.

    Args:
        threads: also pins the threads of OpenMP and MKL, which a process reads when it starts.
    """
    found = {CUBLAS: os.environ.get(CUBLAS, ":4096:8")}
    if threads is not None:
        found |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return found
