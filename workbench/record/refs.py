"""The refs that keep what ran (refs/wb): listed, deleted, and exchanged with a remote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workbench.errors import RecordError, nearest
from workbench.record.git import Repository, without_credentials
from workbench.record.snapshots import AUTHOR, MESSAGE

PREFIX = "refs/wb/"


@dataclass(frozen=True)
class Ref:
    """A ref below refs/wb.

    Attributes:
        name: without ``refs/wb/``.
        commit: what it keeps, 40 hexadecimal digits.
        date: of that commit, in seconds since 1970; a snapshot has the date of the commit that it stands on.
        uncommitted: it is the snapshot of a tree that nobody committed.
    """

    name: str
    commit: str
    date: int
    uncommitted: bool


def refs(repository: Repository) -> list[Ref]:
    """All of them, by name."""
    form = "--format=%(refname)%00%(objectname)%00%(committerdate:unix)%00%(authoremail:trim)%00%(contents:subject)"
    found = []
    for line in repository.ask("for-each-ref", form, PREFIX).split("\n"):
        if not line:
            continue
        name, commit, date, author, subject = line.split("\0")
        found.append(Ref(name.removeprefix(PREFIX), commit, int(date or 0), (author, subject) == (AUTHOR, MESSAGE)))
    return found


def delete(repository: Repository, names: Iterable[str]) -> None:
    """Delete refs by their names without ``refs/wb/``; harmless for one that is gone."""
    lines = b"".join(b"delete %s%s\0\0" % (PREFIX.encode(), os.fsencode(name)) for name in names)
    if lines:
        repository.ask("update-ref", "-z", "--stdin", stdin=lines)


def changed_files(repository: Repository, commit: str) -> int:
    """How many files of a snapshot differ from the commit that it stands on; 0 where that is not here."""
    names = repository.attempt("diff-tree", "-r", "-z", "--name-only", "--no-renames", f"{commit}^", commit)
    return len([name for name in names.split("\0") if name])


def choose_remote(repository: Repository, wanted: str = "") -> str:
    """The remote of that name, else ``origin``, else the only one.

    Raises:
        RecordError: when there is none, or it is not clear which.
    """
    names = repository.ask("remote").splitlines()
    if not names:
        raise RecordError("this repository has no git remote", hint="Type: git remote add origin ADDRESS")
    if wanted:
        if wanted not in names:
            raise RecordError(f"there is no git remote '{wanted}'{nearest(wanted, names)}", hint="Type: git remote -v")
        return wanted
    if "origin" in names or len(names) == 1:
        return "origin" if "origin" in names else names[0]
    raise RecordError(f"there are {len(names)} git remotes and none is called origin",
                      hint=f"Say which: {', '.join(names)}")  # fmt: skip


def missing(repository: Repository, remote: str, found: Sequence[Ref]) -> list[Ref]:
    """Those of ``found`` that a remote does not have.

    Raises:
        RecordError: when it cannot be reached, or keeps another commit under one of the names.
    """
    lines = _exchange(repository, remote, "ls-remote", "--quiet", remote, f"{PREFIX}*").splitlines()
    there = {name.removeprefix(PREFIX): commit for commit, _, name in (line.partition("\t") for line in lines)}
    other = [ref.name for ref in found if there.get(ref.name, ref.commit) != ref.commit]
    if other:
        raise RecordError(f"the remote '{remote}' keeps another commit under the same name", where=PREFIX + other[0],
                          hint=f"Rename yours: git update-ref {PREFIX}NEW {PREFIX}{other[0]} && "
                          f"git update-ref -d {PREFIX}{other[0]}")  # fmt: skip
    return [ref for ref in found if ref.name not in there]


def push(repository: Repository, remote: str, found: Sequence[Ref]) -> None:
    """Send refs, with all that they stand on, under the same names. The user's own pre-push hook may refuse.

    Raises:
        RecordError: when the remote cannot be reached, or somebody refuses.
    """
    if found:
        specs = [f"{PREFIX}{ref.name}:{PREFIX}{ref.name}" for ref in found]
        words = ("--quiet", "--no-follow-tags", "--recurse-submodules=no")
        _exchange(repository, remote, "push", *words, remote, *specs, hooks=True)


def fetch(repository: Repository, remote: str) -> list[Ref]:
    """Bring all refs of a remote here that are not here yet, and return those; none is moved or deleted.

    Raises:
        RecordError: when the remote cannot be reached, or keeps another commit under the name of one that is here.
    """
    before = {ref.name for ref in refs(repository)}
    # `fetch.prune` would delete our own refs that the remote does not have.
    words = ("--no-tags", "--no-prune", "--no-recurse-submodules", "--no-auto-maintenance")
    quiet = ("--no-write-fetch-head", "--refmap=")
    _exchange(repository, remote, "fetch", *words, *quiet, remote, f"{PREFIX}*:{PREFIX}*")
    return [ref for ref in refs(repository) if ref.name not in before]


def _exchange(repository: Repository, remote: str, *words: str, hooks: bool = False) -> str:
    """What a git command prints that talks to a remote; it asks for a password only where somebody can type one."""
    there = sys.stdin is not None and sys.stdin.isatty()
    done = repository.run(*words, env={} if there else {"GIT_TERMINAL_PROMPT": "0"}, hooks=hooks)
    if done.returncode:
        url = repository.attempt("remote", "get-url", remote)
        raise RecordError(f"the git remote '{remote}' ({without_credentials(url)}) cannot be reached or refuses: "
                          f"{_reason(done.stderr.decode(errors='replace'))}",
                          hint=f"Type: git ls-remote {remote}")  # fmt: skip
    return done.stdout.decode(errors="replace")


def _reason(text: str) -> str:
    """The line that says most, of all that git and its helpers print."""
    lines = [line.strip() for line in without_credentials(text).splitlines() if line.strip()]
    for mark in ("! [", "remote: error:", "remote: fatal:", "fatal:", "error:", ""):
        for line in lines:
            if mark in line:
                return " ".join(line.split()).removesuffix(".")
    return "git does not say why"
