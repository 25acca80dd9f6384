"""Running the ordinary package clients (pip, uv, npm, apt-get) as programs, with a limit and a readable reason."""

from __future__ import annotations

import importlib.machinery
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.data.sources.route import Unreachable

_LIMIT_SECONDS = 900


def require(program: str) -> str:
    """The full path of a program.

    Raises:
        Unreachable: when it is not installed.
    """
    found = shutil.which(program)
    if found is None:
        raise Unreachable(f"{program} is not installed")
    return found


def has_pip() -> bool:
    """Whether this Python has pip of its own.

    The path is asked, and not importlib.util.find_spec: setuptools' hook takes a question for pip on Python 3.11 as a
    reason to leave distutils to the standard library, and then importing setuptools, as torch.compile does, fails.
    """
    return importlib.machinery.PathFinder.find_spec("pip") is not None


def call(command: Sequence[str], folder: Path, doing: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a client in ``folder``, quietly, with this process's environment or the one given.

    Raises:
        Unreachable: with the last line that it printed, when it fails or takes more than a quarter of an hour.
    """
    if os.environ.get("WB_OFFLINE"):
        raise Unreachable("WB_OFFLINE is set")
    try:
        subprocess.run(
            command,
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=_LIMIT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        raise Unreachable(f"{doing} failed ({_last_line(error.stderr or error.stdout)})") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{doing} took more than {_LIMIT_SECONDS} s") from error
    except OSError as error:
        raise Unreachable(f"{doing} could not start ({error})") from error


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "npm error", "e:"))]
    return (errors or lines or ["no message"])[-1][:200]
