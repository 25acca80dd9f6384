"""Networks for pictures, from scratch or with weights: our small residual ones and torchvision's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from torch import nn

from workbench.data.signature import Kind, Signature
from workbench.errors import DataError, FieldError, nearest
from workbench.models.fetched import fetched
from workbench.models.groups import Groups, body_groups
from workbench.models.heads import VisionModel, cut_head, fresh_head
from workbench.models.initial import initial_weights
from workbench.models.model import Model
from workbench.models.norm import Norm, norm_factory
from workbench.models.resnet import BLOCKS, SmallResNet
from workbench.models.weights import Weights, load_strictly, read_weights
from workbench.streams import Seeds

IMAGENET_MEAN: tuple[float, ...] = (0.485, 0.456, 0.406)
IMAGENET_STD: tuple[float, ...] = (0.229, 0.224, 0.225)
"""What torchvision's weights were trained with, in units of x / 255."""

_SEVERAL_OUTPUTS = ("googlenet", "inception_v3")


class Network(Model):
    """A network with random weights from the stream (seeds.init, "init").

    ``arch``: "resnet8", "resnet20" (small pictures; grey or colour), or the name of a torchvision
    classification architecture such as "mobilenet_v2" or "resnet18" (colour; grey pictures are repeated).
    ``width``: channels of the first stage of the small ones.

    Raises:
        FieldError: a width that is too small or that would be ignored.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    arch: str = field(kw_only=False)
    width: int = 16

    def check(self) -> None:
        """Refuse a width that is too small or that would be ignored."""
        if self.width < 1:
            raise FieldError(f"Network.width is {self.width}; it takes a whole number from 1 on")
        if self.width != 16 and self.arch not in BLOCKS:
            raise FieldError(
                f"Network.width is {self.width}, but '{self.arch}' has a fixed width",
                hint="Leave width out, or use resnet8 or resnet20.",
            )

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> VisionModel:
        """The network with random weights; see :meth:`Model.build`."""
        outputs, channels = signature.outputs, signature.channels
        with initial_weights(seeds.init, "init"):
            if self.arch in BLOCKS:
                small = SmallResNet(self.arch, channels=channels, width=self.width, norm=self.norm)
                return _small(small, self.arch, channels, fresh_head(small.features, outputs, seeds))
            network = _torchvision(self.arch, self.norm)
        _, old = cut_head(network, self.arch)
        head = fresh_head(old.in_features, outputs, seeds)
        return VisionModel(network, head, body_groups(network), arch=self.arch, channels=3)


class Pretrained(Model):
    """A network that starts from weights; only the head is fresh.

    ``weights``: a file under data/ with a torchvision state dict (.pth or .safetensors);
    "experiments/NAME" or "experiments/NAME:Arm" for what another experiment trained; or "torchvision/resnet18"
    for torchvision's best weights of that architecture ("torchvision/resnet50:IMAGENET1K_V1" for others), which are
    downloaded once and checked by the hash in their name. ``arch``: "auto" takes
    it from the weights' own description, else from the name ("data/mobilenet_v2.pth"). ``norm``: its
    kind has to be the weights' own.

    Raises:
        FieldError: weights that are neither a file nor an experiment nor torchvision's, or an architecture beside
            weights that say it.
    """

    kinds: ClassVar[tuple[Kind, ...]] = ("image",)

    weights: str = field(kw_only=False)
    arch: str = "auto"

    def check(self) -> None:
        """Refuse weights that are neither a file nor an experiment nor torchvision's."""
        named = self.source() is not None or self._torchvisions() is not None
        if not named and PurePosixPath(self.weights).suffix not in (".pth", ".pt", ".safetensors"):
            raise FieldError(
                f"Pretrained.weights is '{self.weights}'; it takes a .pth or .safetensors file, 'experiments/NAME' "
                "or 'torchvision/ARCHITECTURE'"
            )
        if self._torchvisions() is not None and self.arch != "auto":
            raise FieldError(f"Pretrained.arch is '{self.arch}', but '{self.weights}' says it", hint="Leave arch out.")

    def files(self) -> tuple[str, ...]:
        """The weights file, unless it is another experiment's or torchvision's."""
        return (self.weights,) if self.source() is None and self._torchvisions() is None else ()

    def source(self) -> str | None:
        """``weights`` when it names an experiment."""
        return self.weights if self.weights.startswith("experiments/") else None

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> VisionModel:
        """The network with its weights and a fresh head; see :meth:`Model.build` for what it raises."""
        channels = signature.channels
        weights = self._read(root, sources)
        arch = self._arch(weights)
        self._check_norm(weights)
        with initial_weights(seeds.init, "init"):
            model = _ours(arch, weights, self.norm) if "arch" in weights.meta else _theirs(arch, weights, self.norm)
        if model.channels < channels:
            raise FieldError(
                f"the pictures have {channels} channels and {self.weights} takes {model.channels}",
                hint="Set channels=1 in the data.",
            )
        assert isinstance(model.head, nn.Linear)
        model.head = fresh_head(model.head.in_features, signature.outputs, seeds)
        return model

    def _read(self, root: Path, sources: Mapping[str, Path]) -> Weights:
        if (named := self._torchvisions()) is None:
            return read_weights(self.weights_path(self.weights, root, sources), self.weights)
        published = _published(*named, self.weights)
        expects = published.transforms()
        weights = read_weights(fetched(published.url, self.weights), self.weights)
        return replace(weights, meta={"mean": list(expects.mean), "std": list(expects.std)})

    def _torchvisions(self) -> tuple[str, str] | None:
        """Architecture and name of torchvision's weights, where they are meant."""
        before, _, after = self.weights.partition("torchvision/")
        if before or not after:
            return None
        arch, _, name = after.partition(":")
        return arch, name or "DEFAULT"

    def _arch(self, weights: Weights) -> str:
        if (published := self._torchvisions()) is not None:
            return published[0]
        if self.arch != "auto":
            return self.arch
        # torchvision names its files like mobilenet_v2-b0353104.pth
        named = PurePosixPath(self.weights).stem.split("-")[0]
        return str(weights.meta.get("arch", named))

    def _check_norm(self, weights: Weights) -> None:
        kind = weights.norm_kind()
        if kind is not None and kind != self.norm.kind:
            raise FieldError(
                f"Pretrained.norm.kind is '{self.norm.kind}', but the weights were trained with '{kind}'",
                where=self.weights,
                hint=f"Use Norm(kind='{kind}'), or start from a source that was trained with '{self.norm.kind}'.",
            )


