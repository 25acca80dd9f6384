"""Counted in processes of their own: the setting belongs to a whole process."""

import subprocess
import sys

import pytest

from workbench.study.engines.memory import keep_freed_memory

_COUNT = """
import ctypes
class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]
library = ctypes.CDLL(None)
library.mallinfo.restype = Mallinfo
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = [ctypes.c_size_t]
{first}
before = library.mallinfo().hblks
library.malloc(24 << 20)
print(library.mallinfo().hblks - before)
"""


def mapped_anew(first: str) -> int:
    """How many regions of memory the kernel is asked for by an allocation of 24 MiB."""
    done = subprocess.run(
        [sys.executable, "-c", _COUNT.format(first=first)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_large_blocks_come_from_memory_that_is_kept() -> None:
    assert mapped_anew("") == 1
    assert mapped_anew("from workbench.study.engines.memory import keep_freed_memory; assert keep_freed_memory()") == 0


def test_without_mallopt_it_says_so_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert keep_freed_memory() is False
