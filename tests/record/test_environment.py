from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.record.environment import (
    DATA_LOCK,
    LOCK,
    capture,
    cpu_model,
    deviations,
    deviations_from,
    lock_hash,
    locked,
    model_in,
    numbers_in,
)

ROOT = Path(__file__).parents[2]


def test_lock_lines_and_what_deviates_from_them(tmp_path: Path) -> None:
    click = importlib.metadata.version("click")
    torch = importlib.metadata.version("torch")
    lock = tmp_path / LOCK
    lock.write_text(
        "# a comment\n"
        "--extra-index-url https://example.org\n"
        f"click=={click} \\\n    --hash=sha256:{'0' * 64}\n"
        f"torch=={torch}\n"
        "Filelock[extra] == 0.0.1  # via x\n"
        "no_such-package==1.0 ; python_version >= '3'\n"
        "other-package==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:0\n"
    )
    assert locked(lock) == {"click": click, "torch": torch, "filelock": "0.0.1", "no-such-package": "1.0"}
    assert deviations(lock) == {
        "filelock": ["0.0.1", importlib.metadata.version("filelock")],
        "no-such-package": ["1.0", None],
    }
    assert locked(lock.read_text()) == locked(lock)
    assert lock_hash(lock) == hashlib.sha256(lock.read_bytes()).hexdigest()


def test_without_a_lock(tmp_path: Path) -> None:
    assert (locked(tmp_path / LOCK), deviations(tmp_path / LOCK), lock_hash(tmp_path / LOCK)) == ({}, {}, "")


def test_the_present_packages_are_held_against_the_lock_of_another_commit() -> None:
    packages = {"torch": "2.1.0+cpu", "numpy": "2.0.0", "click": "8.2 (local)", "other": "1"}
    lock = "torch==2.1.0\nNumPy==2.0\nclick==8.2\nscipy==1.0 ; python_version < '3'\nabsent==1\n"
    assert deviations_from(lock, packages) == {
        "torch": ["2.1.0", "2.1.0+cpu"],  # another build, which computes other numbers
        "click": ["8.2", "8.2 (local)"],
        "absent": ["1", None],
    }
    assert deviations_from("NumPy==2.0\n", packages) == {}


def test_packages_and_what_no_lock_names(tmp_path: Path) -> None:
    everything = capture(root=tmp_path, torch_facts=False)
    assert everything["extras"] == {} and (everything["lock"], everything["data_lock"]) == ("", "")
    assert everything["packages"]["torch"] == importlib.metadata.version("torch")
    names = sorted(set(everything["packages"]) - {"click", "torch"})
    (tmp_path / LOCK).write_text("".join(f"{name}=={everything['packages'][name]}\n" for name in names))
    (tmp_path / DATA_LOCK).write_text(f"torch=={everything['packages']['torch']}\n")
    found = capture(root=tmp_path, torch_facts=False)
    assert found["packages"] == everything["packages"]
    assert found["extras"] == {"click": everything["packages"]["click"]}
    assert found["data_lock"] == hashlib.sha256((tmp_path / DATA_LOCK).read_bytes()).hexdigest()


def test_own_lock_is_understood() -> None:
    found = locked(ROOT / LOCK)
    assert {"mlflow", "torch", "click", "dvc"} <= set(found)


def test_variables_are_recorded_by_an_allow_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_TOKEN", "hunter2")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = capture(root=tmp_path, torch_facts=False)
    assert found["variables"]["OMP_NUM_THREADS"] == "1"
    assert "hunter2" not in json.dumps(found)


def test_nothing_personal_is_recorded(tmp_path: Path) -> None:
    strange = {name: f"somebody-{name}" for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "HOME", "COMPUTERNAME")}
    script = "import json\nfrom workbench.record.environment import capture\nprint(json.dumps(capture(device='cpu')))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, **strange}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "somebody" not in done.stdout
    for path in (tmp_path, ROOT, sys.prefix, Path.home()):
        assert f'"{path}' not in done.stdout and f"{path}/" not in done.stdout
    assert platform.node() not in leaves(json.loads(done.stdout))


def leaves(value: Any) -> set[str]:
    """Every text in it, whole and in words, as a key or a value."""
    if isinstance(value, dict):
        return set().union(*map(leaves, (*value, *value.values())))
    if isinstance(value, list):
        return set().union(*map(leaves, value))
    return {str(value), *str(value).split()}


X86 = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
model name\t: Intel(R)  Xeon(R) CPU @ 2.20GHz
stepping\t: 3

processor\t: 1
model name\t: another
"""
ARM = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""


@pytest.mark.parametrize(
    ("cpuinfo", "model", "numbers"),
    [
        (X86, "Intel(R) Xeon(R) CPU @ 2.20GHz", "6/85/3"),
        (ARM, "ARM 0x41 0xd0c r3p1", ""),
        ("processor\t: 0\ncpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported", ""),
        ("", "", ""),
    ],
)
def test_a_processor_is_told_from_what_the_kernel_says(cpuinfo: str, model: str, numbers: str) -> None:
    assert (model_in(cpuinfo), numbers_in(cpuinfo)) == (model, numbers)


def test_a_processor_always_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = cpu_model()
    monkeypatch.setattr(platform, "system", lambda: "Darwin")  # asks a program that is not here
    assert known and cpu_model() and "\n" not in known


def test_torch_and_processor(tmp_path: Path) -> None:
    import torch

    found = capture(device="cpu", threads=1, level="bitwise", root=tmp_path)
    assert found["torch"]["version"] == torch.__version__ and len(found["torch"]["git"]) == 40
    assert found["cpu"]["capability"] == torch.backends.cpu.get_cpu_capability() and found["cpu"]["model"]
    assert (found["gpu"], found["device"], found["level"], found["lock"]) == (None, "cpu", "bitwise", "")
    assert "1 threads" in found["class"]
    assert json.loads(json.dumps(found)) == found
    other = capture(device="cpu", threads=2, root=tmp_path)
    assert other["class"] != found["class"]


@pytest.mark.skipif("not __import__('torch').cuda.is_available()", reason="needs a GPU")
def test_graphics_processor(tmp_path: Path) -> None:
    found = capture(device="cuda:0", threads=1, root=tmp_path)
    assert found["gpu"]["name"] in found["class"] and found["torch"]["cuda"] in found["class"]


def test_torch_is_imported_only_when_asked() -> None:
    script = (
        "import sys\nfrom workbench.record.environment import capture\n"
        "capture(torch_facts=False)\nprint('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
