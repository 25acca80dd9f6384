"""What differs between two recorded environments, what most likely changes a number first.

Only what both have recorded is compared: a fact that one of them lacks is unknown, not different.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workbench.record.locks import normal

NONE = "none"
_MISSING = object()

# Those whose code is loaded into a training process and computes, by sys.modules and the libraries mapped after one:
# our own, what reads and changes pictures, kernels of a GPU, and what the statistics and tables rest on.
_NUMERIC = (
    "workbench-ml", "torch", "numpy", "torchvision", "pillow", "triton", "nvidia-*", "cuda-*", "scipy", "pyarrow",
    "safetensors",
)  # fmt: skip


class Difference(NamedTuple):
    """One fact with its two values as text; "none" stands for not installed, not set, not there."""

    what: str
    old: str
    new: str


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What differs in software and settings between two environments as ``capture`` records them.

    In this order: Python, torch's build, packages whose code computes, the C library, determinism level and threads,
    variables, the other packages by name. Where one of the two has not recorded its packages, the locks and what
    deviates from them stand in for all packages.
    """
    packages = list(_packages(old, new))
    build = list(_facts(old, new, _BUILD))
    if any(each.what == "torch" for each in build):  # its package's version says the same once more
        packages = [each for each in packages if each.what != "torch"]
    numeric = [each for each in packages if _rank(each.what) < len(_NUMERIC)]
    others = [each for each in packages if _rank(each.what) == len(_NUMERIC)]
    return [
        *_facts(old, new, _PYTHON),
        *build,
        *sorted(numeric, key=lambda each: (_rank(each.what), each.what)),
        *_told("C library", _c_library(old), _c_library(new)),
        *_facts(old, new, _SETTINGS),
        *_each(old.get("variables"), new.get("variables")),
        *others,
    ]


def hardware(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What differs in the machine: kind of device, GPU, processor, in the order in which it changes a number."""
    kinds = [str(each.get("device", "")).partition(":")[0] for each in (old, new)]
    return [*(_told("device", *kinds) if all(kinds) else ()), *_facts(old, new, _MACHINE)]


_PYTHON = {"python": ("python",), "python implementation": ("implementation",)}
_BUILD = {
    "torch": ("torch", "version"),
    "torch build": ("torch", "git"),
    "CUDA": ("torch", "cuda"),
    "cuDNN": ("torch", "cudnn"),
}
_SETTINGS = {
    "level": ("level",),
    "threads": ("threads",),
}
_MACHINE = {
    "GPU": ("gpu", "name"),
    "GPU capability": ("gpu", "capability"),
    "machine": ("cpu", "machine"),
    "processor": ("cpu", "model"),
    "processor family/model/stepping": ("cpu", "id"),
    "processor capability": ("cpu", "capability"),
    "cores": ("cpu", "cores"),
}


def _facts(
    old: Mapping[str, Any], new: Mapping[str, Any], table: Mapping[str, tuple[str, ...]]
) -> Iterator[Difference]:
    for what, path in table.items():
        yield from _told(what, _at(old, path), _at(new, path))


def _at(environment: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at ``path``; None where the record says that there is none, as with ``"gpu": None``."""
    place: Any = environment
    for step in path:
        if place is None:
            return None
        if not isinstance(place, Mapping) or step not in place:
            return _MISSING
        place = place[step]
    return place


def _told(what: str, old: Any, new: Any) -> Iterator[Difference]:
    if old is _MISSING or new is _MISSING or old == new:
        return
    yield Difference(what, *(NONE if each is None or each == "" else str(each) for each in (old, new)))


def _each(old: Any, new: Any) -> Iterator[Difference]:
    """The entries of two mappings that differ, by name."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return
    for name in sorted({*old, *new}):
        yield from _told(name, old.get(name), new.get(name))


def _packages(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    if "packages" in old and "packages" in new:
        yield from _each(old["packages"], new["packages"])
        return
    yield from _told("lock", old.get("lock", _MISSING), new.get("lock", _MISSING))
    if not all(isinstance(each.get("deviations"), Mapping) for each in (old, new)):
        return
    left, right = old["deviations"], new["deviations"]
    for name in sorted({*left, *right}):
        # Where only one deviates, what the other has is what its lock says: the same lock if "lock" is not above.
        values = [
            side[name][1] if name in side else other[name][0] if old.get("lock") == new.get("lock") else "as locked"
            for side, other in ((left, right), (right, left))
        ]
        yield from _told(normal(name), *values)


def _rank(name: str) -> int:
    """Its place among the packages that compute; the others stand behind; the lock stands for all of them."""
    if name == "lock":
        return -1
    return next((at for at, each in enumerate(_NUMERIC) if fnmatch.fnmatchcase(name, each)), len(_NUMERIC))


def _c_library(environment: Mapping[str, Any]) -> Any:
    """As in "glibc2.36", whose mathematical functions Python's ``math`` calls."""
    _, found, library = str(environment.get("platform", "")).partition("-with-")
    return library if found else _MISSING
