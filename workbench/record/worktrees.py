"""Detached worktrees: the tree of a commit in a folder of its own, beside the user's checkout and never in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from workbench.errors import RecordError
from workbench.record.git import Repository


def add(repository: Repository, place: Path, commit: str) -> Path:
    """Check out ``commit`` into the new folder ``place``, submodules included, and return the folder.

    The user's checkout, branches and index stay as they are; git only notes that there is one more worktree.

    Raises:
        RecordError: when the folder exists, git refuses, or a submodule cannot be had; nothing is left behind then.
    """
    if place.exists():
        raise RecordError("the folder for a worktree is there already", where=str(place))
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        repository.ask("worktree", "add", "--quiet", "--detach", str(place), commit)
        if (place / ".gitmodules").is_file():
            repository.ask("-C", str(place), "submodule", "update", "--init", "--recursive", "--quiet")
    except BaseException:
        remove(repository, place)
        raise
    return place


def remove(repository: Repository, place: Path) -> None:
    """Remove a worktree and git's note of it; harmless when either is gone already."""
    repository.attempt("worktree", "remove", "--force", "--force", str(place))
    if place.exists():
        shutil.rmtree(place)
    repository.attempt("worktree", "prune")


def present(repository: Repository) -> list[Path]:
    """The folders of all worktrees that git knows, the main one first."""
    lines = repository.ask("worktree", "list", "--porcelain").splitlines()
    return [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]
