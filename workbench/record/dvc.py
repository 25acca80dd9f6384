"""DVC for data files: pull, push, pin and restore single files, each under one waiting lock.

Pins are read without it (:mod:`workbench.record.pins`). DVC's own lock gives up after three seconds, so calls from
several processes queue here first; a person's own ``dvc`` command is waited for too.
"""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import RecordError
from workbench.record.files import write_bytes
from workbench.record.pins import PINS as PINS
from workbench.record.pins import Pin as Pin
from workbench.record.pins import State as State
from workbench.record.pins import md5_of as md5_of
from workbench.record.pins import parse_pins as parse_pins
from workbench.record.pins import read_pins as read_pins
from workbench.record.pins import state as state
from workbench.record.places import home, prepare

_WAIT_SECONDS = 1800.0
# Without copying where the file system can: in the order in which DVC tries them.
_LINKS = ["reflink", "hardlink", "symlink", "copy"]


def has_remote(root: Path) -> bool:
    """Whether a default DVC remote is configured for the project."""
    if not (root / ".dvc").is_dir():
        return False
    with _repository(root) as repo:
        return bool(repo.config["core"].get("remote"))


def pull(root: Path, paths: Sequence[str]) -> None:
    """Bring the pinned versions of ``paths`` from the remote into DVC's cache, and place those that are missing.

    A file that is there in another version is left alone: use :func:`restore`.

    Raises:
        RecordError: when there is no remote, it cannot be reached, or it lacks a file.
    """
    missing = [pin.path for pin in _pins(root, paths) if state(root, pin) == "missing"]
    with _repository(root) as repo:
        _require_remote(repo)
        repo.fetch(targets=_targets(root, paths))
        if missing:
            repo.checkout(targets=_targets(root, missing))


def push(root: Path, paths: Sequence[str]) -> int:
    """Send the pinned versions of ``paths`` from DVC's cache to the remote; returns how many it did not have yet.

    DVC leaves out those whose pin says ``push: false``.

    Raises:
        RecordError: when there is no remote, or DVC's cache lacks a file.
    """
    with _repository(root) as repo:
        absent = [pin.path for pin in _pins(root, paths) if not repo.cache.local.exists(pin.md5)]
        if absent:
            raise RecordError("not in DVC's cache, so it cannot be pushed", where=absent[0],
                              hint=f"Type: wb data pin {absent[0]}")  # fmt: skip
        _require_remote(repo)
        return int(repo.push(targets=_targets(root, paths)))


def push_versions(root: Path, versions: Iterable[str]) -> int:
    """Send files of these md5s from DVC's cache to the remote, whatever is pinned now; how many it did not have yet.

    Raises:
        RecordError: when there is no remote, or it refuses one of them.
    """
    with _repository(root) as repo:
        _require_remote(repo)
        from dvc_data.hashfile.hash_info import HashInfo

        done = repo.cloud.push([HashInfo("md5", md5) for md5 in versions])
        if done.failed:
            raise RecordError("the DVC remote refused a file or is full", hint="Type: dvc status -c")
        return len(done.transferred)


def pin(root: Path, paths: Sequence[str], *, push: bool = True) -> dict[str, Pin]:
    """Make the files as they are now the pinned versions: into DVC's cache and, each as one output, into data.dvc.

    Other outputs and comments in data.dvc stay. git is told to ignore the files. With ``push=False`` no remote ever
    gets them; otherwise what data.dvc says about that stays.

    Raises:
        RecordError: when a file is missing, no plain file, or tracked by git.
    """
    for path in paths:
        if not (root / path).is_file():
            raise RecordError("there is no such file, so it cannot be pinned", where=path)
    pins = {}
    with _repository(root) as repo:
        for path in paths:
            _untracked(repo, root, path)
            found = Pin(path, md5_of(root, path, fresh=True), (root / path).stat().st_size, push)
            _cache(repo, root, found)
            pins[path] = found
        _write_pins(root, pins)
        written = read_pins(root)
    return {path: written[path] for path in pins}


def keep(root: Path, pin: Pin) -> None:
    """Copy the file at ``pin.path``, which must be the pinned version, into DVC's cache.

    Raises:
        RecordError: when the project has no ``.dvc`` folder or the copy fails.
    """
    with _repository(root) as repo:
        _cache(repo, root, pin)