def _small(
    body: SmallResNet,
    arch: str,
    channels: int,
    head: nn.Linear,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> VisionModel:
    return VisionModel(body, head, body.groups(), arch=arch, channels=channels, mean=mean, std=std)


def _ours(arch: str, weights: Weights, norm: Norm) -> VisionModel:
    """The network that a run of ours saved, with its head; width and channels are the tensors' own."""
    mean, std = weights.numbers("mean"), weights.numbers("std")
    head = weights.tensors.get("head.weight")
    if head is None:
        raise DataError("the weights have no head", where=weights.where, hint="Train the source anew.")
    groups: Groups
    if arch in BLOCKS:
        stem = weights.tensors.get("body.stem.0.weight")
        width, channels = (16, 3) if stem is None else (int(stem.shape[0]), int(stem.shape[1]))
        small = SmallResNet(arch, channels=channels, width=width, norm=norm)
        model = _small(small, arch, channels, nn.Linear(small.features, len(head)), mean, std)
    else:
        network = _torchvision(arch, norm)
        _, old = cut_head(network, arch)
        new, groups = nn.Linear(old.in_features, len(head)), body_groups(network)
        model = VisionModel(network, new, groups, arch=arch, channels=3, mean=mean, std=std)
    load_strictly(model, weights, arch)
    return model


def _theirs(arch: str, weights: Weights, norm: Norm) -> VisionModel:
    """A torchvision network with a torchvision state dict, and its head."""
    if arch in BLOCKS:
        raise FieldError(
            f"'{arch}' is not an architecture that such a file has weights for",
            where=weights.where,
            hint="Start from 'experiments/NAME', or set arch.",
        )
    network = _torchvision(arch, norm, where=weights.where)
    name, old = cut_head(network, arch)
    rows = weights.tensors.get(f"{name}.weight")
    classes = old.out_features if rows is None else len(rows)
    network.set_submodule(name, nn.Linear(old.in_features, classes))
    load_strictly(network, weights, arch)
    _, head = cut_head(network, arch)
    groups = body_groups(network)
    mean, std = IMAGENET_MEAN, IMAGENET_STD
    if weights.meta:
        mean, std = weights.numbers("mean"), weights.numbers("std")
    return VisionModel(network, head, groups, arch=arch, channels=3, mean=mean, std=std)


def _published(arch: str, name: str, where: str) -> Any:
    """torchvision's weights of this name: where they are, and what pictures they expect."""
    from torchvision import models

    _require_arch(arch, where=where)
    known = models.get_model_weights(arch)
    if name not in known.__members__:
        raise FieldError(f"'{name}' are no weights of '{arch}'{nearest(name, known.__members__)}", where=where)
    return known[name]


def _require_arch(arch: str, *, where: str, hint: str = "") -> None:
    from torchvision import models

    names = [name for name in models.list_models(module=models) if name not in _SEVERAL_OUTPUTS]
    if arch not in names:
        raise FieldError(f"'{arch}' is not an architecture{nearest(arch, [*names, *BLOCKS])}", where=where, hint=hint)


def _torchvision(arch: str, norm: Norm, *, where: str = "") -> nn.Module:
    """A whole torchvision network, initialised from the global generator (see :func:`initial_weights`)."""
    from torchvision import models

    _require_arch(arch, where=where, hint="Set arch." if where else "")
    options = {} if norm.kind == "batch" else {"norm_layer": norm_factory(norm)}
    try:
        network: nn.Module = models.get_model(arch, weights=None, **options)
    except (TypeError, ValueError) as error:
        if norm.kind == "batch":
            raise
        raise FieldError(
            f"'{arch}' cannot be built with norm.kind '{norm.kind}' ({error})",
            hint="Use norm.kind 'batch', or another architecture.",
        ) from None
    return network
