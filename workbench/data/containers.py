"""Files that lie together: in a folder, in a zip archive, or in a column of a table."""

from __future__ import annotations

import abc
import contextlib
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from workbench.data.reading import again, missing
from workbench.data.split import part_names
from workbench.errors import DataError


class Container(abc.ABC):
    """Files by name; names have forward slashes and are sorted, hidden files are left out."""

    @abc.abstractmethod
    def names(self) -> list[str]:
        """Every file's path inside the container."""

    @abc.abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """One file, to be closed by the caller."""

    def read(self, name: str) -> bytes:
        """One file's content."""
        with self.open(name) as file:
            return file.read()

    def digest(self, names: Sequence[str]) -> str:
        """MD5 over the names and contents of these files, in this order."""
        md5 = hashlib.md5(usedforsecurity=False)
        for name in names:
            md5.update(f"{name}/{content_md5(self.read(name))}\n".encode())
        return md5.hexdigest()


class Folder(Container):
    """The files of a folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """See :meth:`Container.names`."""
        files = (each.relative_to(self.path).as_posix() for each in self.path.rglob("*") if each.is_file())
        return sorted(name for name in files if _plain(name))

    def open(self, name: str) -> IO[bytes]:
        """See :meth:`Container.open`."""
        return (self.path / name).open("rb")


class Zip(Container):
    """The files of a zip archive."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self.archive = archive

    def names(self) -> list[str]:
        """See :meth:`Container.names`."""
        return sorted(name for name in self.archive.namelist() if not name.endswith("/") and _plain(name))

    def open(self, name: str) -> IO[bytes]:
        """See :meth:`Container.open`."""
        return self.archive.open(name)

    def digest(self, names: Sequence[str]) -> str:
        """MD5 of the archive and, where these are not all its files, of the names: one file is read, not thousands."""
        with self.path.open("rb") as file:
            whole = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return content_md5("\n".join([whole, *names]).encode())


class Held(Container):
    """Files that are in memory."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.contents = contents

    def names(self) -> list[str]:
        """See :meth:`Container.names`."""
        return sorted(self.contents)

    def open(self, name: str) -> IO[bytes]:
        """See :meth:`Container.open`."""
        return io.BytesIO(self.contents[name])


@contextlib.contextmanager
def opened(path: Path, where: str) -> Iterator[Container]:
    """The files of a folder or zip archive.

    Raises:
        DataError: it is missing, truncated, or neither.
    """
    if path.is_dir():
        yield Folder(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield Zip(path, archive)
    except FileNotFoundError:
        raise missing(path, where) from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"the file is truncated or not a zip archive ({error})",
            where=where,
            hint=again(path, where, "Copy or pack it anew."),
        ) from None


def folders_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The folders that each file lies in, from the outermost; one around all others, as zips have it, is left out."""
    found = [PurePosixPath(name).parts[:-1] for name in names]
    while len({each[:1] for each in found}) == 1 and min(map(len, found)) > 1:
        found = [each[1:] for each in found]
    return found


def refuse_other_classes(folders: Sequence[Sequence[str]], where: str) -> None:
    """Raises :class:`DataError` where the folders train and test (or valid, without test) do not hold the same classes.

    A class of valid beside test has to be in train as well.

    Args:
        folders: the part and the class of each file.
    """
    names = {part: name for name in {parts[0] for parts in folders} for part in part_names((name,))}
    test = "test" if "test" in names else "validation"
    for side, other in (("train", test), (test, "train"), ("validation", "train")):
        there, wanted = ({parts[1] for parts in folders if parts[0] == names.get(each)} for each in (side, other))
        only = sorted(there - wanted)
        if only:
            raise DataError(
                f"class '{only[0]}' is in {names[side]}/ but not in {names[other]}/",
                where=where,
                hint="They need the same classes: add files, or take the class out.",
            )


def state_of(path: Path) -> str:
    """Changes when a file does, without reading it: what a memory cache is keyed by."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    stats = [(str(each), each.stat().st_mtime_ns, each.stat().st_size) for each in files]
    return content_md5(repr(stats).encode())


def content_md5(content: bytes) -> str:
    """32 hexadecimal digits."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _plain(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