def cached(root: Path, md5: str) -> bool:
    """Whether DVC's cache holds the file of that md5, whatever is pinned now.

    Raises:
        RecordError: when the project has no ``.dvc`` folder.
    """
    with _repository(root) as repo:
        return bool(repo.cache.local.exists(md5))


def share_cache(root: Path, tree: Path) -> None:
    """Let another working tree of the project read and fill ``root``'s DVC cache, by links instead of copies.

    Written into the tree's ``.dvc/config.local``, which git ignores, after the user's own local settings (a remote's
    credentials), with the remote that ``root`` uses now: an old commit knows nothing of one that was set later. A
    worktree would otherwise have an empty cache of its own. Does nothing where one of them has no ``.dvc`` folder.
    """
    if not (root / ".dvc").is_dir() or not (tree / ".dvc").is_dir():
        return
    with _repository(root) as repo:
        place = str(repo.cache.local_cache_dir)
        remote = repo.config["core"].get("remote")
        settings = dict(repo.config["remote"].get(remote, {})) if remote else {}
    local = root / ".dvc" / "config.local"
    if local.is_file():
        write_bytes(tree / ".dvc" / "config.local", local.read_bytes())
    with _repository(tree) as repo, repo.config.edit("local") as config:
        config["cache"] = {**config.get("cache", {}), "dir": place, "type": _LINKS}
        # DVC takes a worktree below an ignored folder for ignored itself, and then refuses its dvc.yaml.
        config.setdefault("core", {})["no_scm"] = True
        if settings:
            config["core"]["remote"] = remote
            config.setdefault("remote", {})[remote] = settings


def restore(root: Path, paths: Sequence[str], *, force: bool = False) -> dict[str, Path | None]:
    """Place the pinned versions of ``paths`` again, from DVC's cache, else from the remote.

    Args:
        root: the project.
        paths: pinned project paths.
        force: destroy a file that differs, instead of moving it aside.

    Returns:
        For each path, where the file that differed now is, or None when there was none.

    Raises:
        RecordError: when neither cache nor remote has a pinned version; every file is then as it was.
    """
    kept: dict[str, Path | None] = {}
    with _repository(root) as repo:
        for pin in _pins(root, paths):
            kept[pin.path] = _restore(repo, root, pin, force)
    return kept


def _restore(repo: Any, root: Path, pin: Pin, force: bool) -> Path | None:
    found = state(root, pin)
    if found == "ok":
        return None
    if not repo.cache.local.exists(pin.md5):
        if not repo.config["core"].get("remote"):
            raise RecordError("its pinned version is not in DVC's cache, and no remote is set", where=pin.path,
                              hint="Type: dvc remote add -d NAME ADDRESS")  # fmt: skip
        repo.fetch(targets=_targets(root, [pin.path]))
    aside = move_aside(root / pin.path) if found == "changed" else None
    try:
        repo.checkout(targets=_targets(root, [pin.path]), force=True)
        if state(root, pin, fresh=True) != "ok":
            raise RecordError("DVC's cache holds a damaged copy of it", where=pin.path,
                              hint=f"Type: rm .dvc/cache/files/md5/{pin.md5[:2]}/{pin.md5[2:]}")  # fmt: skip
    except BaseException:
        if aside is not None:
            aside.replace(root / pin.path)
        raise
    if aside is not None and force:
        delete(aside)
        return None
    return aside


def move_aside(path: Path) -> Path:
    """Rename a file to ``NAME.changed-1`` (2, 3, ...) beside it, and return that path."""
    number = 1
    while (aside := path.with_name(f"{path.name}.changed-{number}")).exists():
        number += 1
    return path.replace(aside)


