"""Small residual networks have the paper's shapes, and train without normalisation."""

from pathlib import Path

import pytest
import torch
from torch import nn

from workbench.data.signature import Signature
from workbench.models.heads import VisionModel
from workbench.models.initial import initial_weights
from workbench.models.norm import Norm
from workbench.models.resnet import FixupBlock
from workbench.models.vision import Network
from workbench.streams import Seeds


def build(arch: str = "resnet8", kind: str = "batch", channels: int = 1, seed: int = 0, width: int = 16) -> VisionModel:
    network = Network(arch, norm=Norm(kind=kind), width=width)  # type: ignore[arg-type]
    return network.build(Signature("image", 10, channels=channels), seeds=Seeds.of(seed), root=Path())


def size(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_sizes() -> None:
    assert size(build()) == 77_754
    # He et al. 2016, table 6: 0.27 million; the projections at the two changes of shape add 2,560 + norms
    assert size(build("resnet20", channels=3)) == pytest.approx(270_000, rel=0.02)
    assert size(build(width=24)) == pytest.approx(size(build()) * 2.25, rel=0.02)


@pytest.mark.parametrize("arch", ["resnet8", "resnet20"])
@pytest.mark.parametrize("kind", ["batch", "group", "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_runs_and_has_only_its_norm(arch: str, kind: str, channels: int) -> None:
    model = build(arch, kind, channels)
    assert model(torch.randn(2, channels, 28, 28)).shape == (2, 10) and model.channels == channels
    kinds = {type(layer).__name__ for layer in model.modules() if "Norm" in type(layer).__name__}
    assert kinds == {"batch": {"BatchNorm2d"}, "group": {"GroupNorm"}, "none": set()}[kind]


def test_stem_halves_only_in_resnet8() -> None:
    x = torch.zeros(1, 1, 32, 32)
    assert build("resnet8").body.stem(x).shape == (1, 16, 16, 16)  # type: ignore[operator]
    assert build("resnet20").body.stem(x).shape == (1, 16, 32, 32)  # type: ignore[operator]


def test_fixup_begins_as_its_shortcut() -> None:
    with initial_weights(0, "test"):
        block = FixupBlock(4, 4, 1, total=9)
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(block(x), x.relu())
    assert block.conv1.weight.std().item() == pytest.approx((2 / (4 * 9)) ** 0.5 / 3, rel=0.2)


@pytest.mark.parametrize("kind", ["batch", "group", "none"])
def test_learns(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(64) % 4
    x = torch.randn(64, 1, 16, 16, generator=generator) + 2 * torch.eye(4)[y].repeat_interleave(4, 1)[:, None, :, None]
    model = build(kind=kind)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(25):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3
