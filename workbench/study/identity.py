"""What makes two runs the same run."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.parts import digest
from workbench.streams import Seeds
from workbench.study.experiment import Arm
from workbench.training.stages import source_hash

# A field whose value never reaches a number; and what only comes after training.
_SILENT = ("confounded",)
_AFTERWARDS = ("diagnostics",)


@functools.cache
def library_hash() -> str:
    """Hash of the syntax of every library module that a trained weight can depend on.

    Part of each run's identity: after a change to the loop, an old number is not passed off as a new one.
    """
    here = Path(__file__).parents[1]
    rooms = [here / "data", here / "models", here / "training"]
    inside = [path for room in rooms for path in room.rglob("*.py") if "sources" not in path.relative_to(here).parts]
    files = [*inside, here / "parts.py", here / "streams.py"]
    return source_hash([path for path in files if path.name != "archive.py"])


def described(arm: Arm) -> dict[str, Any]:
    """The flattened fields of an arm without those that no number depends on."""
    return {path: value for path, value in arm.flatten().items() if path not in _SILENT}


@dataclass(frozen=True)
class Circumstances:
    """What a run depends on beside its arm and its seeds.

    Attributes:
        pins: md5 of every data file that it reads, by path.
        sources: identity of the run that its weights come from, by the name that the model gives it.
        device: "cpu" or "cuda"; threads: CPU threads of torch.
        choosing: whether the validation items are held out.
    """

    pins: Mapping[str, str]
    sources: Mapping[str, str]
    device: str
    threads: int
    choosing: bool


def identities(arm: Arm, seeds: Seeds, under: Circumstances) -> tuple[str, str]:
    """Two hashes of 64 hexadecimal digits: of the run, and of its weights before anything that follows training.

    Both cover fields, overridden stages, seeds, circumstances and the library. Two runs with the second one equal
    train bit-identically, so one can start from the other's weights.
    """
    facts = {
        "stages": arm.stages(),
        "seeds": seeds.flatten(),
        "pins": dict(under.pins),
        "sources": dict(under.sources),
        "library": library_hash(),
        "device": under.device,
        "threads": under.threads,
        "choosing": under.choosing,
    }
    fields = described(arm)
    trained = {path: value for path, value in fields.items() if path not in _AFTERWARDS}
    if trained.get("recalibrate") == "after":
        trained["recalibrate"] = "never"
    return digest({"fields": fields, **facts}), digest({"fields": trained, **facts})
