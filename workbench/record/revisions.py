"""Commits by any of their names, what is in them, and whether they belong to the history that is checked out."""

from __future__ import annotations

import re

from workbench.errors import RecordError, UsageError
from workbench.record.git import Repository

_HASH = re.compile(r"[0-9a-f]{4,40}", re.IGNORECASE)


def find_commit(repository: Repository, name: str) -> str | None:
    """The full id of the commit that a hash, its beginning, a branch, a tag or a ref means; None where there is none.

    Raises:
        UsageError: for the beginning of several commits, with all of them.
    """
    if name.startswith("-"):
        return None
    for spelled in (name, f"refs/{name}", f"refs/wb/{name}"):
        found = repository.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{spelled}^{{commit}}")
        if found:
            return found
    candidates = _beginning(repository, name)
    if len(candidates) > 1:
        shown = ", ".join(f"{commit[:12]} ({subject(repository, commit)})" for commit in candidates[:4])
        raise UsageError(f"'{name}' begins {len(candidates)} commits: {shown}", hint="Type more of the one you mean")
    return candidates[0] if candidates else None


def unknown(repository: Repository, name: str) -> RecordError:
    """The error for a commit that is not here, with the likely reason and what to type."""
    if not _HASH.fullmatch(name):
        return RecordError(
            f"there is no commit, branch, tag, run or study '{name}'", hint="Type: git log --oneline, or wb list"
        )
    if repository.attempt("rev-parse", "--is-shallow-repository") == "true":
        return RecordError(
            f"commit {name} is not in this clone, which is shallow (it holds only the latest history)",
            hint="Type: git fetch --unshallow",
        )
    hint = "Type: git fetch --all"
    if repository.attempt("remote"):
        hint += "; for the snapshot of a dirty tree: wb share --fetch"
    return RecordError(f"there is no commit, run or study '{name}' here", hint=hint)


def in_history(repository: Repository, commit: str) -> bool:
    """Whether a commit belongs to the history of what is checked out."""
    return is_ancestor(repository, commit, "HEAD")


def is_ancestor(repository: Repository, old: str, new: str) -> bool:
    """Whether ``old`` is ``new`` or comes before it."""
    try:
        repository.ask("merge-base", "--is-ancestor", old, new)
    except RecordError:
        return False
    return True


def subject(repository: Repository, commit: str) -> str:
    """The first line of a commit's message."""
    return repository.attempt("show", "--no-patch", "--format=%s", commit)


def file_at(repository: Repository, commit: str, path: str) -> str | None:
    """The text of a file (path from the repository's root) in a commit; None where it has none."""
    text = repository.attempt("show", f"{commit}:{path}")
    return text + "\n" if text else None


def changes_of(repository: Repository, path: str) -> list[str]:
    """Every commit of any branch, tag or snapshot that changed a file, the latest first."""
    return repository.attempt("log", "--all", "--format=%H", "--", path).split()


def changed_between(repository: Repository, old: str, new: str, *paths: str) -> list[str]:
    """The files that differ between two commits, below ``paths`` where some are given; [] where one is not here."""
    names = repository.attempt("diff", "--name-only", "--no-renames", "-z", old, new, "--", *paths)
    return [name for name in names.split("\0") if name]


def _beginning(repository: Repository, name: str) -> list[str]:
    if not _HASH.fullmatch(name):
        return []
    objects = repository.attempt("rev-parse", f"--disambiguate={name}").split()
    return [each for each in objects if repository.attempt("cat-file", "-t", each) == "commit"]
