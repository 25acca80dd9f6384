"""Items keep inputs, targets and keys together, and are copied to a device once."""

import pytest
import torch

from workbench.data.items import Items


def make(n: int = 6, channels: int = 1) -> Items:
    inputs = (torch.arange(n * channels * 64) % 251).to(torch.uint8).view(n, channels, 8, 8)
    return Items(inputs, torch.arange(n), tuple(f"{k:016x}" for k in range(n)))


def test_subset_keeps_order_and_partners() -> None:
    items = make().subset(torch.tensor([4, 1]))
    assert len(items) == 2 and items.targets.tolist() == [4, 1]
    assert items.keys == (f"{4:016x}", f"{1:016x}") and torch.equal(items.inputs, make().inputs[[4, 1]])


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Items(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), ("a", "b"))


def test_copied_once() -> None:
    items = make()
    assert items.to("cpu") is items
    assert items.to("meta") is items.to(torch.device("meta"))


def test_channel_statistics_equal_the_floats() -> None:
    items = make(n=40, channels=3)
    mean, std = items.channel_statistics()
    floats = items.inputs.double() / 255
    assert mean == pytest.approx(floats.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(floats.std((0, 2, 3), correction=0).tolist(), abs=1e-12)


def test_constant_channel_has_unit_deviation() -> None:
    black = Items(torch.zeros(2, 1, 8, 8, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), ("a", "b"))
    assert black.channel_statistics() == ((0.0,), (1.0,))
