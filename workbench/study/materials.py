"""The data files that a study reads: brought here when missing, refused when they are not what their pin says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from workbench.data.sources import SOURCES, fetch
from workbench.data.sources.route import Report, silent
from workbench.errors import DataError, RecordError, nearest
from workbench.record import dvc
from workbench.record.pins import PINS, Pin, read_pins, state
from workbench.record.places import home, prepare

_GLANCE_SECONDS = 0.2


def ensure(root: Path, paths: Sequence[str], report: Report = silent) -> dict[str, str]:
    """Make sure that data files are there and are the pinned versions; ``{path: md5}``.

    A missing one comes from DVC's cache, else its remote, else its source, is checked against its pin and kept in the
    cache. Several processes may ask for the same file at once: one brings it, the others wait.

    Args:
        root: the project.
        paths: project paths such as ``data/mnist.npz``.
        report: ``report(text, done, total)``, in bytes; total 0 when unknown.

    Raises:
        DataError: for a file that is not pinned, that changed, or that cannot be had, with what to type.
        RecordError: when data.dvc cannot be read.
    """
    pins = read_pins(root)
    chosen = [_pinned(pins, root, path) for path in dict.fromkeys(paths)]
    for pin in chosen:
        found = state(root, pin)
        if found == "missing":
            with _alone(root, pin.path, report):
                if (found := state(root, pin)) == "missing":
                    _bring(root, pin, report)
                    found = "ok"
        if found == "changed":
            raise _changed(root, pin)
    return {pin.path: pin.md5 for pin in chosen}


def restore(root: Path, path: str, report: Report = silent, *, force: bool = False) -> Path | None:
    """Place the pinned version of a data file, whatever is there now.

    Args:
        root: the project.
        path: its project path.
        report: as in :func:`ensure`.
        force: destroy a file that differs, instead of moving it aside.

    Returns:
        Where the file that differed is now, or None when there was none.

    Raises:
        DataError: when the pinned version cannot be had; the file is then as it was.
    """
    pin = _pinned(read_pins(root), root, path)
    with _alone(root, path, report):
        found = state(root, pin, fresh=True)
        if found == "ok":
            return None
        aside = dvc.move_aside(root / path) if found == "changed" else None
        try:
            _bring(root, pin, report)
        except BaseException:
            if aside is not None:
                aside.replace(root / path)
            raise
    if aside is not None and force:
        dvc.delete(aside)
        return None
    return aside


def pin(root: Path, path: str, report: Report = silent) -> tuple[str | None, str]:
    """Make a data file as it is now the pinned version; one that is missing is fetched from its source first.

    Returns:
        The md5 that was pinned before (None when it was not) and the one that is pinned now.

    Raises:
        DataError: when the file is missing and has no source.
        RecordError: when DVC or git refuse.
    """
    before = read_pins(root).get(path)
    with _alone(root, path, report):
        if not (root / path).exists():
            if path not in SOURCES:
                raise DataError(f"there is no such file{nearest(path, SOURCES)}", where=path)
            fetch(path, root, report)
        after = dvc.pin(root, [path], push=path not in SOURCES or SOURCES[path].redistribute)[path]
    return before.md5 if before else None, after.md5


def _pinned(pins: dict[str, Pin], root: Path, path: str) -> Pin:
    if path in pins:
        return pins[path]
    known = path in SOURCES or (root / path).exists()
    problem = f"is not pinned in {PINS}" + ("" if known else nearest(path, pins))
    raise DataError(problem, where=path, hint=f"Type: wb data pin {path}" if known else "Type: wb data status")


def _bring(root: Path, pin: Pin, report: Report) -> None:
    """Place a file that is not there: DVC's cache, its remote, its source, in this order."""
    reason = _from_dvc(root, pin, report)
    if reason is None:
        return
    if pin.path not in SOURCES:
        raise DataError(
            f"is missing and cannot be had ({reason})", where=pin.path,
            hint=f"Put the file there, or set a DVC remote that has it, then type: wb data pull {pin.path}",
        )  # fmt: skip
    offline = bool(os.environ.get("WB_OFFLINE"))
    try:  # a route says "downloading" before it asks whether it may
        route = fetch(pin.path, root, silent if offline else report, md5=pin.md5)
    except DataError as error:
        hint = "WB_OFFLINE is set: type unset WB_OFFLINE, and the same again" if offline else error.hint
        raise DataError(f"is missing; DVC: {reason}; its source: {error.problem}", where=pin.path, hint=hint) from error
    report(f"{pin.path} came by: {route}", pin.size, pin.size)
    _keep(root, pin, report)


def _from_dvc(root: Path, pin: Pin, report: Report) -> str | None:
    """None when DVC placed the file, else why it did not."""
    if not (root / ".dvc").is_dir():
        return "this project has no .dvc folder"
    report(f"looking for {pin.path} in DVC's cache and remote", 0, pin.size)
    try:
        dvc.restore(root, [pin.path])
    except RecordError as error:
        return error.problem
    return None


def _keep(root: Path, pin: Pin, report: Report) -> None:
    """A copy for DVC's cache, which ``dvc push`` and ``dvc checkout`` need; the study itself goes on without."""
    try:
        dvc.keep(root, pin)
    except RecordError as error:
        report(f"{pin.path} is not in DVC's cache: {error.problem}", 0, 0)


def _changed(root: Path, pin: Pin) -> DataError:
    place = root / pin.path
    size = place.stat().st_size if place.is_file() else None
    if size is None:
        found = "it is no plain file"
    elif size < pin.size:
        found = f"{size:,} bytes of {pin.size:,}: truncated, or another version"
    elif size > pin.size:
        found = f"{size:,} bytes, not {pin.size:,}"
    else:
        found = f"same size, but not md5 {pin.md5[:8]}"
    return DataError(
        f"is not what {PINS} pins ({found})",
        where=pin.path,
        hint=f"To accept it, type: wb data pin {pin.path}; to get the pinned one back: wb data restore {pin.path}",
    )


@contextmanager
def _alone(root: Path, path: str, report: Report) -> Iterator[None]:
    """Only one process at a time touches a data file."""
    folder = prepare(home(root)) / "cache" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.lock")
    try:
        lock.acquire(timeout=_GLANCE_SECONDS)
    except Timeout:
        report(f"waiting for another process that is getting {path}", 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
