"""What a lock says: a requirements file that names each package with an exact version and the hashes of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

_ELSEWHERE = re.compile(r"(-r|-c|-e|--requirement|--constraint|--editable)\b")
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--hash[=\s]|#(.*&)?(sha256|sha384|sha512)=")
_ADDRESS = re.compile(r"(\.{0,2}/|[a-z][a-z0-9+.-]*:)", re.IGNORECASE)
_COMMIT = re.compile(r"^(?P<address>.+)@(?P<commit>[^@/]+)$")
LOCAL = "(local)"


@dataclass(frozen=True)
class Line:
    """One requirement of a lock.

    Attributes:
        name: the normalised name, "" when the line is not understood.
        wanted: "1.0"; "1.0 @ URL" for a file at an address, "1.0 (local)" for one beside the lock, "@ URL#COMMIT" for
            a repository; "" when no exact version is named.
        hashed: it names at least one hash.
        marker: the condition under which it counts, "" for always.
        text: the line as it stands in the lock, joined, without comments and hashes.
    """

    name: str
    wanted: str
    hashed: bool
    marker: str
    text: str

    def fits(self) -> bool:
        """It is understood, and its marker holds for this interpreter and machine."""
        from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName

        if not self.name:
            return False
        try:
            return not self.marker or Marker(self.marker).evaluate()
        except (InvalidMarker, UndefinedEnvironmentName):
            return False


def read_lock(text: str) -> list[Line]:
    """The requirements of a lock, in its order; options such as ``--index-url`` are no requirements."""
    found = []
    for line in _logical(text):
        if line.startswith("-"):
            if _ELSEWHERE.match(line):
                found.append(Line("", "", False, "", line))
            continue
        asked = re.split(r"\s--", line, maxsplit=1)[0].strip()
        found.append(_requirement(asked, bool(_HASH.search(line))))
    return found


def wanted(text: str) -> dict[str, str]:
    """``{package: version}`` of what a lock fixes for this interpreter and machine."""
    return {line.name: line.wanted for line in read_lock(text) if line.wanted and line.fits()}


def unhashed(text: str) -> list[str]:
    """The packages that a lock names without a hash, on whatever machine, and the lines that are not understood.

    With any of them it names no definite environment.
    """
    return [line.name or line.text for line in read_lock(text) if not (line.name and line.hashed)]


def not_understood(text: str) -> list[str]:
    """The lines that need something else to be read: ``-r``, ``-c``, ``-e``, and what no requirement looks like."""
    return [line.text for line in read_lock(text) if not line.name]


def agrees(wanted: str, installed: str) -> bool:
    """Whether an installed package, as :func:`workbench.record.packages.installed` tells it, is the locked one.

    A build label such as +cpu names another build, which computes other numbers: it agrees only where the lock has it.
    """
    from packaging.version import InvalidVersion, Version

    (want, _, origin), (have, _, found) = wanted.partition(" "), installed.partition(" ")
    if wanted.startswith(("@", LOCAL)):
        return found == wanted
    if origin != found:
        return False
    try:
        return Version(want) == Version(have)
    except InvalidVersion:
        return want == have


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def bare(address: str) -> str:
    """An address without user, password, query and fragment: what may be recorded."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else parts.path


def _logical(text: str) -> Iterator[str]:
    """Lines with their continuations joined and comments removed, as pip reads them."""
    parts: list[str] = []
    for line in text.splitlines():
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        parts.append(_COMMENT.sub("", line))  # a comment ends a continuation too
        if joined := " ".join("".join(f"{part} " for part in parts).split()):
            yield joined
        parts = []
    if joined := " ".join(" ".join(parts).split()):
        yield joined


def _requirement(asked: str, hashed: bool) -> Line:
    from packaging.requirements import InvalidRequirement, Requirement

    unknown = Line("", "", hashed, "", asked)
    if _ADDRESS.match(asked) or asked.endswith((".whl", ".tar.gz", ".zip")) and " @ " not in asked:
        address, _, marker = (part.strip() for part in asked.partition(" ;"))
        name, version = _from_file_name(address)
        return Line(name, f"{version} {_origin(address)}", hashed, marker, asked) if name else unknown
    try:
        parsed = Requirement(asked)
    except InvalidRequirement:
        return unknown
    marker = str(parsed.marker or "")
    return Line(normal(parsed.name), _version(parsed), hashed, marker, asked)


def _version(parsed: Any) -> str:
    if parsed.url:
        version = _from_file_name(parsed.url)[1]
        return f"{version} {_origin(parsed.url)}" if version else _origin(parsed.url)
    exact = [each.version for each in parsed.specifier if each.operator in ("==", "===") and "*" not in each.version]
    return exact[0] if exact else ""


def _origin(address: str) -> str:
    """``"@ URL"``, ``"@ URL#COMMIT"`` for a repository, ``"(local)"`` without the path for a file here."""
    parts = urlsplit(address)
    if parts.scheme in ("", "file"):
        return LOCAL
    plain = bare(address)
    if "+" not in parts.scheme:
        return f"@ {plain}"
    pinned = _COMMIT.match(plain.partition("+")[2])
    place = LOCAL if parts.scheme.endswith("+file") else f"@ {pinned['address'] if pinned else plain.partition('+')[2]}"
    return f"{place}#{pinned['commit']}" if pinned else place


def _from_file_name(address: str) -> tuple[str, str]:
    """Name and version that the name of a wheel or source archive tells, else ("", "")."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    file = unquote(urlsplit(address).path).rpartition("/")[2]
    try:
        if file.endswith(".whl"):
            name, version = parse_wheel_filename(file)[:2]
        else:
            name, version = parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return "", ""
    return name, str(version)
