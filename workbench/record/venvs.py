"""Virtual environments built from locks: one for each lock and minor version of Python, kept until cleared away."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from workbench.errors import RecordError
from workbench.record.environment import DATA_LOCK, LOCK
from workbench.record.files import read_json, refusal, write_json
from workbench.record.installer import OTHERWISE, PRESENT, Installer
from workbench.record.interpreters import Interpreter, find_interpreter, minor, version_of
from workbench.record.locks import read_lock, unhashed

READY = "ready.json"
Report = Callable[[str, int, int], None]

_WAIT_SECONDS = 2 * 3600.0  # torch over a slow line
_GIB = 2**30
_TORCH_GIB = 6.0  # what torch for CUDA and its libraries take on the disk
_LEAST_GIB = 0.5
_FIND_LINKS = re.compile(r"^(\s*(?:--find-links|-f)[=\s]\s*)(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Venv:
    """The environment that two locks and a Python version name.

    Attributes:
        lock: the text of requirements.txt.
        data_lock: the text of requirements-data.txt, "" without one; it is installed without what it says it needs.
        python: the recorded version, e.g. "3.11.7"; the minor version counts.
    """

    lock: str
    data_lock: str
    python: str

    @property
    def hashes(self) -> dict[str, str]:
        """SHA-256 of each text, under the names that a recorded environment has for them; "" without one."""
        texts = {"lock": self.lock, "data_lock": self.data_lock}
        return {name: hashlib.sha256(text.encode()).hexdigest() if text else "" for name, text in texts.items()}

    @property
    def name(self) -> str:
        """The name of its folder, e.g. "0123456789abcdef-py3.11"."""
        both = hashlib.sha256(" ".join(self.hashes.values()).encode()).hexdigest()
        return f"{both[:16]}-py{minor(self.python)}"

    def ready(self, place: Path) -> Path | None:
        """Its interpreter when it is complete under ``place`` and still starts, else None."""
        folder = place / self.name
        python = folder / "bin" / "python"
        try:
            facts = read_json(folder / READY)
        except RecordError:
            return None
        if not isinstance(facts, dict) or any(facts.get(name) != value for name, value in self.hashes.items()):
            return None
        version = version_of(python)  # what it was made from may have been removed since
        return python if version and minor(version) == minor(self.python) else None

    def refuse_vague(self) -> None:
        """Raises RecordError for locks that do not name one definite environment."""
        if not read_lock(self.lock):
            raise RecordError("there is no lock, so the recorded environment is unknown", hint=PRESENT)
        vague = unhashed(self.lock) + unhashed(self.data_lock)
        if vague:
            more = f" and {len(vague) - 3} more" if len(vague) > 3 else ""
            raise RecordError(
                f"the lock names no definite environment: no hash for {', '.join(vague[:3])}{more}", hint=PRESENT
            )


def build(place: Path, lock: str, data_lock: str, python: str, project: Path, report: Report) -> Path:
    """The interpreter of the environment that the locks name; made when it is not there yet, which may take minutes.

    Whoever asks for the same one meanwhile waits. What a killed process left half-made is made anew. The project itself
    is not installed.

    Args:
        place: the folder that holds all of them, e.g. ``.wb/venvs``.
        lock: the text of requirements.txt.
        data_lock: the text of requirements-data.txt, "" without one.
        python: the recorded version, e.g. "3.11.7".
        project: the folder that relative paths in the locks start from.
        report: told what is going on, as (text, done, total).

    Raises:
        RecordError: for a lock without hashes, no such Python, too little room, or packages that cannot be had.
    """
    venv = Venv(lock, data_lock, python)
    venv.refuse_vague()
    folder = place / venv.name
    with _claimed(place, venv.name, report):
        found = venv.ready(place)
        if found is None:
            found = _build(venv, folder, project.absolute(), report)
        os.utime(folder / READY)  # when it was last used
    return found


def _build(venv: Venv, folder: Path, project: Path, report: Report) -> Path:
    with _inherited(folder.with_name(f"{folder.name}.busy"), report) as busy:
        remove(folder)
        installer = Installer.choose()
        interpreter = find_interpreter(venv.python, installer.uv)
        _room(venv, folder.parent, installer, report)
        if interpreter.version != venv.python:
            report(f"Python {interpreter.version} stands in for the recorded {venv.python}", 0, 0)
        try:
            python = _fill(venv, folder, project, (installer, interpreter), busy.fileno(), report)
            facts = {"python": version_of(python), "built": time.time_ns() // 1_000_000, "by": installer.name}
            write_json(folder / READY, venv.hashes | facts, sync=True)
        except BaseException:
            remove(folder)
            raise
    return python


def _fill(
    venv: Venv, folder: Path, project: Path, tools: tuple[Installer, Interpreter], busy: int, report: Report
) -> Path:
    installer, interpreter = tools
    parts = {LOCK: venv.lock, DATA_LOCK: venv.data_lock}
    total = 1 + sum(bool(read_lock(text)) for text in parts.values())
    made = f"environment {venv.name}"
    report(f"{made}: building it with {installer.name}, Python {interpreter.version}", 0, total)
    python = installer.create(folder, interpreter, (busy,), lambda text: None)
    done = 1
    for name, text in parts.items():
        if not (count := len(read_lock(text))):
            continue
        report(f"{made}: installing {name} ({count} lines)", done, total)
        (folder / name).write_text(_FIND_LINKS.sub(lambda line: _from(project, line), text), encoding="utf-8")

        def tell(text: str, done: int = done) -> None:
            report(f"{made}: {text}", done, total)

        installer.install(python, folder / name, project, (busy,), tell, deps=name == LOCK)
        done += 1
    report(f"{made}: complete", total, total)
    return python


def remove(folder: Path) -> None:
    """Remove an environment; one that is killed meanwhile leaves what counts as half-made.

    Raises:
        RecordError: when the system refuses.
    """
    try:
        (folder / READY).unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise refusal(folder, error) from error


@contextmanager
def _claimed(place: Path, name: str, report: Report) -> Iterator[None]:
    """Only one process at a time works on ``name``; the others wait."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report(f"environment {name}: another process is building it; waiting", 0, 0)
            lock.acquire(timeout=_WAIT_SECONDS)
    except Timeout:
        raise RecordError(
            "another process has been building this environment for hours", where=str(place / name), hint=PRESENT
        ) from None
    except OSError as error:
        raise refusal(place, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _inherited(path: Path, report: Report) -> Iterator[IO[bytes]]:
    """An open file, locked by us and by every program that inherits it.

    An installer outlives us when we are killed, and would go on writing into what the next process makes anew.
    """
    with path.open("ab") as file:
        until = time.monotonic() + _WAIT_SECONDS
        while not _locked(file):
            if time.monotonic() > until:
                raise RecordError("an installer whose process was killed still runs", where=str(path), hint=PRESENT)
            report("the installer of a process that was killed still runs; waiting for its end", 0, 0)
            time.sleep(0.5)
        try:
            yield file
        finally:
            path.unlink(missing_ok=True)  # only who holds the claim opens it, so nobody waits for the removed one


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _room(venv: Venv, place: Path, installer: Installer, report: Report) -> None:
    """Raises RecordError when the disk is too full, as far as that can be told before."""
    free = shutil.disk_usage(place).free / _GIB
    heavy = any(line.name == "torch" for line in read_lock(venv.lock))
    if free < _LEAST_GIB or (heavy and free < _TORCH_GIB and not _links(installer, place)):
        needed = _TORCH_GIB if heavy else _LEAST_GIB
        raise RecordError(
            f"{free:.1f} GiB are free and the environment needs about {needed:g}",
            where=str(place), hint=f"Free some space, set WB_HOME to another disk, {OTHERWISE}",
        )  # fmt: skip
    if heavy and free < _TORCH_GIB:
        report(f"only {free:.1f} GiB are free: enough when uv has the packages in its cache", 0, 0)


def _links(installer: Installer, place: Path) -> bool:
    """uv's cache is on the same disk, so that what it holds takes no room a second time."""
    if not installer.uv:
        return False
    done = subprocess.run([installer.uv, "cache", "dir"], capture_output=True, text=True, timeout=60)
    cache = Path(done.stdout.strip())
    return done.returncode == 0 and cache.is_dir() and cache.stat().st_dev == place.stat().st_dev


def _from(project: Path, line: re.Match[str]) -> str:
    """A ``--find-links`` line with its folder made absolute: uv reads no relative one."""
    return line[0] if "://" in line[2] else f"{line[1]}{project / line[2]}"
