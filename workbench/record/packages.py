"""Which packages are installed, told so that another machine can compare them and nothing of this one is told."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from workbench.record.locks import LOCAL, bare, normal, read_lock

# They put packages in place and compute nothing, and every way of making an environment brings others.
_INSTALLERS = frozenset({"pip", "setuptools", "wheel", "uv"})
# We ourselves: runs record a hash of our sources, and a re-run uses those of its commit, or the present ones.
_OURSELVES = "workbench-ml"


def installed(root: Path) -> dict[str, str]:
    """``{normalised name: version}`` of everything that can be imported; of two the first on ``sys.path`` counts.

    A version is no identity when the package did not come from an index: then it is "1.0 @ URL#COMMIT" for a
    repository, "1.0 @ URL" for an archive (user, password and query removed), "1.0 (local)" for a folder or file here.

    Args:
        root: the project, which is left out when its sources are what is imported: their commit says what they are.
    """
    root = root.resolve()
    own, found, seen = _project(root), dict[str, str](), set[str]()
    # setuptools puts the packages that it carries on the path once it is imported, as compiling a network does
    places = [place for place in sys.path if Path(place).name != "_vendor"]
    for each in importlib.metadata.distributions(path=places):
        name = _name(each)
        if not name or name in seen:
            continue
        seen.add(name)
        origin = _origin(each)
        sources = origin.get("dir_info") is not None and (name == own or _folder(origin) == root)
        if sources or Path(str(each.locate_file(""))).absolute() == root:
            continue
        found[name] = _told(each.version, origin)
    return dict(sorted(found.items()))


def _name(distribution: importlib.metadata.Distribution) -> str:
    """The normalised name, "" of what an interrupted installation leaves."""
    try:
        return normal(distribution.metadata["Name"] or "") if distribution.metadata else ""
    except FileNotFoundError:  # so says the importlib_metadata package, which takes the module's place once imported
        return ""


def extras(packages: Mapping[str, str], *locks: str) -> dict[str, str]:
    """Those of ``packages`` that no lock names for this machine, installers aside; {} without any lock.

    What needs them cannot be re-created from the locks.
    """
    if not any(locks):
        return {}
    named = {line.name for lock in locks for line in read_lock(lock) if line.fits()}
    return {name: version for name, version in packages.items() if name not in named | _INSTALLERS | {_OURSELVES}}


def _project(root: Path) -> str:
    """The normalised name in pyproject.toml, "" without one."""
    try:
        content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        return normal(str(content["project"]["name"]))
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _origin(distribution: importlib.metadata.Distribution) -> dict[str, Any]:
    """direct_url.json (PEP 610), the like of it for a folder of sources, {} when it came from an index."""
    try:
        content = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        content = None
    if isinstance(content, dict) and content:
        return content
    folder = Path(str(distribution.locate_file(""))).absolute()
    # metadata that a build left beside the sources, found because their folder is on sys.path
    return {"url": folder.as_uri(), "dir_info": {}} if (folder / "pyproject.toml").is_file() else {}


def _folder(origin: Mapping[str, Any]) -> Path:
    return Path(unquote(urlsplit(str(origin.get("url", ""))).path))


def _told(version: str, origin: Mapping[str, Any]) -> str:
    if not origin:
        return version
    address = str(origin.get("url", ""))
    commit = (origin.get("vcs_info") or {}).get("commit_id", "")
    place = LOCAL if urlsplit(address).scheme in ("", "file") else f"@ {bare(address)}"
    return f"{version} {place}#{commit}" if commit else f"{version} {place}"
