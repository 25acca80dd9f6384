"""Creating again what a result came from: the tree of its commit, its data by md5, its environment from its lock."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import workbench
from workbench.data.sources.route import silent
from workbench.errors import RecreateError
from workbench.record import dvc, worktrees
from workbench.record.environment import LOCK, VARIABLES, deviations_from
from workbench.record.git import Repository
from workbench.record.packages import installed
from workbench.record.pins import read_pins, state
from workbench.study import materials

Mode = Literal["recorded", "current"]
Tell = Callable[[str, int, int], None]
_DATA_LOCK = "requirements-data.txt"
# Which device is seen is this machine's matter, and how many threads a run has is an option of its own.
_NOT_REPLAYED = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def tree(repository: Repository, root: Path, place: Path, commit: str) -> Path:
    """The project's folder in a detached worktree of ``commit`` at ``place``; a whole one that is there is kept."""
    whole = place.with_name(f"{place.name}.whole")  # git writes .git first, so that a kill leaves one with few files
    if not (whole.exists() and (place / ".git").exists()):
        whole.unlink(missing_ok=True)
        worktrees.remove(repository, place)
        worktrees.add(repository, place, commit)
        whole.touch()
    found = place / root.resolve().relative_to(repository.root)
    if not found.is_dir():
        raise RecreateError(f"commit {commit[:12]} has no folder {found.relative_to(place)}")
    return found


def data(root: Path, recreated: Path, wanted: Mapping[str, str], tell: Tell = silent) -> None:
    """Bring the data files that the commit pins into its tree, by md5, from DVC's shared cache without a copy.

    A file that the user's own tree still has in that version is put into the cache first; what is absent comes from
    DVC's remote or its source, as ever.

    Args:
        wanted: ``{path: md5}`` that the recorded result read; paths that the commit does not pin are left to it.

    Raises:
        DataError: for a file that cannot be had.
    """
    pins = read_pins(recreated)
    dvc.share_cache(root, recreated)
    needed = [pins[path] for path in wanted if path in pins]
    for pin in needed if (root / ".dvc").is_dir() else ():
        if (root / pin.path).is_file() and not dvc.cached(root, pin.md5) and state(root, pin) == "ok":
            dvc.keep(root, pin)
    materials.ensure(recreated, [pin.path for pin in needed], tell)


def interpreter(
    root: Path, recreated: Path, recorded: Mapping[str, Any], place: Path, mode: Mode, tell: Tell = silent
) -> Path:
    """The Python that the run is done with.

    The present one where it has what the commit's lock asks for (or, for a result recorded with other packages than
    its lock's, those very ones); else one built from that lock, cached below ``place``.

    Args:
        recorded: the environment that the result was recorded in.
        mode: "current" takes the present one in any case, and says loudly what deviates.

    Raises:
        RecreateError: when the commit has no lock and the present packages are not the recorded ones.
        RecordError: when the environment cannot be built.
    """
    lock = _text(recreated / LOCK)
    differing = _deviating(lock, root, recorded)
    if not differing:
        tell("environment: the present one, whose packages are the recorded ones", 0, 0)
        return Path(sys.executable)
    few = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
    if mode == "current":
        tell(f"WARNING: --env current: this is not the recorded environment: {few}", 0, 0)
        return Path(sys.executable)
    if not lock:
        raise RecreateError(
            f"that commit has no {LOCK}, and the packages here are not the recorded ones: {few}",
            hint="To run with the present ones, add: --env current",
        )
    if recorded.get("deviations"):
        tell(f"WARNING: it was recorded with packages that are not its lock's: {_listed(recorded['deviations'])}", 0, 0)
    tell(f"environment: one of its own from the lock of that commit ({few})", 0, 0)
    wanted = str(recorded.get("python") or "") or ".".join(map(str, sys.version_info[:3]))
    from workbench.record import venvs

    return venvs.build(place, lock, _text(recreated / _DATA_LOCK), wanted, recreated, tell)


def variables(
    place: Path, recreated: Path, home: Path, tracker: str, label: str, recorded: Mapping[str, Any]
) -> dict[str, str]:
    """The environment variables of the run: its own state folder, our tracker, what it reproduces, and its own code.

    Those that reach a number are as they were recorded, so one that is set now and was not then is left out.
    """
    then = recorded.get("variables")
    kept = {key: value for key, value in (then or {}).items() if key not in _NOT_REPLAYED}
    new = {key for key in VARIABLES if key not in _NOT_REPLAYED} if then is not None else set()
    now = {key: value for key, value in os.environ.items() if key not in new}
    path = [str(recreated)]
    if not (recreated / "workbench" / "__init__.py").exists():
        path.append(str(_own_package(place)))
    return {
        **now, **kept, "PYTHONPATH": os.pathsep.join(path), "WB_HOME": str(home), "WB_REPRODUCES": label,
        "MLFLOW_TRACKING_URI": tracker,
    }  # fmt: skip


def _own_package(place: Path) -> Path:
    """A folder with nothing but the present workbench, for a project that does not hold its own."""
    folder = place / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "workbench"
    if not link.is_symlink():
        link.symlink_to(Path(workbench.__file__).parent, target_is_directory=True)
    return folder


def _deviating(lock: str, root: Path, recorded: Mapping[str, Any]) -> list[str]:
    """What keeps the present environment from being the recorded one, in words."""
    here = installed(root)
    asked = {name: pair[0] for name, pair in deviations_from(lock, here).items()}
    for name, (_, version) in (recorded.get("deviations") or {}).items():
        # recorded with another version than its lock's: that one is wanted
        if here.get(name) == version:
            asked.pop(name, None)
        else:
            asked[name] = version
    if not lock:
        packages = recorded.get("packages") or {}
        asked = {name: version for name, version in packages.items() if here.get(name) != version}
    found = [f"{name} {version or 'not installed'}, here {here.get(name) or 'none'}" for name, version in asked.items()]
    minor = ".".join(str(recorded.get("python") or "").split(".")[:2])
    if minor and minor != ".".join(map(str, sys.version_info[:2])):
        found.insert(0, f"Python {recorded['python']}, here {'.'.join(map(str, sys.version_info[:3]))}")
    return found


def _listed(deviations: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {pair[1] or 'missing'} (locked {pair[0]})" for name, pair in list(deviations.items())[:5])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
