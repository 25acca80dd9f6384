from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.record.environment import LOCK, capture, deviations, lock_hash, locked

ROOT = Path(__file__).parents[2]


def test_lock_lines_and_what_deviates_from_them(tmp_path: Path) -> None:
    click = importlib.metadata.version("click")
    torch = importlib.metadata.version("torch").partition("+")[0]
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
    assert lock_hash(lock) == hashlib.sha256(lock.read_bytes()).hexdigest()


def test_without_a_lock(tmp_path: Path) -> None:
    assert (locked(tmp_path / LOCK), deviations(tmp_path / LOCK), lock_hash(tmp_path / LOCK)) == ({}, {}, "")


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
