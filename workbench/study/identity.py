"""What makes two runs the same run."""

from __future__ import annotations

import functools
from collections.abc import Mapping
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
    files = [path for room in rooms for path in room.glob("*.py")] + [here / "parts.py", here / "streams.py"]
    return source_hash([path for path in files if path.name != "archive.py"])


def described(arm: Arm) -> dict[str, Any]:
    """The flattened fields of an arm without those that no number depends on."""
    return {path: value for path, value in arm.flatten().items() if path not in _SILENT}


def run_identity(
    arm: Arm,
    seeds: Seeds,
    *,
    pins: Mapping[str, str],
    sources: Mapping[str, str],
    device: str,
    threads: int,
    choosing: bool,
) -> str:
    """64 hexadecimal digits over fields, overridden stages, data, source networks, seeds, library and machine kind."""
    return digest(_facts(described(arm), arm, seeds, pins, sources, device, threads, choosing))


def trained_identity(
    arm: Arm,
    seeds: Seeds,
    *,
    pins: Mapping[str, str],
    sources: Mapping[str, str],
    device: str,
    threads: int,
    choosing: bool,
) -> str:
    """The identity of the weights before anything that happens after training.

    Two runs with equal ones train bit-identically, so the second starts from the first one's weights.
    """
    fields = {path: value for path, value in described(arm).items() if path not in _AFTERWARDS}
    if fields.get("recalibrate") == "after":
        fields["recalibrate"] = "never"
    return digest(_facts(fields, arm, seeds, pins, sources, device, threads, choosing))


def _facts(
    fields: Mapping[str, Any],
    arm: Arm,
    seeds: Seeds,
    pins: Mapping[str, str],
    sources: Mapping[str, str],
    device: str,
    threads: int,
    choosing: bool,
) -> dict[str, Any]:
    return {
        "fields": dict(fields),
        "stages": arm.stages(),
        "seeds": seeds.flatten(),
        "pins": dict(pins),
        "sources": dict(sources),
        "library": library_hash(),
        "device": device,
        "threads": threads,
        "choosing": choosing,
    }
