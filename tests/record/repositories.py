"""A small repository, ways to change it, and what its user would see of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


def git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit of a few files."""
    place = tmp_path / "project"
    (place / "experiments").mkdir(parents=True)
    git(place, "init", "-q", "-b", "main")
    for key, value in {"user.name": "someone", "user.email": "someone@example.org", "gc.auto": "0"}.items():
        git(place, "config", key, value)
    (place / "a.txt").write_text("one\n")
    (place / "b.txt").write_text("two\n")
    (place / "link").symlink_to("a.txt")
    (place / "experiments" / "spec.py").write_text("x = 1\n")
    (place / "experiments" / "other.py").write_text("y = 1\n")
    (place / ".gitignore").write_text("ignored/\n")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "start")
    return place


def change(place: Path) -> None:
    (place / "a.txt").write_text("edited\n")
    (place / "b.txt").unlink()
    (place / "new é.txt").write_text("untracked\n")
    (place / "staged.txt").write_text("staged\n")
    git(place, "add", "staged.txt")
    (place / "ignored").mkdir()
    (place / "ignored" / "x.txt").write_text("ignored\n")


def files(place: Path, commit: str) -> set[str]:
    return set(git(place, "ls-tree", "-r", "-z", "--name-only", commit).split("\0"))


def state(place: Path) -> dict[str, bytes]:
    """All in a clone that is its user's: files, links, index, branches, stash, set-up; not objects, not refs/wb."""
    found = {}
    for folder, folders, names in os.walk(place):
        for name in [*names, *(each for each in folders if (Path(folder) / each).is_symlink())]:
            path = Path(folder) / name
            told = path.relative_to(place).as_posix()
            if not told.startswith((".git/objects/", ".git/refs/wb/")):
                found[told] = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return found
