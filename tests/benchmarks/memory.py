"""What page faults cost a training step, and what ``keep_freed_memory`` saves of it.

CPU seconds (user + system) and page faults a step of MobileNetV2 at 96 pixels, batch 32, one thread; each variant in
processes of its own, alternating, n = 5 of 10 steps each. CPU seconds, not wall time: other processes do not add to it.

Run: ``.venv/bin/python tests/benchmarks/memory.py``.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

ROUNDS, STEPS = 5, 10


def steps() -> None:
    """Trains, and prints CPU seconds and page faults a step."""
    import torch
    from torch.nn import functional
    from torchvision.models import mobilenet_v2

    torch.set_num_threads(1)
    model = mobilenet_v2(num_classes=14).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    x = torch.randn(32, 3, 96, 96).contiguous(memory_format=torch.channels_last)
    y = torch.randint(0, 14, (32,))

    def step() -> None:
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(STEPS):
        step()
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(seconds / STEPS, (after.ru_minflt - before.ru_minflt) / STEPS)


def main() -> None:
    """Medians of both, and their ratio."""
    found: dict[str, list[tuple[float, float]]] = {"plain": [], "kept": []}
    for _ in range(ROUNDS):
        for name, rows in found.items():
            command = [sys.executable, __file__, name]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            rows.append((float(printed[0]), float(printed[1])))
    for name, rows in found.items():
        seconds, faults = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:6} {seconds * 1e3:7.1f} ms of CPU a step {faults:10,.0f} page faults a step")
    plain, kept = (statistics.median(row[0] for row in found[name]) for name in ("plain", "kept"))
    print(f"ratio {kept / plain:.2f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["kept"]:
        from workbench.study.engines.memory import keep_freed_memory

        keep_freed_memory()
    if len(sys.argv) > 1:
        steps()
    else:
        main()
