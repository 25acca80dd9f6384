from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from workbench.record.differences import Difference, compare, hardware
from workbench.record.environment import capture

GPU = {"name": "NVIDIA H200", "capability": "90", "memory_mb": 1, "count": 1}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The environment of this process, as it comes out of its file again."""
    found: dict[str, Any] = json.loads(
        json.dumps(capture(device="cpu", threads=1, level="seeded", root=tmp_path_factory.mktemp("empty")))
    )
    return found


@pytest.fixture
def other(here: dict[str, Any]) -> dict[str, Any]:
    """A copy to change."""
    return copy.deepcopy(here)


def test_the_same_differs_in_nothing(here: dict[str, Any], other: dict[str, Any]) -> None:
    assert compare(here, other) == [] and hardware(here, other) == []
    again = capture(device="cpu", threads=1, level="seeded", root=Path(__file__).parent)
    assert compare(here, again) == [] and hardware(here, again) == []


def test_what_most_likely_changes_a_number_comes_first(here: dict[str, Any], other: dict[str, Any]) -> None:
    other["python"] = "3.99.1"
    other["torch"] |= {"version": "9.0+cpu", "git": "f" * 40, "cuda": "99.1", "cudnn": 9}
    other["packages"] |= {"torch": "9.0+cpu", "numpy": "9.1", "torchvision": "9.2", "aaa": "9.3", "nvidia-cublas": "9"}
    other["packages"] |= {"scipy": "9.4", "zzz": "9.5 (local)", "workbench-ml": "9.6"}
    del other["packages"]["click"]
    other["platform"] = "Linux-6.1-x86_64-with-glibc9.9"
    other["level"], other["threads"] = "strict", 7
    other["variables"] = {**here["variables"], "ATEN_CPU_CAPABILITY": "default"}
    found = compare(here, other)
    assert [each.what for each in found] == [
        "python", "torch", "torch build", "CUDA", "cuDNN",
        "workbench-ml", "numpy", "torchvision", "nvidia-cublas", "scipy",
        "C library", "level", "threads", "ATEN_CPU_CAPABILITY",
        "aaa", "click", "zzz",
    ]  # fmt: skip
    told = {each.what: each for each in found}
    assert told["click"] == Difference("click", here["packages"]["click"], "none")
    assert told["zzz"] == ("zzz", "none", "9.5 (local)")
    assert told["threads"] == ("threads", "1", "7") and told["ATEN_CPU_CAPABILITY"][1:] == ("none", "default")
    assert told["python"] == ("python", here["python"], "3.99.1")
    assert compare(other, here) == [(what, new, old) for what, old, new in found]


def test_another_torch_package_of_the_same_build_is_told(here: dict[str, Any], other: dict[str, Any]) -> None:
    other["packages"]["torch"] += " (local)"
    assert compare(here, other) == [("torch", here["packages"]["torch"], other["packages"]["torch"])]


def test_the_same_c_library_under_another_kernel_is_the_same(here: dict[str, Any], other: dict[str, Any]) -> None:
    other["platform"] = "Linux-0.1-x86_64-with-" + here["platform"].partition("-with-")[2]
    assert compare(here, other) == []


def test_an_environment_that_was_recorded_without_packages(here: dict[str, Any], other: dict[str, Any]) -> None:
    del other["packages"]
    assert compare(other, here) == []
    here = {**here, "lock": "a" * 64, "deviations": {"numpy": ["1.0", "2.0"], "Absent": ["3.0", None]}}
    other |= {"lock": "a" * 64, "deviations": {"click": ["8.0", "8.1"]}}
    assert compare(other, here) == [("numpy", "1.0", "2.0"), ("absent", "3.0", "none"), ("click", "8.1", "8.0")]
    other["lock"] = "b" * 64
    assert compare(other, here) == [
        ("lock", "b" * 64, "a" * 64),
        ("numpy", "as locked", "2.0"),
        ("absent", "as locked", "none"),
        ("click", "8.1", "as locked"),
    ]


def test_what_was_not_recorded_is_unknown_rather_than_different(here: dict[str, Any]) -> None:
    assert compare({}, here) == compare(here, {}) == hardware({}, here) == hardware(here, {}) == []
    assert compare({"python": "3.0"}, here) == [("python", "3.0", here["python"])]


def test_the_machine(here: dict[str, Any], other: dict[str, Any]) -> None:
    other["device"], other["gpu"] = "cuda:1", GPU
    other["cpu"] |= {"model": "another", "id": "1/2/3", "capability": "NONE", "cores": 999, "machine": "riscv64"}
    found = hardware(here, other)
    assert [each.what for each in found] == [
        "device", "GPU", "GPU capability", "machine", "processor", "processor family/model/stepping",
        "processor capability", "cores",
    ]  # fmt: skip
    assert found[:3] == [("device", "cpu", "cuda"), ("GPU", "none", "NVIDIA H200"), ("GPU capability", "none", "90")]
    assert compare(here, other) == []
    same = {**other, "device": "cuda:0"}
    assert hardware(other, same) == []