def delete(path: Path) -> None:
    """Remove a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _require_remote(repo: Any) -> None:
    """DVC itself fetches nothing from nowhere and calls it done."""
    if not repo.config["core"].get("remote"):
        raise RecordError("no DVC remote is set", hint="Type: dvc remote add -d NAME ADDRESS")


def _targets(root: Path, paths: Iterable[str]) -> list[str]:
    """Absolute paths: DVC would read relative ones from the working folder."""
    return [str(root / path) for path in paths]


def _pins(root: Path, paths: Iterable[str]) -> list[Pin]:
    known = read_pins(root)
    for path in paths:
        if path not in known:
            raise RecordError("is not pinned", where=path, hint=f"Type: wb data pin {path}")
    return [known[path] for path in paths]


def _cache(repo: Any, root: Path, pin: Pin) -> None:
    from dvc.fs import localfs

    cache = repo.cache.local
    if not cache.exists(pin.md5):
        failures: list[BaseException] = []
        cache.add(str(root / pin.path), localfs, pin.md5, on_error=lambda _, error: failures.append(error))
        if failures:
            raise RecordError(f"could not be copied into DVC's cache ({failures[0]})", where=pin.path)
        cache.protect(cache.oid_to_path(pin.md5))


def _untracked(repo: Any, root: Path, path: str) -> None:
    """See to it that git does not hold the file, and will not."""
    from dvc.scm import NoSCM

    place = str(root / path)
    if isinstance(repo.scm, NoSCM):
        return
    if repo.scm.is_tracked(place):
        raise RecordError("is tracked by git, which would hold it a second time", where=path,
                          hint=f"Type: git rm --cached {path}")  # fmt: skip
    if not repo.scm.is_ignored(place):
        with repo.scm_context(quiet=True):
            repo.scm_context.ignore(place)


def _write_pins(root: Path, pins: dict[str, Pin]) -> None:
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    read_pins(root)  # refuses a file in a state that must not be written over
    place = root / PINS
    content = parse_yaml_for_update(place.read_text(encoding="utf-8") if place.exists() else "", str(place))
    outs = content.setdefault("outs", [])
    entries = {out["path"]: out for out in outs}
    for path, pin in pins.items():
        if path not in entries:
            entries[path] = {"md5": pin.md5, "size": pin.size, "hash": "md5", "path": path}
            outs.append(entries[path])
        entries[path].update({"md5": pin.md5, "size": pin.size} | ({} if pin.push else {"push": False}))
    write_bytes(place, dumps_yaml(content).encode())


@contextmanager
def _repository(root: Path) -> Iterator[Any]:
    """DVC's view of the project: one at a time, silent, its site cache in our state folder, its errors ours."""
    if not (root / ".dvc").is_dir():
        raise RecordError("this project does not use DVC yet: it has no .dvc folder", where=str(root),
                          hint="Type: dvc init && git add .dvc .dvcignore")  # fmt: skip
    cache = prepare(home(root)) / "cache"
    cache.mkdir(exist_ok=True)
    try:
        with FileLock(cache / "dvc.lock", timeout=_WAIT_SECONDS), _translated(), _quiet():
            from dvc.repo import Repo

            config = {"core": {"site_cache_dir": str(cache / "dvc"), "analytics": False, "check_update": False}}
            repo = Repo(str(root), config=config, _wait_for_lock=True)
            try:
                yield repo
            finally:
                repo.close()
    except Timeout as error:
        raise RecordError("another process has been using DVC for half an hour", where=str(cache / "dvc.lock"),
                          hint="Stop it, then type the command again") from error  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """DVC's log and progress bars off, and its dependencies' deprecations: they would break into our output."""
    names = ("dvc", "dvc_data", "dvc_objects")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _translated() -> Iterator[None]:
    """DVC's exceptions as ours."""
    from dvc.config import NoRemoteError
    from dvc.exceptions import CheckoutError, DvcException, FileTransferError
    from dvc.scm import SCMError

    try:
        yield
    except NoRemoteError as error:
        raise RecordError("no DVC remote is set", hint="Type: dvc remote add -d NAME ADDRESS") from error
    except FileTransferError as error:
        raise RecordError("the DVC remote lacks a file or refused it", hint="Type: dvc status -c") from error
    except CheckoutError as error:
        files = ", ".join(str(each) for each in error.target_infos)
        raise RecordError(
            f"DVC's cache and remote lack the pinned version of {files}", hint="Type: dvc status -c"
        ) from error
    except (DvcException, SCMError) as error:
        raise RecordError(f"DVC refused: {' '.join(str(error).split())}") from error
    except OSError as error:
        raise RecordError(f"DVC could not work ({error})", hint="Type: dvc doctor") from error
