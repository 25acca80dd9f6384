"""Counted in processes of their own: the setting belongs to a whole process."""

import subprocess
import sys

import pytest

from workbench.study.engines.memory import keep_freed_memory

_COUNT = """
import resource, torch
{first}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def once():
    blocks = [torch.ones(4 << 20) for _ in range(4)]  # of 16 MiB, all freed at once, as after a step
once()
before = faults()
for _ in range(20):
    once()
print(faults() - before)
"""


def page_faults(first: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT.format(first=first)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_freed_memory_is_used_again_instead_of_being_mapped_anew() -> None:
    kept = page_faults("from workbench.study.engines.memory import keep_freed_memory; assert keep_freed_memory()")
    assert kept < 20 * 1_000 < page_faults("")


def test_without_mallopt_it_says_so_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert keep_freed_memory() is False
