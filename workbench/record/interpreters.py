"""Which Python there is for a recorded version."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import RecordError

_SECONDS = 60  # a first start from a slow disk
_VERSION = re.compile(r"(\d+\.\d+)(\.\d+\S*)?")

# What would lead a process of another environment back into ours, or the installer into another place.
_OURS = (
    "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_VERSION", "__PYVENV_LAUNCHER__",
    "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_DRY_RUN",
    "PIP_QUIET", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_CONSTRAINT", "UV_OVERRIDE",
    "UV_PROJECT", "UV_WORKING_DIRECTORY", "UV_DRY_RUN",
)  # fmt: skip


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that was started once and told its version, e.g. "3.11.7"."""

    path: Path
    version: str


def minor(version: str) -> str:
    """``"3.11"`` of "3.11.7".

    Raises:
        RecordError: for a text that is no version.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise RecordError(f"'{version}' is no version of Python", hint="Take the present one: --env current")
    return found[1]


def find_interpreter(version: str, uv: str = "") -> Interpreter:
    """The one that runs us when its minor version fits, else the first on PATH, in pyenv or known to uv.

    Nothing is fetched.

    Args:
        version: the recorded version; another patch release of the same minor version stands in for it.
        uv: the uv program, "" without one.

    Raises:
        RecordError: when there is none of that minor version.
    """
    wanted = minor(version)
    if wanted == minor(platform.python_version()):
        return Interpreter(Path(sys.executable), platform.python_version())
    for path in (*_on_path(f"python{wanted}"), *_of_pyenv(version), *_known_to(uv, wanted)):
        found = version_of(path)
        if found and minor(found) == wanted:
            return Interpreter(path, found)
    install = f"Type: uv python install {wanted}" if uv else f"Install it, so that python{wanted} starts it"
    raise RecordError(
        f"Python {wanted} is needed (recorded: {version}) and not found",
        hint=f"{install}; or take the present {platform.python_version()}: --env current",
    )


def version_of(python: Path) -> str:
    """The exact version that an interpreter tells, "" when it does not start."""
    script = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run(
            [python, "-I", "-c", script], env=without_ours(), capture_output=True, text=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    told = done.stdout.strip()
    return told if done.returncode == 0 and _VERSION.fullmatch(told) else ""


def without_ours() -> dict[str, str]:
    """Our variables without those that point at our environment; where packages come from stays as it is set."""
    return {name: value for name, value in os.environ.items() if name not in _OURS}


def _on_path(name: str) -> Iterator[Path]:
    # All of them: the first may be a shim for a version that is not switched on.
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(folder or ".") / name
        if path.is_file() and os.access(path, os.X_OK):
            yield path.absolute()


def _of_pyenv(version: str) -> Iterator[Path]:
    """Those that pyenv holds and has not switched on, the very version first."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(home.glob(f"versions/{minor(version)}*/bin/python{minor(version)}"))
    yield from sorted(found, key=lambda path: path.parts[-3] != version)


def _known_to(uv: str, wanted: str) -> Iterator[Path]:
    if not uv:
        return
    try:
        done = subprocess.run(
            [uv, "python", "find", "--no-project", "--no-python-downloads", wanted],
            env=without_ours(), capture_output=True, text=True, timeout=_SECONDS, cwd="/",
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return
    if done.returncode == 0 and done.stdout.strip():
        yield Path(done.stdout.strip())
