from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record.interpreters import find_interpreter, minor, version_of, without_ours

HERE = platform.python_version()


@pytest.mark.parametrize("version", ["3.11", "3.11.7", "3.11.0rc1", "3.11.7+"])
def test_the_minor_version(version: str) -> None:
    assert minor(version) == "3.11"


@pytest.mark.parametrize("version", ["", "3", "three", "3.11; rm", "../3.11"])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(RecordError, match="is no version of Python"):
        minor(version)


def test_the_present_one_stands_in_for_another_patch_release() -> None:
    found = find_interpreter(minor(HERE) + ".999")
    assert (found.path, found.version) == (Path(sys.executable), HERE)
    assert version_of(found.path) == HERE


def test_one_on_path_that_starts_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, script in (("shim", "exit 127"), ("liar", "echo 3.97.1"), ("real", "echo 3.98.1")):
        program = tmp_path / folder / "python3.98"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", ":".join(str(tmp_path / name) for name in ("none", "shim", "liar", "real")))
    found = find_interpreter("3.98.5")
    assert (found.path, found.version) == (tmp_path / "real" / "python3.98", "3.98.1")


def test_one_that_pyenv_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("3.98.1", "3.98.4", "3.98.7"):
        program = tmp_path / "versions" / version / "bin" / "python3.98"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert find_interpreter("3.98.4").version == "3.98.4"
    assert find_interpreter("3.98.5").version == "3.98.1"


@pytest.mark.parametrize("uv", ["", "uv"])
def test_none_is_a_clear_error(uv: str) -> None:
    program = shutil.which(uv) or ""
    if uv and not program:
        pytest.skip("uv is not installed")
    with pytest.raises(RecordError) as error:
        find_interpreter("3.99.1", program)
    told = str(error.value)
    assert "Python 3.99 is needed (recorded: 3.99.1) and not found" in told and "--env current" in told
    assert ("uv python install 3.99" in told) is bool(uv) and "\n" not in told


def test_what_does_not_start_has_no_version(tmp_path: Path) -> None:
    assert version_of(tmp_path / "absent") == version_of(tmp_path) == ""


def test_variables_that_lead_back_to_us_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/here")
    monkeypatch.setenv("PIP_TARGET", "/there")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    found = without_ours()
    assert "PYTHONPATH" not in found and "PIP_TARGET" not in found and found["PIP_FIND_LINKS"] == "/wheels"
