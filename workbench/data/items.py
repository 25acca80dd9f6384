"""Items, the data sets made of them, and the part that describes where they come from."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from workbench.data.encoding import Encoder
from workbench.data.signature import Signature
from workbench.data.targets.base import Target
from workbench.data.values import device_of, subset
from workbench.errors import FieldError
from workbench.parts import Part
from workbench.streams import Seeds, permutation

if TYPE_CHECKING:
    from torch import nn

    from workbench.data.preparation import Preparation

_READ_BY = {
    "Table({}, 'LABEL')": (".csv", ".tsv", ".parquet"),
    "ImageArrays({})": (".npz", ".npy", ".mat"),
    "ImageFolder({})": (".zip", ".tar", ".gz", ".tgz"),
    "Texts({})": (".txt",),
}
"""The part that usually reads a file, by how its name ends."""


@dataclass(frozen=True, eq=False)
class Items:
    """Inputs with their targets, whole in memory.

    Attributes:
        inputs: what the network is given, stored as :mod:`workbench.data.values` says: pictures are uint8 of
            shape (n, c, h, w), texts ``Ragged``, tables ``Rows``.
        targets: int64 of shape (n,) for single labels (positions in the data set's classes), else as the target says.
        keys: n content hashes of 16 hexadecimal digits; equal content has an equal key in every split.
        groups: what each item belongs to (a patient, a speaker) where splits keep that whole; empty where they do not.
    """

    inputs: Any
    targets: Any
    keys: tuple[str, ...]
    groups: tuple[str, ...] = ()
    _resident: dict[torch.device, Items] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        counts = {len(self.inputs), len(self.targets), len(self.keys), len(self.groups or self.keys)}
        if len(counts) > 1:
            raise ValueError(f"inputs, targets, keys and groups differ in length: {sorted(counts)}")

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, index: torch.Tensor) -> Items:
        """The items at the positions ``index`` (int64 of shape (m,)), in that order."""
        keys, groups = (tuple(each[n] for n in index.tolist()) if each else () for each in (self.keys, self.groups))
        return Items(subset(self.inputs, index), subset(self.targets, index), keys, groups)

    def to(self, device: torch.device | str) -> Items:
        """The same items on ``device``: copied once and kept, since every pass over them asks anew."""
        wanted = torch.device(device)
        here = device_of(self.inputs)
        if here.type == wanted.type and wanted.index in (None, here.index):
            return self
        if wanted not in self._resident:
            self._resident[wanted] = Items(self.inputs.to(wanted), self.targets.to(wanted), self.keys, self.groups)
        return self._resident[wanted]

    def channel_statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of every channel of the stored pictures, in units of x / 255.

        From a histogram of the bytes, so the numbers are the same on every device. A constant channel has
        deviation 1.
        """
        values = torch.arange(256, dtype=torch.float64)
        mean, std = [], []
        for channel in range(self.inputs.shape[1]):
            counts = torch.bincount(self.inputs[:, channel].flatten().cpu(), minlength=256).double()
            middle = float((counts * values).sum() / counts.sum())
            spread = float((counts * (values - middle) ** 2).sum() / counts.sum()) ** 0.5
            mean.append(middle / 255)
            std.append(spread / 255 or 1.0)
        return tuple(mean), tuple(std)


@dataclass(frozen=True, eq=False)
class Datasets:
    """What :meth:`Data.load` gives.

    Attributes:
        train: the items that are trained on.
        validation: the items held out of training when settings are being chosen; None otherwise.
        test: never looked at while settings are being chosen.
        classes: the names of the outputs: classes, labels, values, or the tokens of the target's vocabulary.
        target: what is predicted; owns loss, metrics and decoding; its statistics are filled in.
        signature: what a network has to fit.
        encoder: from items as a user has them to stored inputs, fitted on the training items.
        why: what was found in the data, as (setting, value, why).
    """

    train: Items
    validation: Items | None
    test: Items
    classes: tuple[str, ...]
    target: Target
    signature: Signature
    encoder: Encoder
    why: tuple[tuple[str, Any, str], ...] = ()

    @property
    def channels(self) -> int:
        """Of pictures: 1 for grey, 3 for colour."""
        return self.signature.channels

    @property
    def size(self) -> int:
        """Side in pixels of the square that the network gets; stored pictures may have a margin around it."""
        return self.signature.size

    def splits(self) -> Iterator[tuple[str, Items]]:
        """The splits that there are, by name."""
        yield "train", self.train
        if self.validation is not None:
            yield "validation", self.validation
        yield "test", self.test


class Data(Part, abc.ABC):
    """Describes data and how they are split; :meth:`load` reads them.

    ``validation`` is the fraction of the training items that is held out while settings are being chosen,
    ``target`` what is predicted; "auto" takes it from the values, see :mod:`workbench.data.targets.inference`.

    Raises:
        FieldError: a fraction that leaves one side empty.
    """

    _examples: ClassVar[str] = "Table(...), Texts(...) or ImageFolder(...)"

    validation: float = 0.2
    target: Target | Literal["auto"] = "auto"

    @abc.abstractmethod
    def files(self) -> tuple[str, ...]:
        """The files that :meth:`load` reads, relative to the project's root."""

    @abc.abstractmethod
    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets of the run with these seeds.

        Args:
            seeds: ``seeds.subset`` draws the training subset.
            root: the project's root, which the paths are relative to.
            choosing: True holds ``validation`` of the training items out (by content hash, so that a file more
                does not reshuffle the others). The test items are the same either way.

        Raises:
            DataError: a file is missing, truncated or not what it should be.
            FieldError: a field asks for something that the data do not have.
        """

    def preparation(self, data: Datasets, model: nn.Module) -> Preparation:
        """From what is stored to what ``model`` sees: by default the same."""
        from workbench.data.preparation import AsStored

        return AsStored()

    def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
        """The order of an epoch, int64 of shape (n,): a function of the arguments alone.

        Args:
            items: the n training items.
            seed: ``seeds.order``.
            epoch: every epoch draws anew.
            batch: items a step, for orders that put like beside like.
        """
        return permutation(seed, "order", epoch, n=len(items))

    @classmethod
    def _instead(cls, value: Any) -> str:
        """The part for a frame, an array or a path; named here, as the modules may not be loaded."""
        if hasattr(value, "columns"):
            return "Table.of(frame, 'LABEL')"
        if hasattr(value, "shape"):
            return "ImageArrays.of(images, labels)"
        if not isinstance(value, str | Path):
            return super()._instead(value)
        path = Path(value)
        part = next((part for part, ends in _READ_BY.items() if path.suffix.lower() in ends), "")
        return part.format(repr(path.as_posix())) if part else super()._instead(str(value))

    def check(self) -> None:
        """Refuse a validation fraction that leaves one side empty."""
        if not 0 < self.validation < 1:
            raise FieldError(
                f"{type(self).__name__}.validation is {self.validation!r}; it takes a fraction between 0 and 1"
            )


def check_count(part: Part, name: str, least: int) -> None:
    """Refuse a whole number below ``least`` in an optional field of ``part``."""
    value = getattr(part, name)
    if value is not None and value < least:
        raise FieldError(f"{type(part).__name__}.{name} is {value}; it takes a whole number from {least} on")
