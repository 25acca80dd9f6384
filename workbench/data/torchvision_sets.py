"""Every picture and target that one of torchvision's classes gives, with the part that it is of."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.containers import state_of
from workbench.data.photos import square
from workbench.data.picture_size import photo_size
from workbench.errors import DataError, FieldError, nearest

_TRAIN, _VALIDATION, _TEST = ("trainval", "train"), ("val", "valid"), ("test", "val", "valid")
"""What the classes call their parts, the better name first."""

_MEASURED = 500
"""The size of photos is taken from so many of them, evenly spaced: each has to be decoded for it."""

Named = list[tuple[str, Any]]


@dataclass(frozen=True, eq=False)
class Found:
    """n items.

    Attributes:
        images: uint8 of shape (n, c, side, side).
        targets: of shape (n,) or (n, k), as torchvision gives them.
        keys: content hashes of 16 hexadecimal digits.
        parts: train, validation or test for each item; None where the class knows no parts.
        names: of classes or labels; None where the class has none.
        size: side in pixels of what the network gets.
        why: what the size was taken from, for the table of settings.
    """

    images: torch.Tensor
    targets: npt.NDArray[Any]
    keys: tuple[str, ...]
    parts: tuple[str, ...] | None
    names: tuple[str, ...] | None
    size: int
    why: tuple[tuple[str, Any, str], ...]


def read_set(
    name: str,
    root: Path,
    options: tuple[str, ...],
    *,
    size: int | Literal["auto"] | None,
    margin: float,
    download: bool,
) -> Found:
    """All items of the class ``name``, kept for the process.

    Args:
        root: the folder with its files.
        options: further arguments, as ``"name=value"``.
        size, margin: see :class:`workbench.data.vision_dataset.VisionDataset`.
        download: let torchvision fetch what is not there.

    Raises:
        FieldError: there is no such class, or it needs other options.
        DataError: files are missing, or its items are no pictures with classes, labels or numbers.
    """
    if download:
        root.mkdir(parents=True, exist_ok=True)
    return _read(name, root, options, size, margin, download, state_of(root) if root.exists() else "")


@functools.lru_cache(maxsize=4)
def _read(
    name: str, root: Path, options: tuple[str, ...], size: Any, margin: float, download: bool, state: str
) -> Found:
    made = _made(name, root, options, download)
    whole = [(part, dataset, position) for part, dataset in made for position in range(len(dataset))]
    some = [_item(dataset, n, name)[0] for _, dataset, n in whole[:: max(1, len(whole) // _MEASURED)]]
    shape = some[0].size
    why: tuple[tuple[str, Any, str], ...]
    if not isinstance(size, int) and shape[0] == shape[1] and all(each.size == shape for each in some):
        chosen, why = shape[0], (("data.size", shape[0], "all pictures are squares of this size"),)
        shaped = functools.partial(_as_stored, side=chosen, colour=any(each.mode != "L" for each in some), where=name)
    else:
        chosen, why = photo_size(size, lambda: [min(each.size) for each in some])
        shaped = functools.partial(_photo, side=round(chosen * margin))
    images, targets = [], []
    for _, dataset, position in whole:
        picture, target = _item(dataset, position, name)
        images.append(shaped(picture))
        targets.append(np.asarray(target))
    keys = tuple(hashlib.sha256(each.tobytes()).hexdigest()[:16] for each in images)
    parts = tuple(part for part, _, _ in whole) if made[0][0] else None
    first = made[0][1]
    names = getattr(first, "classes", None) or getattr(first, "attr_names", None)
    labelled = tuple(str(each[0] if isinstance(each, tuple) else each) for each in names) if names else None
    return Found(torch.from_numpy(np.stack(images)), np.stack(targets), keys, parts, labelled, chosen, why)


def _as_stored(picture: Any, *, side: int, colour: bool, where: str) -> npt.NDArray[np.uint8]:
    if picture.size != (side, side):
        raise DataError(f"pictures are {side} x {side}, but not all of them", where=where, hint=f"Set size={side}.")
    pixels = np.asarray(picture.convert("RGB" if colour else "L"))
    return pixels.transpose(2, 0, 1) if colour else pixels[None]


def _photo(picture: Any, *, side: int) -> npt.NDArray[np.uint8]:
    return square(picture.convert("RGB"), side)


def _item(dataset: Any, position: int, name: str) -> tuple[Any, Any]:
    """A picture (PIL) and its target."""
    item = dataset[position]
    if not (isinstance(item, tuple) and len(item) == 2 and hasattr(item[0], "convert")):
        raise DataError("an item is no picture with its target", where=name, hint="Use another data set.")
    if not isinstance(item[1], int | float | np.number | torch.Tensor):
        raise DataError(
            f"a target is of type {type(item[1]).__name__}, which is no class, label or number",
            where=name,
            hint="Use another data set, or options that choose another target.",
        )
    return item


# ---- the parts ------------------------------------------------------------------------------------------------------


def _made(name: str, root: Path, options: tuple[str, ...], download: bool) -> Named:
    """The class by part: train, validation, test; one without a name where it knows no parts."""
    cls = _class(name)
    known = inspect.signature(cls.__init__).parameters
    given = {key: _value(text) for key, _, text in (each.partition("=") for each in options)}
    fetch = {"download": download} if "download" in known or "kwargs" in known else {}

    def make(**part: Any) -> Any:
        try:
            return cls(root=str(root), **{**fetch, **part, **given})
        except (RuntimeError, OSError) as error:
            raise _missing(name, root, fetch, error) from None
        except TypeError as error:
            raise FieldError(
                f"torchvision says: {error}", where=name, hint="Set options, e.g. ('split=...',)."
            ) from None

    if "train" in known or name == "EMNIST":  # which hands it on, and calls something else its split
        return [("train", make(train=True)), ("test", make(train=False))]
    if "split" not in known or "split" in given:
        return [("", make())]
    return _by_split(make, name)


def _by_split(make: Callable[..., Any], name: str) -> Named:
    train = _first(make, _TRAIN)
    test = None if train is None else _first(make, _TEST)
    if train is None or test is None:
        raise FieldError("it has no splits 'train' and 'test'", where=name, hint="Choose one: options=('split=...',).")
    found = [("train", train[1]), ("test", test[1])]
    if train[0] == "train" and test[0] == "test" and (held := _first(make, _VALIDATION)) is not None:
        found.insert(1, ("validation", held[1]))
    return found


def _first(make: Callable[..., Any], names: tuple[str, ...]) -> tuple[str, Any] | None:
    """The first of these splits that the class knows."""
    for each in names:
        try:
            return each, make(split=each)
        except ValueError:  # torchvision's word for a split that it does not know
            continue
    return None


def _class(name: str) -> Any:
    from torchvision import datasets

    known = [each for each in datasets.__all__ if inspect.isclass(getattr(datasets, each))]
    if name not in known:
        raise FieldError(f"'{name}' is not a data set of torchvision{nearest(name, known)}")
    return getattr(datasets, name)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _missing(name: str, root: Path, fetch: dict[str, bool], error: Exception) -> DataError:
    reason = str(error).strip().splitlines()[0].rstrip(":.")
    if any(fetch.values()):
        return DataError(f"it cannot be downloaded ({reason})", where=name, hint=f"Put its files into {root.name}/.")
    by_itself = "Set download=True once, or type" if fetch else "Put its files there as torchvision says, or type"
    return DataError(f"it is not in {root.name}/ ({reason})", where=name, hint=f"{by_itself} `wb data pull`.")
