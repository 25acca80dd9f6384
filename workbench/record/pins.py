"""Pins: the md5 and size that ``data.dvc`` holds for each data file, and whether the file on disk still has them.

Read as YAML, without DVC, because every run asks; unchanged files are not hashed twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.errors import RecordError
from workbench.record.files import write_json
from workbench.record.places import home, prepare

PINS = "data.dvc"

State = Literal["ok", "missing", "changed"]

# A file that was written this recently could change once more within the same tick of the file system's clock.
_TICK_SECONDS = 0.05
_MERGE_HINT = f"Settle it by hand, or type: git checkout HEAD -- {PINS}"


@dataclass(frozen=True)
class Pin:
    """What a data file must be: project path, md5 as 32 hexadecimal digits, size in bytes.

    ``push`` is False for a file that is never sent to a remote; DVC keeps to it too.
    """

    path: str
    md5: str
    size: int
    push: bool = True


def read_pins(root: Path) -> dict[str, Pin]:
    """The pins in ``root/data.dvc`` by project path; empty when there is no such file.

    Raises:
        RecordError: when the file is not what DVC writes, such as after a merge conflict.
    """
    place = root / PINS
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot be read ({error})", where=PINS) from error
    return parse_pins(text, PINS)


def pinning(root: Path, path: str) -> str:
    """What to type so that the file at ``path``, below ``root`` or absolute, is pinned."""
    place = Path(os.path.normpath(root / path))
    if not place.is_relative_to(root):
        return (
            f"Copy it into the project, e.g. as data/{place.name}, name that, and type: wb data pin data/{place.name}"
        )
    inside = place.relative_to(root).as_posix()
    return f"Type: wb data pin {inside}" if inside == path else f"Name it '{inside}', and type: wb data pin {inside}"


def parse_pins(text: str, where: str) -> dict[str, Pin]:
    """The pins in the text of a ``.dvc`` file; ``where`` names it in messages.

    Raises:
        RecordError: for text that is not a mapping with a list ``outs`` of path and md5.
    """
    import yaml  # 40 ms that a command without data need not pay

    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = where if line is None else f"{where}:{line + 1}"
        raise RecordError("is not valid YAML (a merge conflict?)", where=place, hint=_MERGE_HINT) from error
    outs = content.get("outs", []) if isinstance(content, Mapping) else None if content else []
    if not isinstance(outs, list):
        raise RecordError("has no list 'outs'", where=where, hint=_MERGE_HINT)
    return {pin.path: pin for pin in (_pin(out, where) for out in outs)}


def state(root: Path, pin: Pin, *, fresh: bool = False) -> State:
    """Whether the file is there and is what its pin says.

    Args:
        root: the project.
        pin: what it must be.
        fresh: hash it even if it looks as it did when it was last hashed.
    """
    path = root / pin.path
    if not path.is_file():
        return "changed" if path.exists() else "missing"
    if path.stat().st_size != pin.size:
        return "changed"
    return "ok" if md5_of(root, pin.path, fresh=fresh) == pin.md5 else "changed"


def md5_of(root: Path, path: str, *, fresh: bool = False) -> str:
    """The md5 of the file at project path ``path``, as 32 hexadecimal digits.

    It is remembered under the state folder for as long as the file's size, times and inode stay the same.

    Raises:
        RecordError: when the file cannot be read.
    """
    place = root / path
    try:
        before = _signature(place)
        known = _remembered(root)
        if not fresh and known.get(path, [])[:-1] == before:
            return str(known[path][-1])
        with place.open("rb") as file:
            found = hashlib.file_digest(file, _md5).hexdigest()
        settled = _signature(place) == before and time.time() - place.stat().st_mtime > _TICK_SECONDS
    except OSError as error:
        raise RecordError(f"cannot be read ({error.strerror or error})", where=path) from error
    if settled:
        _remember(root, path, [*before, found])
    return found


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _pin(out: Any, where: str) -> Pin:
    try:
        path, md5 = out["path"], out["md5"]
        size = int(out.get("size", 0))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise RecordError(f"has an output without path or md5: {out}", where=where, hint=_MERGE_HINT) from None
    if not isinstance(path, str) or not isinstance(md5, str):
        raise RecordError(f"has an output whose path or md5 is no text: {out}", where=where, hint=_MERGE_HINT)
    return Pin(path, md5, size, out.get("push", True) is not False)


def _signature(path: Path) -> list[int]:
    """Size, time of change, inode, and time of the inode's change, which nobody can set back."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


def _memory(root: Path) -> Path:
    return home(root) / "cache" / "md5.json"


def _remembered(root: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(_memory(root).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(root: Path, path: str, entry: list[Any]) -> None:
    """Note one digest. A note lost to another process, or to a folder that cannot be written, costs a hash later."""
    if not os.access(root, os.W_OK) and not home(root).is_dir():
        return
    try:
        prepare(home(root))
        write_json(_memory(root), {**_remembered(root), path: entry})
    except RecordError:
        return
