"""Data files inside a Debian package: as installed, or read from the archive that ``apt-get download`` brings."""

from __future__ import annotations

import io
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from workbench.data.sources.clients import call, require
from workbench.data.sources.route import Report, Unavailable

_MAGIC = b"!<arch>\n"
_HEADER = 60


@dataclass(frozen=True)
class DebianPackage:
    """A package by name, the folder where it installs its data, and its archive's ``size`` in bytes.

    Its contents are verified file by file by whoever reads them, so any release that carries the same files will do.
    """

    name: str
    folder: str
    size: int

    def installed(self, report: Report, root: Path = Path("/")) -> dict[str, bytes]:
        """``{file name: contents}`` of the installed folder.

        Raises:
            Unavailable: when the package is not installed.
        """
        place = root / self.folder.lstrip("/")
        if not place.is_dir():
            raise Unavailable("not installed")
        report(f"reading {place}", 0, 0)
        return {path.name: path.read_bytes() for path in place.iterdir() if path.is_file()}

    def downloaded(self, report: Report) -> dict[str, bytes]:
        """``{file name: contents}`` from the archive; needs no administrator's rights and installs nothing.

        Raises:
            Unavailable: when there is no apt-get here or it does not know the package.
        """
        apt = require("apt-get")
        report(f"downloading {self.name} with apt-get", 0, self.size)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            call([apt, "download", "--quiet", self.name], folder, f"apt-get download {self.name}")
            archives = list(folder.glob("*.deb"))
            if not archives:
                raise Unavailable("apt-get download brought no archive")
            return self._read(archives[0].read_bytes())

    def _read(self, archive: bytes) -> dict[str, bytes]:
        contents = {}
        wanted = self.folder.strip("/") + "/"
        with tarfile.open(fileobj=io.BytesIO(_member(archive, "data.tar"))) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                if file is not None and member.name.lstrip("./").startswith(wanted):
                    contents[member.name.rsplit("/", 1)[-1]] = file.read()
        return contents


def _member(archive: bytes, prefix: str) -> bytes:
    """The member of an ``ar`` archive whose name begins with ``prefix``."""
    if not archive.startswith(_MAGIC):
        raise Unavailable("what apt-get brought is no Debian archive")
    place = len(_MAGIC)
    while place + _HEADER <= len(archive):
        header = archive[place : place + _HEADER]
        size = int(header[48:58])
        if header[:16].decode("ascii", "replace").startswith(prefix):
            return archive[place + _HEADER : place + _HEADER + size]
        place += _HEADER + size + size % 2
    raise Unavailable(f"the Debian archive holds no {prefix}")
