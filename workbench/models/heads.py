"""Bodies and heads: a fresh linear head for the classes at hand, on a body that gives features."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from workbench.errors import FieldError
from workbench.models.groups import Groups, ungrouped
from workbench.models.initial import initial_weights
from workbench.streams import Seeds


class VisionModel(nn.Module):
    """A body, which turns pictures into features, and a head, which turns features into the target's outputs.

    Attributes: arch: the architecture's name. channels: what the body takes, 1 or 3. mean, std: what the
        weights expect pictures to be normalised by, in units of x / 255, one number a channel; None where
        nothing is expected, so that the training items' own may be used.

    Raises:
        FieldError: a parameter of the body is not in exactly one group.
    """

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        body_groups: Groups,
        *,
        arch: str,
        channels: int,
        mean: tuple[float, ...] | None = None,
        std: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.head = head
        self.arch = arch
        self.channels = channels
        self.mean = mean
        self.std = std
        # names, not modules: a module held twice would be deep-copied and moved as one, but listed as two
        names = {id(module): name for name, module in body.named_modules()}
        self._groups = [(group, [names[id(module)] for module in modules]) for group, modules in body_groups]
        outside = ungrouped(body, body_groups)
        if outside:
            raise FieldError(
                f"'{arch}' keeps the parameter '{outside[0]}' outside of its blocks, so it cannot be grouped",
                hint="Use a convolutional architecture such as mobilenet_v2 or resnet18.",
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of shape (b, width of the target) for float32 pictures of shape (b, channels, h, w)."""
        output: torch.Tensor = self.head(self.body(x))
        return output

    def describe(self) -> dict[str, Any]:
        """The architecture and the channels."""
        return {"arch": self.arch, "channels": self.channels}

    def groups(self) -> Groups:
        """From the stem over the blocks to the head; every parameter is in exactly one group."""
        body: Groups = [(group, [self.body.get_submodule(name) for name in names]) for group, names in self._groups]
        return [*body, ("head", [self.head])]


def fresh_head(features: int, classes: int, seeds: Seeds) -> nn.Linear:
    """A linear layer with torch's default initial weights, from the stream (seeds.init, "head")."""
    with initial_weights(seeds.init, "head"):
        return nn.Linear(features, classes)


def cut_head(network: nn.Module, arch: str) -> tuple[str, nn.Linear | nn.Conv2d]:
    """Takes the last linear layer out of a classification network, which then gives features.

    Where there is none (SqueezeNet), it is the last convolution of single pixels: it is linear, and what is averaged
    over the picture after it may as well be averaged before.

    Returns:
        The layer's name in the network and the layer.

    Raises:
        FieldError: there is no such layer.
    """
    layers = list(network.named_modules())
    linear = [(name, layer) for name, layer in layers if isinstance(layer, nn.Linear)]
    single = [(name, layer) for name, layer in layers if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
    found: list[tuple[str, nn.Linear | nn.Conv2d]] = [*single[-1:], *linear[-1:]]
    if not found:
        raise FieldError(f"'{arch}' does not end in a linear layer", hint="Use e.g. mobilenet_v2 or resnet18.")
    name, layer = found[-1]
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, nn.Identity())
    return name, layer


def features_of(head: nn.Linear | nn.Conv2d) -> int:
    """How many numbers a head takes."""
    return head.in_features if isinstance(head, nn.Linear) else head.in_channels


def same_head(head: nn.Linear | nn.Conv2d, classes: int) -> nn.Linear | nn.Conv2d:
    """A head of the same kind for another number of classes."""
    features = features_of(head)
    return nn.Linear(features, classes) if isinstance(head, nn.Linear) else nn.Conv2d(features, classes, 1)
