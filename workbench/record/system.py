"""How busy the machine is with us: CPU, memory and GPU of our own process tree, into the study's journal.

MLflow's own monitor logs every GPU of the host and stops at the first unsupported reading; this one logs ours.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from workbench.errors import RecordError
from workbench.record.journal import Journal

if TYPE_CHECKING:
    import psutil

_MIB = 2.0**20


class Sampler:
    """Writes ``system/...`` metrics after a second and then every ``every`` seconds, from a background thread.

    Args:
        journal: the open journal that they go to.
        gpu: the index of the GPU that we train on, None without one.
        every: seconds.
    """

    def __init__(self, journal: Journal, *, gpu: int | None = None, every: float = 10.0) -> None:
        self._journal, self._gpu, self._every = journal, gpu, every
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wb-system", daemon=True)

    def start(self) -> None:
        """Begin sampling."""
        self._thread.start()

    def stop(self) -> None:
        """End sampling; call it before the journal is sealed."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        tree: dict[int, psutil.Process] = {}
        sample(tree, self._gpu)  # the first reading of a process's CPU time is always 0
        step = self._journal.last_step("system/cpu_percent") + 1
        wait = min(1.0, self._every)  # a study of a few seconds has a reading, too
        while not self._ending.wait(wait):
            wait = self._every
            try:
                self._journal.metrics(sample(tree, self._gpu), step)
            except RecordError:  # a full disk stops the training itself, with its own message
                return
            step += 1


def sample(tree: dict[int, psutil.Process], gpu: int | None) -> dict[str, float]:
    """The current load.

    Args:
        tree: our processes by id, kept from call to call, as CPU percentages are differences.

    Returns:
        ``system/cpu_percent`` (100 is one core busy), ``system/memory_mb``, ``system/processes``, and with a GPU
        ``system/gpu_percent``, ``system/gpu_memory_mb``, ``system/gpu_watts`` where the driver tells them.
    """
    import psutil

    own = psutil.Process(os.getpid())
    alive = {each.pid: each for each in [own, *own.children(recursive=True)]}
    for pid in tree.keys() - alive.keys():
        del tree[pid]
    for pid, process in alive.items():
        tree.setdefault(pid, process)
    cpu = memory = 0.0
    for process in tree.values():
        with contextlib.suppress(psutil.Error):  # it may end between the listing and the reading
            cpu += process.cpu_percent()
            memory += process.memory_info().rss
    found = {"system/cpu_percent": cpu, "system/memory_mb": memory / _MIB, "system/processes": float(len(tree))}
    return found | (_gpu_load(gpu) if gpu is not None else {})


def _gpu_load(index: int) -> dict[str, float]:
    """What the driver tells about one GPU; a reading that it does not support is left out."""
    try:
        import pynvml
    except ImportError:
        return {}
    found: dict[str, float] = {}
    readings: dict[str, Any] = {
        "system/gpu_percent": lambda handle: float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        "system/gpu_memory_mb": lambda handle: _own_memory(handle) / _MIB,
        "system/gpu_watts": lambda handle: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
    }
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        handle = _handle(index)
        for name, read in readings.items():
            with contextlib.suppress(pynvml.NVMLError):
                found[name] = read(handle)
    return found


def _handle(index: int) -> Any:
    """The driver's handle of the GPU that CUDA numbers ``index``: CUDA_VISIBLE_DEVICES renumbers, the driver not."""
    import pynvml

    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    name = visible[index].strip() if any(visible) and index < len(visible) else str(index)
    return pynvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdigit() else pynvml.nvmlDeviceGetHandleByUUID(name)


def _own_memory(handle: Any) -> float:
    """Bytes that our processes hold on the GPU; in a container that hides process ids, all that is held."""
    import psutil
    import pynvml

    own = psutil.Process(os.getpid())
    pids = {each.pid for each in [own, *own.children(recursive=True)]}
    held = [each.usedGpuMemory or 0 for each in pynvml.nvmlDeviceGetComputeRunningProcesses(handle) if each.pid in pids]
    return float(sum(held) or pynvml.nvmlDeviceGetMemoryInfo(handle).used)
