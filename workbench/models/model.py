"""The part that describes a network, and what every built network offers."""

from __future__ import annotations

import abc
import difflib
import importlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol, runtime_checkable

from torch import nn

from workbench.data.signature import Kind, Signature
from workbench.errors import DataError, FieldError
from workbench.models.groups import Grouped, Groups, ungrouped
from workbench.models.initial import initial_weights
from workbench.models.norm import Norm
from workbench.parts import Part
from workbench.streams import Seeds

_FITTING: dict[Kind, str] = {
    "image": "Network('resnet20') or Pretrained(...)",
    "text": "TextNetwork()",
    "pairs": "Seq2Seq()",
    "table": "TabularNetwork()",
    "ratings": "Collab()",
}
_NAMES: dict[Kind, str] = {
    "image": "pictures",
    "text": "texts",
    "pairs": "sentence pairs",
    "table": "tables",
    "ratings": "ratings",
}
_WEIGHTS = (".pth", ".pt", ".safetensors")


@runtime_checkable
class Described(Protocol):
    """A built network that says what a later run needs to build it again."""

    arch: str

    def groups(self) -> Groups:
        """Layer groups from input to head; every parameter is in exactly one of them."""
        ...

    def describe(self) -> dict[str, Any]:
        """Plain JSON values that lie beside the weights."""
        ...


class Model(Part, abc.ABC):
    """Describes a network; :meth:`build` makes it. ``norm`` is its normalisation.

    For a network of your own, subclass this and override :meth:`network` (docs/own_network.md).
    """

    kinds: ClassVar[tuple[Kind, ...]] = ()
    """The kinds of data that it takes; all of them where none is named."""

    _examples: ClassVar[str] = "Network('resnet20'), Pretrained(...) or TabularNetwork()"

    norm: Norm = Norm()

    def build(
        self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path] | None = None
    ) -> nn.Module:
        """The network, in float32 on the CPU, with a fresh head from the stream (seeds.init, "head").

        The same arguments give the same weights bit for bit, and the global random state is not touched.

        Args:
            signature: what it has to fit.
            seeds: ``seeds.init`` is the root of all initial weights.
            root: the project's root, which weights files are relative to.
            sources: weights files of other experiments, by the name that :meth:`source` gives.

        Raises: FieldError: a kind of data that it does not take, an architecture that does not exist or that
            the weights or the normalisation do not fit, or a network whose layer groups leave a parameter out.
            DataError: a weights file that is missing or damaged.
        """
        if self.kinds and signature.kind not in self.kinds:
            raise FieldError(
                f"{type(self).__name__} takes {' or '.join(_NAMES[kind] for kind in self.kinds)}, "
                f"and the data are {_NAMES[signature.kind]}",
                hint=f"Use model = {_FITTING[signature.kind]}, or leave model out.",
            )
        with initial_weights(seeds.init, "init"):
            model = self.network(signature, seeds=seeds, root=root, sources=sources or {})
        _check_groups(model)
        return model

    @abc.abstractmethod
    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> nn.Module:
        """What :meth:`build` gives, for a kind that fits: a module with a method ``groups()``.

        What draws from torch's generator in here draws from the stream (seeds.init, "init").
        """

    @classmethod
    def _instead(cls, value: Any) -> str:
        """The network of an architecture's or of a weights file's name."""
        if not isinstance(value, str):
            return super()._instead(value)
        if value.startswith(("experiments/", "torchvision/")) or Path(value).suffix in _WEIGHTS:
            return f"Pretrained({value!r})"
        if value in ("lstm", "transformer"):
            return f"TextNetwork({value!r})"
        # by name: these modules are made of this one, and of torchvision, which only a mistake has to wait for
        names = importlib.import_module("workbench.models.vision").architectures()
        near = difflib.get_close_matches(value.lower(), names, n=1, cutoff=0.7)
        return f"Network({near[0]!r})" if near else super()._instead(value)

    @property
    def starts_from_weights(self) -> bool:
        """Whether the network was trained on something before."""
        return bool(self.files() or self.source())

    def weights_path(self, weights: str, root: Path, sources: Mapping[str, Path]) -> Path:
        """Where ``weights``, a file under data/ (below ``root``) or what :meth:`source` names, lie.

        Raises:
            DataError: they are another experiment's, and ``sources`` lacks it.
        """
        if self.source() is None:
            return root / weights
        if weights not in sources:
            name = weights.split(":")[0]
            raise DataError(
                "no trained network of this experiment was given",
                where=weights,
                hint=f"Pass sources={{'{weights}': '.wb/runs/RUN/weights.safetensors'}}: `wb run {name}` trains one, "
                f"`wb list {PurePosixPath(name).name}` shows its studies and `wb list STUDY` the ids of their runs.",
            )
        return Path(sources[weights])

    def files(self) -> tuple[str, ...]:
        """The files under data/ that :meth:`build` reads, relative to the project's root."""
        return ()

    def source(self) -> str | None:
        """``"experiments/NAME"`` or ``"experiments/NAME:Arm"`` when another experiment's weights are needed."""
        return None


def _check_groups(model: nn.Module) -> None:
    """Refuse what has no layer groups, or keeps a parameter outside: no optimizer would ever see it."""
    name = type(model).__name__
    if not isinstance(model, Grouped):
        raise FieldError(
            f"{name} has no method groups()",
            hint='Add one that returns its layers from input to head: [("body", [self.body]), ("head", [self.head])].',
        )
    outside = ungrouped(model, model.groups())
    if outside:
        raise FieldError(
            f"{name}.groups() has the parameter '{outside[0]}' in no group, or in more than one",
            hint="Put each layer into one group: what is in none never trains.",
        )
