"""What no kept run needs, found and removed.

Every study is kept unless it is named. What is removed is whole or gone at any moment: a folder gets a name with a dot
first, by which nothing finds it any more, and what a killed process left of it is garbage the next time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.record import refs, worktrees
from workbench.record.files import read_json
from workbench.record.git import Repository
from workbench.record.journal import RESULT, read_state
from workbench.record.places import run_folder, study_folder
from workbench.study.kept import is_alive, kept_studies, named_commits, needed_runs, other_homes, study_runs

OLD_DAYS = 30
# A study has its ref a moment before its record, and what was fetched just now is wanted.
FRESH_SECONDS = 3600.0
_DAY = 86400.0
_BUSY = "another process works on it"


@dataclass(frozen=True)
class Garbage:
    """Something that can go: of which kind, its name, bytes on the disk, and why.

    ``place`` is the file or folder, None for a ref; ``locks`` are held while it is removed.
    """

    kind: str
    name: str
    size: int
    why: str
    place: Path | None = None
    locks: tuple[Path, ...] = ()


def find(root: Path, home: Path, dropped: Sequence[str] = ()) -> list[Garbage]:
    """Everything below the state folder ``home``, and the refs of the repository, that no kept run needs.

    What a live process holds is not among it; while a study runs, neither are runs and refs, which it may be about to
    use.

    Args:
        dropped: ids of studies that are not kept.

    Raises:
        UsageError: for a dropped study that does not exist, or that somebody works on.
        RecordError: for a record that cannot be read: what it needs is then unknown.
    """
    studies = kept_studies(home, dropped)
    needed = needed_runs(home, studies)
    found = [_study(study_folder(home, name)) for name in dict.fromkeys(dropped)]
    if not study_runs(home):
        found += _runs(home, needed)
        found += _refs(root, home, named_commits(root, home, studies, needed))
    return [
        *found,
        *_checkpoints(home, needed),
        *_trees(home),
        *_ended(home),
        *_venvs(home),
        *_logs(home),
        *_leftovers(home),
    ]


def remove(root: Path, home: Path, item: Garbage) -> str:
    """Remove it; returns "" when it is gone, else why it was kept."""
    try:
        with _claimed(item.locks):
            if item.kind in ("run", "failed run", "ref") and study_runs(home):
                return "a study has begun, which may need it"
            if item.kind == "worktree" and item.place is not None and is_alive(item.place.with_name("home")):
                return _BUSY
            if item.place is None:
                refs.delete(Repository.find(root), [item.name])
            else:
                _delete(root, item.place)
    except Timeout:
        return _BUSY
    except OSError as error:
        return f"cannot be removed ({error.strerror or error})"
    return ""


def _delete(root: Path, place: Path) -> None:
    if not place.is_dir() or place.is_symlink():
        place.unlink(missing_ok=True)
        return
    worktree = (place / ".git").is_file()
    gone = place
    if not place.name.startswith(".gone-"):
        gone = place.with_name(f".gone-{time.time_ns()}-{place.name.lstrip('.')}")
        place.rename(gone)
    shutil.rmtree(gone)
    if worktree:
        worktrees.remove(Repository.find(root), place)  # git's note of it


def _study(folder: Path) -> Garbage:
    locks = (folder / "study.lock", folder / "ship.lock")
    return Garbage("study", folder.name, _size(folder), "you named it", folder, locks)


def _runs(home: Path, needed: set[str]) -> Iterator[Garbage]:
    for folder in sorted((home / "runs").glob("[!.]*/")):
        if folder.name not in needed and read_state(folder) != "running":
            yield Garbage("run", folder.name, _size(folder), "no kept study needs it", folder, (folder / "run.lock",))
    for folder in sorted((home / "runs").glob(".*.failed-*/")):
        yield Garbage("failed run", folder.name, _size(folder), "it was done again", folder)


def _checkpoints(home: Path, needed: set[str]) -> Iterator[Garbage]:
    """Of runs that go altogether, the checkpoint goes with them."""
    for run in sorted(needed):
        folder = run_folder(home, run)
        place = folder / "checkpoint.safetensors"
        if place.exists() and read_state(folder) == "finished":
            yield Garbage("checkpoint", run, _size(place), "its run has finished", place, (folder / "run.lock",))


def _trees(home: Path) -> Iterator[Garbage]:
    for place in sorted(home.glob("reproductions/*/tree/")):
        folder = place.parent
        lock = folder / "reproduction.lock"
        if _held(lock) or is_alive(folder / "home"):
            continue
        ended = (folder / RESULT).exists()
        why = "its reproduction has ended" if ended else "nobody works on its reproduction; it can be made anew"
        yield Garbage("worktree", folder.name, _size(place), why, place, (lock,))


def _ended(home: Path) -> Iterator[Garbage]:
    """Reproductions whose verdict is old, and records that were brought from the tracker for one."""
    for folder in sorted(home.glob("reproductions/[!.]*/")):
        lock, result = folder / "reproduction.lock", folder / RESULT
        if result.exists() and _old(result) and not (folder / "tree").exists() and not _held(lock):
            why = f"it ended more than {OLD_DAYS} days ago"
            yield Garbage("reproduction", folder.name, _size(folder), why, folder, (lock,))
    for folder in sorted(home.glob("fetched/[!.]*/")):
        if _old(folder):
            yield Garbage("fetched", folder.name, _size(folder), "a copy of what the tracker has", folder)


def _venvs(home: Path) -> Iterator[Garbage]:
    wanted = {text for path in home.glob("reproductions/*/reproduction.json")
              if not path.with_name(RESULT).exists() for text in _texts(read_json(path))}  # fmt: skip
    for folder in sorted((home / "venvs").glob("[!.]*/")):
        busy = folder.with_name(f"{folder.name}.busy")  # an installer that outlived its process
        locks = (folder.with_name(f"{folder.name}.lock"), *([busy] if busy.exists() else []))
        ready = folder / "ready.json"
        if any(map(_held, locks)):
            continue
        if not ready.exists():
            yield Garbage("venv", folder.name, _size(folder), "half-built", folder, locks)
        elif _old(ready) and wanted.isdisjoint({folder.name, str(read_json(ready).get("lock"))}):
            yield Garbage("venv", folder.name, _size(folder), f"not used for {OLD_DAYS} days", folder, locks)


def _refs(root: Path, home: Path, named: set[str]) -> Iterator[Garbage]:
    if any(is_alive(place) for place in other_homes(root, home)):
        return
    repository = Repository.find(root)
    for ref in refs.refs(repository):
        if ref.commit not in named and not _fresh(repository, ref.name):
            what = "uncommitted files" if ref.uncommitted else "a commit"
            yield Garbage("ref", ref.name, 0, f"keeps {what} that no kept run or published result names")


def _fresh(repository: Repository, name: str) -> bool:
    place = repository.root / repository.ask("rev-parse", "--git-path", f"{refs.PREFIX}{name}")
    return place.is_file() and time.time() - place.stat().st_mtime < FRESH_SECONDS


def _logs(home: Path) -> Iterator[Garbage]:
    for place in sorted((home / "log").glob("*")):
        if place.is_file() and _old(place):
            yield Garbage("log", place.name, _size(place), f"older than {OLD_DAYS} days", place)


def _leftovers(home: Path) -> Iterator[Garbage]:
    for pattern in (
        "runs/.gone-*", "studies/.gone-*", "venvs/.gone-*", "reproductions/.gone-*", "reproductions/*/.gone-*",
        "fetched/.gone-*",
    ):  # fmt: skip
        for place in sorted(home.glob(pattern)):
            yield Garbage("leftover", place.name, _size(place), "an earlier wb gc was stopped", place)


def _texts(value: Any) -> Iterator[str]:
    """All texts in a record, at any depth."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)


def _old(place: Path) -> bool:
    return time.time() - place.stat().st_mtime > OLD_DAYS * _DAY


def _size(place: Path) -> int:
    """Bytes that removing it gives free: what other names keep (a data file linked from DVC's cache) does not count."""
    found = [place] if not place.is_dir() else (Path(top) / name for top, _, names in os.walk(place) for name in names)
    total = 0
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            told = path.lstat()
            total += told.st_size if told.st_nlink == 1 and stat.S_ISREG(told.st_mode) else 0
    return total


@contextlib.contextmanager
def _claimed(locks: Sequence[Path]) -> Iterator[None]:
    """All of the locks, or :class:`Timeout` at once; a lock whose folder is gone needs no holding."""
    with contextlib.ExitStack() as held:
        for path in locks:
            if path.parent.is_dir():
                held.enter_context(FileLock(path).acquire(timeout=0))
        yield


def _held(path: Path) -> bool:
    try:
        with _claimed([path] if path.exists() else []):
            return False
    except Timeout:
        return True
