"""Small residual networks for small pictures (He et al. 2016, section 4.2), with any normalisation or none."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from workbench.models.groups import Groups
from workbench.models.norm import Norm, norm_factory

BLOCKS = {"resnet8": 1, "resnet20": 3}
"""Basic blocks in each of the three stages."""


class SmallResNet(nn.Module):
    """Pictures (b, channels, h, w) to features (b, 4 * width): a 3x3 stem, three stages of basic blocks, a mean.

    Stages have ``width``, 2 ``width`` and 4 ``width`` channels and the last two halve the side. resnet20 is
    the paper's; resnet8 has one block a stage and a stem of stride 2, for minutes on a CPU. Without
    normalisation the blocks are Fixup's, see :class:`FixupBlock`.

    Args:
        arch: ``"resnet8"`` or ``"resnet20"``.
        channels: of the pictures, 1 or 3.
        width: channels of the first stage.
        norm: only its kind and momentum are used here.
    """

    def __init__(self, arch: str, *, channels: int, width: int, norm: Norm) -> None:
        super().__init__()
        make = norm_factory(norm)
        stride = 2 if arch == "resnet8" else 1
        bare = norm.kind == "none"
        self.stem = nn.Sequential(_conv(channels, width, stride, bias=bare), make(width), nn.ReLU(inplace=True))
        depth = BLOCKS[arch]
        blocks: list[nn.Module] = []
        inside = width
        for stage in range(3):
            for position in range(depth):
                step = 2 if stage and not position else 1
                outside = width * 2**stage
                if bare:
                    blocks.append(FixupBlock(inside, outside, step, total=3 * depth))
                else:
                    blocks.append(BasicBlock(inside, outside, step, make))
                inside = outside
        self.blocks = nn.Sequential(*blocks)
        self.features = inside

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of shape (b, 4 * width)."""
        x = self.blocks(self.stem(x))
        return x.mean((2, 3))

    def groups(self) -> Groups:
        """The stem, then one group a block."""
        blocks: Groups = [(f"block{number}", [block]) for number, block in enumerate(self.blocks, 1)]
        return [("stem", [self.stem]), *blocks]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with normalisation around a shortcut, which is projected where the shape changes."""

    def __init__(self, inside: int, outside: int, stride: int, make: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1 = _conv(inside, outside, stride), make(outside)
        self.conv2, self.norm2 = _conv(outside, outside, 1), make(outside)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(_conv(inside, outside, stride, kernel=1), make(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, inside, h, w) to (b, outside, h / stride, w / stride)."""
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class FixupBlock(nn.Module):
    """A basic block that trains without normalisation (Zhang et al. 2019, "Fixup initialization").

    The branch begins as zero: its last convolution is zero, its first one is scaled by ``total ** -1/2`` (the
    paper's L^(-1/(2m-2)) for m = 2 layers a branch). A scalar bias stands before each convolution and each
    activation, a scalar multiplier at the end of the branch.
    """

    def __init__(self, inside: int, outside: int, stride: int, *, total: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(inside, outside, stride), _conv(outside, outside, 1)
        with torch.no_grad():
            self.conv1.weight.mul_(total**-0.5)
            self.conv2.weight.zero_()
        self.bias1a, self.bias1b, self.bias2a, self.bias2b = (nn.Parameter(torch.zeros(1)) for _ in range(4))
        self.scale = nn.Parameter(torch.ones(1))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = _conv(inside, outside, stride, kernel=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(b, inside, h, w) to (b, outside, h / stride, w / stride)."""
        inner = functional.relu(self.conv1(x + self.bias1a) + self.bias1b)
        branch = self.conv2(inner + self.bias2a) * self.scale + self.bias2b
        return functional.relu(branch + self.shortcut(x + self.bias1a))


def _conv(inside: int, outside: int, stride: int, *, kernel: int = 3, bias: bool = False) -> nn.Conv2d:
    """A convolution with He initialisation (He et al. 2015)."""
    conv = nn.Conv2d(inside, outside, kernel, stride, padding=kernel // 2, bias=bias)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv
