"""Networks for pictures, from scratch or with weights: our small residual ones and torchvision's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.data.picture_size import TRAINED_AT
from workbench.data.signature import Kind, Signature
from workbench.errors import DataError, FieldError, nearest
from workbench.models.fetched import fetched
from workbench.models.groups import body_groups
from workbench.models.heads import VisionModel, cut_head, features_of, fresh_head, same_head
from workbench.models.initial import initial_weights
from workbench.models.model import Model
from workbench.models.norm import Norm, norm_factory
from workbench.models.patches import PatchBody, resized_places
from workbench.models.resnet import BLOCKS, SmallResNet
from workbench.models.weights import Weights, load_strictly, read_weights
from workbench.streams import Seeds

_FURTHER_HEADS = {"googlenet": ("aux1.", "aux2."), "inception_v3": ("AuxLogits.",)}
"""Architectures with heads in the middle as well, and what the names of their weights begin with: they are left out."""

_PLACES = ("encoder.pos_embedding", "body.stem.places")
"""What a vision transformer's places are called by torchvision and by us."""


class Network(Model):
    """A network with random weights from the stream (seeds.init, "init").

    ``arch``: "resnet8", "resnet20" (small pictures; grey or colour), or the name of a torchvision
    classification architecture such as "mobilenet_v2", "resnet18" or "vit_b_16" (colour; grey pictures are repeated;
    heads in the middle, of GoogLeNet and Inception, are left out).
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
            body, features = _headless(_torchvision(self.arch, self.norm, signature.size), self.arch)
        head = fresh_head(features, outputs, seeds)
        model = VisionModel(body, head, body_groups(body), arch=self.arch, channels=3)
        return _tried(model, signature.size, self.norm)


class Pretrained(Model):
    """A network that starts from weights; only the head is fresh.

    ``weights``: a file under data/ with a torchvision state dict (.pth or .safetensors);
    "experiments/NAME" or "experiments/NAME:Arm" for what another experiment trained; or "torchvision/resnet18"
    for torchvision's best weights of that architecture ("torchvision/resnet50:IMAGENET1K_V1" for others), which are
    downloaded once and checked by the hash in their name. ``arch``: "auto" takes
    it from the weights' own description, else from the name ("data/mobilenet_v2.pth"). ``norm``: its
    kind has to be the weights' own. A vision transformer's places are interpolated to the pictures' size.

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
            make = _ours if "arch" in weights.meta else _theirs
            model = make(arch, weights, self.norm, signature.size)
        if model.channels < channels:
            raise FieldError(
                f"the pictures have {channels} channels and {self.weights} takes {model.channels}",
                hint="Set channels=1 in the data.",
            )
        assert isinstance(model.head, nn.Linear)
        model.head = fresh_head(model.head.in_features, signature.outputs, seeds)
        return model if arch in BLOCKS else _tried(model, signature.size, self.norm)

    def _read(self, root: Path, sources: Mapping[str, Path]) -> Weights:
        if (named := self._torchvisions()) is None:
            return read_weights(self.weights_path(self.weights, root, sources), self.weights)
        published = _published(*named, self.weights)
        weights = read_weights(fetched(published.url, self.weights), self.weights)
        return replace(weights, meta=_expected(named[0], published))

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


def _ours(arch: str, weights: Weights, norm: Norm, size: int) -> VisionModel:
    """The network that a run of ours saved, with its head; width and channels are the tensors' own."""
    mean, std = weights.numbers("mean"), weights.numbers("std")
    head = weights.tensors.get("head.weight")
    if head is None:
        raise DataError("the weights have no head", where=weights.where, hint="Train the source anew.")
    if arch in BLOCKS:
        stem = weights.tensors.get("body.stem.0.weight")
        width, channels = (16, 3) if stem is None else (int(stem.shape[0]), int(stem.shape[1]))
        small = SmallResNet(arch, channels=channels, width=width, norm=norm)
        model = _small(small, arch, channels, nn.Linear(small.features, len(head)), mean, std)
    else:
        body, features = _headless(_torchvision(arch, norm, size), arch)
        new = nn.Linear(features, len(head))
        model = VisionModel(body, new, body_groups(body), arch=arch, channels=3, mean=mean, std=std)
    load_strictly(model, _placed(weights, model), arch)
    return model


def _theirs(arch: str, weights: Weights, norm: Norm, size: int) -> VisionModel:
    """A torchvision network with a torchvision state dict, and a head of no use."""
    if arch in BLOCKS:
        raise FieldError(
            f"'{arch}' is not an architecture that such a file has weights for",
            where=weights.where,
            hint="Start from 'experiments/NAME', or set arch.",
        )
    network = _torchvision(arch, norm, size, where=weights.where)
    name, old = cut_head(network, arch)
    rows = weights.tensors.get(f"{name}.weight")
    network.set_submodule(name, same_head(old, 1 if rows is None else len(rows)))
    further = _FURTHER_HEADS.get(arch, ())
    kept = {key: value for key, value in weights.tensors.items() if not key.startswith(further)} if further else None
    load_strictly(network, _placed(weights if kept is None else replace(weights, tensors=kept), network), arch)
    body, features = _headless(network, arch)
    says = weights if weights.meta else replace(weights, meta=_expected(arch))
    mean, std = says.numbers("mean"), says.numbers("std")
    return VisionModel(body, nn.Linear(features, 1), body_groups(body), arch=arch, channels=3, mean=mean, std=std)


def _headless(network: nn.Module, arch: str) -> tuple[nn.Module, int]:
    """What gives features, every parameter of it in a block, and how many."""
    from torchvision.models import VisionTransformer

    _, head = cut_head(network, arch)
    return PatchBody(network) if isinstance(network, VisionTransformer) else network, features_of(head)


def _placed(weights: Weights, model: nn.Module) -> Weights:
    """The weights with the places of as many patches as ``model`` has."""
    wanted = model.state_dict()
    resized = {
        name: resized_places(weights.tensors[name], math.isqrt(wanted[name].shape[1] - 1))
        for name in _PLACES
        if name in wanted and name in weights.tensors
    }
    return replace(weights, tensors={**weights.tensors, **resized}) if resized else weights


def _tried(model: VisionModel, size: int, norm: Norm) -> VisionModel:
    """The model, in train mode, if a black picture of that size gets through it.

    From the size on that their weights were trained with, all of torchvision's take any, or say so when they are made.

    Raises:
        FieldError: the picture gets too small on its way, or the normalisation meets what it is not made for.
    """
    usual = norm.kind == "batch"
    if not size or (usual and size >= TRAINED_AT):
        return model
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, model.channels, size, size))
    except (RuntimeError, AssertionError) as error:
        raise FieldError(
            f"'{model.arch}' takes no pictures of {size} pixels{'' if usual else f' with norm.kind {norm.kind!r}'} "
            f"({str(error).splitlines()[0]})",
            hint=f"Set size={TRAINED_AT} in the data, or take another architecture."
            if usual
            else "Use norm.kind 'batch', or another architecture.",
        ) from None
    model.train()
    return model


def _expected(arch: str, published: Any = None) -> dict[str, Any]:
    """Mean and deviation that weights of torchvision expect: of those ``published``, else of the architecture's best.

    GoogLeNet's and Inception's expect 0.5 and 0.5: torchvision gets there inside the network, from ImageNet's.
    """
    from torchvision import models

    if arch in _FURTHER_HEADS:
        return {"mean": [0.5] * 3, "std": [0.5] * 3}
    transforms = (published or models.get_model_weights(arch).DEFAULT).transforms()
    return {"mean": list(transforms.mean), "std": list(transforms.std)}


def _published(arch: str, name: str, where: str) -> Any:
    """torchvision's weights of this name: where they are, and what pictures they expect."""
    from torchvision import models

    _require_arch(arch, where=where)
    known = models.get_model_weights(arch)
    if name not in known.__members__:
        raise FieldError(f"'{name}' are no weights of '{arch}'{nearest(name, known.__members__)}", where=where)
    return known[name]


def architectures() -> list[str]:
    """The names that :class:`Network` takes: torchvision's, and the small residual networks."""
    from torchvision import models

    return [*models.list_models(module=models), *BLOCKS]


def _require_arch(arch: str, *, where: str, hint: str = "") -> None:
    names = architectures()
    if arch not in names or arch in BLOCKS:
        raise FieldError(f"'{arch}' is not an architecture{nearest(arch, names)}", where=where, hint=hint)


def _torchvision(arch: str, norm: Norm, size: int, *, where: str = "") -> nn.Module:
    """A whole torchvision network, initialised from the global generator (see :func:`initial_weights`)."""
    from torchvision import models

    _require_arch(arch, where=where, hint="Set arch." if where else "")
    options: dict[str, Any] = {} if norm.kind == "batch" else {"norm_layer": norm_factory(norm)}
    try:
        network: nn.Module = models.get_model(arch, weights=None, **options, **_sized(arch, size or TRAINED_AT))
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        if norm.kind == "batch":
            raise FieldError(
                f"'{arch}' takes no pictures of {size} pixels ({reason})",
                where=where,
                hint=f"Set size={TRAINED_AT} in the data, or take another architecture.",
            ) from None
        raise FieldError(
            f"'{arch}' cannot be built with norm.kind '{norm.kind}' ({reason})",
            hint="Use norm.kind 'batch', or another architecture.",
        ) from None
    return network


def _sized(arch: str, size: int) -> dict[str, Any]:
    """What some of torchvision's constructors have to be told: the pictures' size, or to leave further heads out.

    Raises:
        FieldError: a picture that cannot be cut into whole patches.
    """
    if arch in _FURTHER_HEADS:
        return {"aux_logits": False, "init_weights": True}
    if arch.startswith("maxvit"):
        return {"input_size": (size, size)}
    if not arch.startswith("vit_"):
        return {}
    patch = int(arch.rpartition("_")[2])  # vit_b_16 cuts pictures into patches of 16 x 16 pixels
    if size % patch:
        raise FieldError(
            f"'{arch}' takes pictures of a multiple of {patch} pixels, and they have {size}",
            hint=f"Set size={max(patch, size - size % patch)} in the data.",
        )
    return {"image_size": size}
