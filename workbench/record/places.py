"""Where things lie: the project's root, and the state folder with runs, studies and the MLflow store."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import RecordError, UsageError


def find_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that is a project.

    That is a git top level, or a folder with pyproject.toml and experiments/.

    Raises:
        UsageError: when there is none up to the file system's root.
    """
    place = start.resolve()
    for folder in (place, *place.parents):
        if (folder / ".git").exists():
            return folder
        if (folder / "pyproject.toml").is_file() and (folder / "experiments").is_dir():
            return folder
    raise UsageError(
        "not inside a project: no folder above it has .git, or pyproject.toml with experiments/",
        where=str(place),
        hint="Type: cd into your clone, or git init && git add -A && git commit -m start",
    )


def home(root: Path) -> Path:
    """The absolute state folder: ``WB_HOME`` if set, else ``root/.wb``; it need not exist yet."""
    chosen = os.environ.get("WB_HOME", "")
    return (Path(chosen).expanduser() if chosen else root / ".wb").absolute()


def prepare(place: Path) -> Path:
    """Create the state folder ``place`` so that git ignores it, and return it.

    Raises:
        RecordError: when it cannot be created or written.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        mark = place / ".gitignore"
        if not mark.exists():
            mark.write_text("*\n")
    except OSError as error:
        raise RecordError(
            f"the state folder cannot be written ({error.strerror})",
            where=str(place),
            hint="Set WB_HOME to a folder that you may write",
        ) from error
    return place


def run_folder(home: Path, run: str) -> Path:
    """``home/runs/<run id>``."""
    return home / "runs" / run


def study_folder(home: Path, study: str) -> Path:
    """``home/studies/<study id>``."""
    return home / "studies" / study


def run_folders(home: Path) -> list[Path]:
    """The folders of all recorded runs, in the order of their names."""
    return _folders(home / "runs", "run.json")


def study_folders(home: Path) -> list[Path]:
    """The folders of all recorded studies, in the order of their names."""
    return _folders(home / "studies", "study.json")


def _folders(place: Path, marker: str) -> list[Path]:
    return sorted(path.parent for path in place.glob(f"[!.]*/{marker}"))  # a dot: set aside, or being removed
