"""What a run ran on: the interpreter, the locked packages and what deviates from them, torch's build, CPU and GPU.

Environment variables are recorded by an allow-list, because a list of forbidden names always misses a secret.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.record.locks import agrees, normal, wanted
from workbench.record.packages import extras, installed

LOCK = "requirements.txt"
DATA_LOCK = "requirements-data.txt"
VARIABLES = (
    "ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "CUDA_LAUNCH_BLOCKING", "CUDA_VISIBLE_DEVICES",
    "DNNL_MAX_CPU_ISA",
    "KMP_AFFINITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "PYTORCH_CUDA_ALLOC_CONF",
    "TORCH_CUDNN_V8_API_LIMIT",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)  # fmt: skip

# What every run sets by itself: whether an earlier one of the same process already did says nothing.
_OURS = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


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
        ``data_lock`` (the same of requirements-data.txt), ``packages`` (``{package: version}`` of all that is
        installed), ``deviations`` (``{package: [locked, installed or None]}``), ``extras`` (those packages that
        neither lock names), ``variables``, and with ``torch_facts`` also ``torch, gpu`` (None without one) and
        ``class`` (see :func:`reproduction_class`). Neither host nor user nor a path is in it.
    """
    root = root or Path.cwd()
    lock, data_lock = root / LOCK, root / DATA_LOCK
    packages = installed(root)
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "cpu": {
            "model": cpu_model(),
            "id": numbers_in(_cpuinfo()),
            "cores": os.cpu_count(),
            "machine": platform.machine(),
        },
        "device": device,
        "threads": threads,
        "level": level,
        "lock": lock_hash(lock),
        "data_lock": lock_hash(data_lock),
        "packages": packages,
        "deviations": deviations_from(_text(lock), packages),
        "extras": extras(packages, _text(lock), _text(data_lock)),
        "variables": {
            name: os.environ[name] for name in VARIABLES if os.environ.get(name) not in (None, _OURS.get(name))
        },
    }
    if torch_facts:
        found |= _torch(device)
        found["cpu"]["capability"] = found["torch"]["capability"]
        found["class"] = reproduction_class(found)
    return found


def lock_hash(lock: Path) -> str:
    """SHA-256 of the lock file as 64 hexadecimal digits, "" when there is none."""
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""


def locked(lock: Path | str) -> dict[str, str]:
    """``{package: version}`` of what a lock fixes for this machine; {} without it. A text is the lock itself."""
    return wanted(lock if isinstance(lock, str) else _text(lock))


def deviations(lock: Path) -> dict[str, list[str | None]]:
    """``{package: [locked version, installed version]}`` where the two differ; None stands for not installed."""
    return deviations_from(_text(lock), installed(lock.parent))


def deviations_from(lock: str, packages: Mapping[str, str]) -> dict[str, list[str | None]]:
    """The same for the text of any lock, such as another commit's, and packages as :func:`capture` records them.

    Empty: what is installed is what that lock fixes for this machine (apart from extras).
    """
    found: dict[str, list[str | None]] = {}
    for name, version in wanted(lock).items():
        present = packages.get(normal(name))
        if present is None or not agrees(version, present):
            found[name] = [version, present]
    return found


def cpu_model() -> str:
    """The processor's name as its maker writes it, or the numbers that stand for it."""
    named = _asked_of_macos() if platform.system() == "Darwin" else model_in(_cpuinfo())
    return named or platform.processor() or platform.machine()


def model_in(cpuinfo: str) -> str:
    """The model that the text of /proc/cpuinfo tells; "" when it tells none.

    On ARM, which has no name there, it is maker, part, variant and revision, as in "ARM 0x41 0xd0c r3p1".
    """
    facts = _facts(cpuinfo)
    for key in ("model name", "cpu model", "cpu", "uarch"):  # x86, MIPS, POWER, RISC-V
        if facts.get(key):
            return facts[key]
    if "CPU part" not in facts:
        return ""
    variant = facts.get("CPU variant", "0x0")
    stepping = f"r{int(variant, 16) if variant.startswith('0x') else variant}p{facts.get('CPU revision', '0')}"
    return f"ARM {facts.get('CPU implementer', '')} {facts['CPU part']} {stepping}"


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


def numbers_in(cpuinfo: str) -> str:
    """Family, model and stepping of an x86 processor as in "25/17/1"; "" elsewhere.

    In a virtual machine the model's name may be no more than its maker's, and these still tell generations apart.
    """
    facts = _facts(cpuinfo)
    numbers = [facts.get(key, "") for key in ("cpu family", "model", "stepping")]
    return "/".join(numbers) if all(numbers) else ""


def _facts(cpuinfo: str) -> dict[str, str]:
    """What is said of the first processor; on ARM some of it stands at the end."""
    facts: dict[str, str] = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), " ".join(value.split()))
    return facts


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""


def _asked_of_macos() -> str:
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _text(lock: Path) -> str:
    return lock.read_text(encoding="utf-8") if lock.is_file() else ""
