"""A source: where one data file comes from, as a list of routes that are tried in order."""

from __future__ import annotations

import errno
import hashlib
import lzma
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import DataError

Report = Callable[[str, int, int], None]
"""``report(text, done, total)``: what is going on, bytes done, bytes in all (0 when unknown)."""


class Unavailable(Exception):
    """This route does not lead to the file here and now; the text says why, as a clause."""


class Unreachable(Unavailable):
    """The route needs a program or a server that is not there: nothing is wrong with the data."""


@dataclass(frozen=True)
class Route:
    """One way to a data file.

    Args:
        name: what a reader of an error message knows it by.
        write: writes the canonical file at the path it is given, or raises :class:`Unavailable`.
    """

    name: str
    write: Callable[[Path, Report], None]


@dataclass(frozen=True)
class Source:
    """A data file, what it is, and the ways to it, the best first.

    Args:
        path: where it stands in the project, such as ``data/mnist.npz``.
        about: what it holds, one line.
        origin: the address of who made it.
        licence: under which terms.
        routes: tried in order; every one writes the same bytes.
        hint: what to type when none of them works here.
        optional: fetched when something reads it, and not by a bare ``wb data pull``.
        redistribute: whether its terms let us pass it on; otherwise it is never sent to a DVC remote.
    """

    path: str
    about: str
    origin: str
    licence: str
    routes: tuple[Route, ...]
    hint: str
    optional: bool = False
    redistribute: bool = True


def silent(text: str, done: int, total: int) -> None:
    """A report that nobody reads."""


def write(source: Source, target: Path, report: Report, md5: str | None = None) -> str:
    """Write the source's file at ``target`` by the first route that works, and return that route's name.

    Args:
        source: what to write.
        target: the file that is replaced in one step; it stays as it is when every route fails.
        report: told about progress.
        md5: what the file must hash to; a route that writes something else counts as failed.

    Raises:
        DataError: with every route's reason, when none worked; or when the disk is full.
    """
    reasons = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        for route in source.routes:
            made = Path(folder) / target.name
            reason = _attempt(route, made, report, md5)
            if reason is None:
                made.replace(target)
                return route.name
            reasons.append(f"{route.name}: {reason}")
    raise DataError(
        "cannot be fetched by any of its routes (" + "; ".join(reasons) + ")", where=source.path, hint=source.hint
    )


def _attempt(route: Route, made: Path, report: Report, md5: str | None) -> str | None:
    report(f"trying {route.name}", 0, 0)
    try:
        route.write(made, report)
    except Unavailable as reason:
        return str(reason)
    except (OSError, ValueError, KeyError, EOFError, *_BROKEN) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(
                "the disk is full", where=str(made.parent.parent), hint="Free some space, then type it again"
            ) from error
        return f"{type(error).__name__}: {error}"
    found = file_hash(made, "md5")
    return None if md5 in (None, found) else f"gives md5 {found}, pinned is {md5}"


_BROKEN = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, subprocess.SubprocessError)


def file_hash(path: Path, kind: str) -> str:
    """Hexadecimal digest of a file's contents; ``kind`` is a name that hashlib knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def require_sha256(contents: bytes, expected: str, what: str) -> bytes:
    """``contents``, if they hash to ``expected``.

    Raises:
        Unavailable: when they do not.
    """
    if hashlib.sha256(contents).hexdigest() != expected:
        raise Unavailable(f"{what} is not the file that was pinned (another sha256)")
    return contents


def require_files(files: Mapping[str, bytes], pinned: Mapping[str, str], what: str) -> None:
    """Refuse a set of files that lacks one of those pinned by sha256, or holds another version of it.

    Raises:
        Unavailable: naming the first such file.
    """
    for name, expected in pinned.items():
        if name not in files:
            raise Unavailable(f"{what} has no {name}")
        require_sha256(files[name], expected, f"{what}: {name}")
