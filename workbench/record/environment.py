"""What a run ran on: the interpreter, the locked packages and what deviates from them, torch's build, CPU and GPU.

Environment variables are recorded by an allow-list, because a list of forbidden names always misses a secret.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

LOCK = "requirements.txt"
_PINNED = re.compile(
    r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\#]+)\s*(?:;\s*([^\\#]+?))?\s*\\?\s*(?:#.*)?$"
)
_VARIABLES = (
    "ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "CUDA_LAUNCH_BLOCKING", "CUDA_VISIBLE_DEVICES",
    "DNNL_MAX_CPU_ISA",
    "KMP_AFFINITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_CUDNN_V8_API_LIMIT",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)  # fmt: skip


def capture(
    *, device: str = "", threads: int = 0, level: str = "", root: Path | None = None, torch_facts: bool = True
) -> dict[str, Any]:
    """The environment of this process as plain values.

    Args:
        device: what is trained on, e.g. "cpu" or "cuda:0".
        threads: how many threads torch may use.
        level: the determinism level that was asked for.
        root: the folder that holds requirements.txt; default: the working directory.
        torch_facts: also import torch and record its build, the CPU's capability as torch sees it, and the GPU.

    Returns:
        ``python, platform, cpu, device, threads, level, lock`` (SHA-256 of requirements.txt, "" without one),
        ``deviations`` (``{package: [locked, installed or None]}``), ``variables``, and with ``torch_facts`` also
        ``torch, gpu`` (None without one) and ``class`` (see :func:`reproduction_class`).
    """
    lock = (root or Path.cwd()) / LOCK
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "cpu": {"model": cpu_model(), "cores": os.cpu_count(), "machine": platform.machine()},
        "device": device,
        "threads": threads,
        "level": level,
        "lock": lock_hash(lock),
        "deviations": deviations(lock),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }
    if torch_facts:
        found |= _torch(device)
        found["cpu"]["capability"] = found["torch"]["capability"]
        found["class"] = reproduction_class(found)
    return found


def lock_hash(lock: Path) -> str:
    """SHA-256 of the lock file as 64 hexadecimal digits, "" when there is none."""
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""


def locked(lock: Path) -> dict[str, str]:
    """``{package: version}`` of the lines ``name==version`` whose marker fits this machine; {} without a lock."""
    if not lock.is_file():
        return {}
    from packaging.markers import InvalidMarker, Marker

    found: dict[str, str] = {}
    for line in lock.read_text().splitlines():
        match = _PINNED.match(line.strip())
        if match is None:
            continue
        name, version, marker = match.groups()
        try:
            fits = marker is None or Marker(marker).evaluate()
        except InvalidMarker:
            fits = False
        if fits:
            found[_normal(name)] = version
    return found


def deviations(lock: Path) -> dict[str, list[str | None]]:
    """``{package: [locked version, installed version]}`` where the two differ; None stands for not installed."""
    found: dict[str, list[str | None]] = {}
    for name, version in locked(lock).items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = [version, None]
            continue
        # a build tag such as +cpu names a variant of the same release, unless the lock asks for one
        if version not in (installed, installed.partition("+")[0]):
            found[name] = [version, installed]
    return found


def cpu_model() -> str:
    """The processor's name as its maker writes it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def reproduction_class(environment: dict[str, Any]) -> str:
    """What must be equal for bit-equal results, in words.

    Torch's build and, on a GPU, its architecture, CUDA and cuDNN; on a CPU its model, the capability that torch uses
    and the number of threads (each of them was seen to change the last bits).
    """
    torch, gpu, cpu = environment["torch"], environment["gpu"], environment["cpu"]
    if gpu is not None:
        place = f"{gpu['name']} sm{gpu['capability']}, CUDA {torch['cuda']}, cuDNN {torch['cudnn']}"
    else:
        place = f"{cpu['model']}, {cpu['capability']}, {environment['threads']} threads"
    return f"torch {torch['version']} {str(torch['git'])[:8]}, {place}"


def _torch(device: str) -> dict[str, Any]:
    import torch

    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None
    facts = {
        "version": torch.__version__,
        "git": torch.version.git_version,
        "cuda": torch.version.cuda,
        "cudnn": cudnn,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
    }
    gpu = None
    if device.startswith("cuda") and torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(torch.device(device))
        gpu = {
            "name": properties.name,
            "capability": f"{properties.major}{properties.minor}",
            "memory_mb": properties.total_memory >> 20,
            "count": torch.cuda.device_count(),
        }
    return {"torch": facts, "gpu": gpu}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
