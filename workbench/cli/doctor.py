"""``wb doctor``: what this machine offers, and what to do about each red line."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

Colour = Literal["green", "yellow", "red"]
_WORDS: dict[Colour, str] = {"green": "ok", "yellow": "note", "red": "BAD"}
_GIB = 2**30
_OLDEST = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, how it is, and for all but green what to do."""

    name: str
    colour: Colour
    text: str
    todo: str = ""


@click.command(epilog="\b\nExample:\n  wb doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Check this machine and this project; exit code 1 when something is red."""
    worst: Colour = "green"
    for name, check in CHECKS.items():
        for finding in look(name, check, Path.cwd()):
            mark = click.style(f"{_WORDS[finding.colour]:4}", fg=finding.colour, bold=finding.colour == "red")
            click.echo(f"{mark}  {finding.name:9}  {finding.text}")
            if finding.todo:
                click.echo(f"{'':15}  -> {finding.todo}")
            worst = max(worst, finding.colour, key=list(_WORDS).index)
    if worst == "red":
        ctx.exit(1)


def look(name: str, check: Callable[[Path], Iterator[Finding]], place: Path) -> list[Finding]:
    """What ``check`` finds seen from the folder ``place``; an error of ours is a red finding, not the end."""
    from workbench.errors import WorkbenchError

    found: list[Finding] = []
    try:
        found.extend(check(place))
    except WorkbenchError as error:
        where = f"{error.where}: " if error.where else ""
        found.append(Finding(name, "red", where + error.problem, error.hint))
    return found


def python(place: Path) -> Iterator[Finding]:
    """The interpreter is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST:
        yield Finding("python", "red", f"{version} at {sys.executable}", "Install Python 3.11 or newer, then ./setup")
    else:
        yield Finding("python", "green", f"{version} at {sys.executable}")


def packages(place: Path) -> Iterator[Finding]:
    """The installed packages are the locked ones, and the lock names one definite environment."""
    from workbench.record.environment import DATA_LOCK, LOCK, deviations_from, locked
    from workbench.record.locks import unhashed
    from workbench.record.packages import extras, installed
    from workbench.record.places import find_root

    root = find_root(place)
    lock, data_lock = (path.read_text() if path.is_file() else "" for path in (root / LOCK, root / DATA_LOCK))
    relock = f"Type: pip freeze --exclude-editable | uv pip compile --generate-hashes - -o {LOCK}"
    pinned = len(locked(lock))
    if not pinned:
        yield Finding("packages", "yellow", f"no {LOCK} here: versions are recorded, not fixed", relock)
        return
    here = installed(root)
    wrong, unnamed, vague = deviations_from(lock, here), extras(here, lock, data_lock), unhashed(f"{lock}\n{data_lock}")
    if wrong:
        text = _few([f"{name} {found or 'missing'} (locked {want})" for name, (want, found) in wrong.items()])
        yield Finding("packages", "yellow", f"{len(wrong)} of {pinned} deviate: {text}", "Type: ./setup")
    if unnamed:
        todo = "Lock those that an experiment imports: an environment that is built from the lock lacks them"
        yield Finding("packages", "yellow", f"{len(unnamed)} installed that no lock names: {_few([*unnamed])}", todo)
    if vague:
        text = f"no hash for {_few(vague)}: no environment can be built from the lock"
        yield Finding("packages", "yellow", text, relock)
    if not (wrong or unnamed or vague):
        yield Finding("packages", "green", f"{pinned} packages as locked")


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def torch(place: Path) -> Iterator[Finding]:
    """Torch can be imported and computes."""
    try:
        import torch as library
    except (ImportError, OSError) as error:
        yield Finding("torch", "red", f"cannot be imported ({str(error).splitlines()[0][:120]})", "Type: ./setup")
        return
    if float(library.ones(3).sum()) != 3.0:
        yield Finding("torch", "red", f"{library.__version__} computes 1 + 1 + 1 wrongly", "Install it anew: ./setup")
        return
    build = f"CUDA {library.version.cuda}" if library.version.cuda else "CPU only"
    level = library.backends.cpu.get_cpu_capability()
    yield Finding("torch", "green", f"{library.__version__} ({build}, processor capability {level})")


def threads(place: Path) -> Iterator[Finding]:
    """How many threads there are for training."""
    from workbench.record.environment import cpu_model

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    text = f"{cores} cores ({cpu_model()})"
    if limit.isdigit() and int(limit) > cores:
        yield Finding("threads", "yellow", f"{text}, OMP_NUM_THREADS={limit}", "Type: unset OMP_NUM_THREADS")
    else:
        yield Finding("threads", "green", text + (f", OMP_NUM_THREADS={limit}" if limit else ""))


def gpu(place: Path) -> Iterator[Finding]:
    """Every GPU that torch sees; one that only the driver sees is said."""
    try:
        import torch as library
    except (ImportError, OSError):
        return
    if library.cuda.is_available():
        for index in range(library.cuda.device_count()):
            facts = library.cuda.get_device_properties(index)
            size = facts.total_memory / _GIB
            yield Finding("gpu", "green", f"cuda:{index} {facts.name}, {size:.0f} GiB, sm{facts.major}{facts.minor}")
        return
    seen = _driver_sees()
    if not seen:
        yield Finding("gpu", "green", "none; runs train on the CPU")
        return
    names = f"the driver sees {', '.join(seen)}, torch does not"
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        yield Finding("gpu", "yellow", f"{names}: CUDA_VISIBLE_DEVICES hides it", "Type: unset CUDA_VISIBLE_DEVICES")
    else:
        yield Finding("gpu", "yellow", names, "Install a CUDA build of torch: https://pytorch.org/get-started/locally")


def _driver_sees() -> list[str]:
    """The names of the GPUs that NVIDIA's driver knows; none without a driver."""
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [str(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
    except pynvml.NVMLError:
        return []


def git(place: Path) -> Iterator[Finding]:
    """There is a repository with a commit; uncommitted changes are fine, for a run keeps a snapshot of them."""
    from workbench.record.git import Repository
    from workbench.record.snapshots import choose

    repository = Repository.find(place)
    where = f"{repository.short} on {repository.branch or 'no branch'}"
    changed = repository.changes()
    left_out = choose(repository.root, changed)[2]
    text = f"{where}, {len(changed)} changed file{'s' * (len(changed) != 1)}" if changed else f"{where}, clean"
    if left_out:
        name, why = next(iter(left_out.items()))
        todo = f"A run's snapshot leaves out {name} ({why}): commit it, or name it in .gitignore"
        yield Finding("git", "yellow", text, todo)
    else:
        yield Finding("git", "green", text + ("; a run keeps a snapshot of them" if changed else ""))


def data(place: Path) -> Iterator[Finding]:
    """Every data file is what data.dvc says."""
    from importlib.metadata import PackageNotFoundError, version

    from workbench.record.pins import read_pins, state
    from workbench.record.places import find_root

    try:
        dvc = f"DVC {version('dvc')}"
    except PackageNotFoundError:
        yield Finding("data", "red", "DVC is not installed", "Type: ./setup")
        return
    root = find_root(place)
    pins = read_pins(root)
    states = {path: state(root, pin) for path, pin in pins.items()}
    changed = [path for path, how in states.items() if how == "changed"]
    missing = [path for path, how in states.items() if how == "missing"]
    if changed:
        todo = f"Keep the pinned version: wb data restore {changed[0]}; keep yours: wb data pin {changed[0]}"
        yield Finding("data", "red", f"{dvc}; not what is pinned: {', '.join(changed)}", todo)
    if missing:
        todo = "Nothing, a run gets what it reads; or all at once: wb data pull"
        yield Finding("data", "yellow", f"{dvc}; not here yet: {', '.join(missing)}", todo)
    if not changed and not missing:
        text = f"{len(pins)} data set{'s' * (len(pins) != 1)} as pinned" if pins else "no data set is pinned yet"
        yield Finding("data", "green", f"{dvc}; {text}")


def mlflow(place: Path) -> Iterator[Finding]:
    """The store opens, or the server answers, and everything recorded is in it."""
    from workbench.record.mlflow import Tracker, store_path, tracking_uri, without_credentials
    from workbench.record.places import find_root, home, study_folders
    from workbench.record.shipping import pending

    here = home(find_root(place))
    uri = tracking_uri(here)
    shown, database = without_credentials(uri), store_path(uri)
    if database is not None and not database.exists():
        yield Finding("mlflow", "green", f"no store yet; the first run makes {database}")
    else:
        Tracker.open(here)
        yield Finding("mlflow", "green", f"{shown} answers")
    left = sum(len(pending(folder, shown)) for folder in study_folders(here))
    if left:
        yield Finding("mlflow", "yellow", f"{left} record{'s' * (left != 1)} not completely in it", "Type: wb sync")


def disk(place: Path) -> Iterator[Finding]:
    """The state folder can be written, with room for weights."""
    from workbench.record.places import find_root, home

    here = home(find_root(place))
    above = next(folder for folder in (here, *here.parents) if folder.exists())
    if not os.access(above, os.W_OK):
        yield Finding("disk", "red", f"{here} cannot be written", "Set WB_HOME to a folder that you may write")
        return
    free = shutil.disk_usage(above).free / _GIB
    colour: Colour = "red" if free < 1 else "yellow" if free < 5 else "green"
    todo = "" if colour == "green" else f"Free some space (du -sh {here}/*), or set WB_HOME to another disk"
    yield Finding("disk", colour, f"{free:.1f} GiB free for {here}", todo)


CHECKS: dict[str, Callable[[Path], Iterator[Finding]]] = {
    "python": python,
    "packages": packages,
    "torch": torch,
    "threads": threads,
    "gpu": gpu,
    "git": git,
    "data": data,
    "mlflow": mlflow,
    "disk": disk,
}
