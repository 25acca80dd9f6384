"""uv or pip: make a virtual environment and install locked packages into it; one clear error when it cannot."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from workbench.errors import RecordError
from workbench.record.interpreters import Interpreter, without_ours

PRESENT = "Take the present environment: --env current"
OTHERWISE = "or take the present environment: --env current"
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s`'\")\]}>,]*")
_PIP_NOISE = re.compile(r"^WARNING: Retrying .*?(Failed to establish[^']*|\w* timed out).*$| \(from -[rc] .*$")
_WORTH_TELLING = re.compile(
    r"(Resolved|Prepared|Installed|Bytecode compiled|Building|Built|Downloaded|Successfully installed)\b"
    r"|Installing collected packages|Downloading .*\(\d{2,}[\d.]* ?[MG]i?B"
)

# What the installers say, the most definite first: pattern, the line that shows it, what it means, what to do.
_REASONS = (
    (
        r"hash mismatch|do not match the hashes", r"hash mismatch for|^ {4}\S+ from ",
        "a file is not the one that was locked",
        "It was replaced where it comes from, or the lock was edited: look into it before you install it",
    ),
    (
        r"no space left|os error 28\b|disk quota exceeded", "", "the disk is full",
        "Free some space, or set WB_HOME to another disk, and type the same again",
    ),
    (
        r"dns error|connect error|connection (refused|broken|reset)|establish a new connection|timed out|unreachable"
        r"|name resolution|error sending request|network was disabled",
        r"dns error|connect error|connection refused|after connection broken|timed out|error sending|network was",
        "the packages cannot be fetched", "Go online and type the same again",
    ),
    (
        r"no version of|not found in|no matching distribution|\b404\b|no wheels? with|no matching platform", "",
        "a locked package is not offered where packages are looked for, or not for this machine",
        "Name a place that has it (PIP_FIND_LINKS, UV_FIND_LINKS)",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Installer:
    """How packages are installed.

    Attributes:
        uv: the uv program, "" for pip.
        name: with the version where it matters, e.g. "uv 0.9.1" or "pip".
    """

    uv: str
    name: str

    @classmethod
    def choose(cls) -> Self:
        """uv when it starts, else pip."""
        program = shutil.which("uv")
        if program is not None:
            try:
                done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
            except (OSError, subprocess.SubprocessError):
                return cls("", "pip")
            if done.returncode == 0:
                return cls(program, " ".join(done.stdout.split()[:2]))
        return cls("", "pip")

    def create(self, folder: Path, interpreter: Interpreter, keep: Sequence[int], tell: Callable[[str], None]) -> Path:
        """Make the virtual environment ``folder``, which does not exist yet, and return its interpreter.

        Raises:
            RecordError: when it cannot be made.
        """
        if self.uv:
            words = [self.uv, "venv", "--no-project", "--no-python-downloads", "--python", str(interpreter.path)]
        else:
            words = [str(interpreter.path), "-I", "-m", "venv"]
        code, lines = run([*words, str(folder)], folder.parent, keep, tell)
        if code != 0:
            without = any("ensurepip" in line or "No module named venv" in line for line in lines)
            hint = "On Debian and Ubuntu: apt-get install python3-venv, or install uv" if without else PRESENT
            raise RecordError(
                f"a virtual environment could not be made with Python {interpreter.version} ({_last(lines)})", hint=hint
            )
        return folder / "bin" / "python"

    def install(
        self, python: Path, lock: Path, project: Path, keep: Sequence[int], tell: Callable[[str], None], *, deps: bool
    ) -> None:
        """Install a lock; every file must have a hash that the lock names.

        Args:
            python: the interpreter of the virtual environment.
            lock: the lock's file.
            project: the folder that relative paths in it start from.
            keep: open files that the installer inherits.
            tell: told what is going on, a line at a time.
            deps: False installs only what the lock names, whatever that says it needs.

        Raises:
            RecordError: with the installer's own words when it cannot.
        """
        if self.uv:
            words = [self.uv, "pip", "install", "--compile-bytecode", "--python", str(python)]
        else:
            words = [str(python), "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
            words += ["--progress-bar", "off"]
        words += ["--require-hashes", *([] if deps else ["--no-deps"]), "-r", str(lock)]
        code, lines = run(words, project, keep, tell)
        if code != 0:
            raise refusal(self.name, lines)


def run(
    words: Sequence[str], cwd: Path, keep: Sequence[int], tell: Callable[[str], None], limit: int = 2000
) -> tuple[int, list[str]]:
    """Exit code and the last ``limit`` lines of a program, cleaned; what is worth it is passed on as it comes.

    The program inherits the open files ``keep``, and ends when we are interrupted.
    """
    lines: deque[str] = deque(maxlen=limit)
    settings = {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    try:
        process = subprocess.Popen(
            words, cwd=cwd, env=without_ours() | settings, pass_fds=tuple(keep), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except OSError as error:
        raise RecordError(f"{Path(words[0]).name} does not start ({error.strerror})", hint=PRESENT) from error
    with process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(clean(line))
                if _WORTH_TELLING.match(lines[-1].strip()):
                    tell(lines[-1].strip().partition(":")[0][:100])
        except BaseException:
            process.kill()
            raise
    return process.returncode, list(lines)


def clean(line: str) -> str:
    """A line of an installer without colours, and with addresses cut to their last part: hosts may hold passwords."""
    return _URL.sub(_cut, _COLOURS.sub("", line)).rstrip()


def refusal(installer: str, lines: Sequence[str]) -> RecordError:
    """The error for what an installer said before it gave up."""
    for pattern, shown, problem, todo in _REASONS:
        if any(re.search(pattern, line, re.IGNORECASE) for line in lines):
            telling = [line for line in lines if re.search(shown or pattern, line, re.IGNORECASE)]
            return RecordError(f"{problem}; {installer.partition(' ')[0]} says: {_last(telling or lines)}",
                               hint=f"{todo}; {OTHERWISE}")  # fmt: skip
    return RecordError(
        f"the locked packages could not be installed; {installer.partition(' ')[0]} says: {_last(lines)}",
        hint=PRESENT,
    )


def _cut(address: re.Match[str]) -> str:
    try:
        return urlsplit(address[0]).path.rstrip("/").rpartition("/")[2] or "..."
    except ValueError:
        return "..."


def _last(lines: Sequence[str]) -> str:
    """The last line that names an error, else the last one; without the mark before it and at most 200 letters long."""
    spoken = [line for line in lines if line.strip() and not line.lstrip().startswith(("hint:", "[notice]", "note:"))]
    errors = [line for line in spoken if re.match(r"\s*(error|cause|\u00d7|╰─▶|├─▶)", line, re.IGNORECASE)]
    line = (errors or spoken or ["nothing"])[-1]
    line = re.sub(r"^\s*((error|cause)\s*:|[\u00d7╰├─▶]+)\s*", "", line, flags=re.IGNORECASE)
    return _PIP_NOISE.sub(r"\1", line).strip()[:200].rstrip(".:")
