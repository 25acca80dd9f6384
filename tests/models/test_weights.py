"""Weights files are read as float32 tensors and plain values, and loaded whole or not at all."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from workbench.errors import DataError, FieldError
from workbench.models.weights import Weights, load_strictly, read_weights


def test_both_formats_give_the_same_as_float32(tmp_path: Path) -> None:
    state = {"a": torch.randn(3, 2, dtype=torch.bfloat16), "n": torch.tensor(4)}
    torch.save(state, tmp_path / "w.pth")
    save_file(state, str(tmp_path / "w.safetensors"))
    for name in ("w.pth", "w.safetensors"):
        found = read_weights(tmp_path / name, name)
        assert found.tensors["a"].dtype == torch.float32 and found.tensors["n"].dtype == torch.int64
        assert torch.equal(found.tensors["a"], state["a"].float()) and found.meta == {}


@pytest.mark.parametrize("together", [True, False])
def test_values_beside_the_tensors(tmp_path: Path, together: bool) -> None:
    meta = {"arch": "resnet8", "mean": [0.5], "norm": {"part": "Norm", "kind": "group"}}
    raw = {"workbench": json.dumps(meta)} if together else {name: json.dumps(value) for name, value in meta.items()}
    save_file({"a": torch.zeros(1)}, str(tmp_path / "w.safetensors"), metadata=raw)
    found = read_weights(tmp_path / "w.safetensors", "w")
    assert found.meta == meta and found.numbers("mean") == (0.5,) and found.norm_kind() == "group"
    with pytest.raises(DataError, match="do not say 'std'"):
        found.numbers("std")


def stored(path: Path, **meta: Any) -> Path:
    """A weights file as it lies on a disk, byte by byte: reading it may not change when writing does."""
    tensor = {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}
    header = json.dumps({"__metadata__": {"workbench": json.dumps(meta)}, "weight": tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<2f", 0.5, -2.0))
    return path


def test_files_of_format_1_are_read_for_good(tmp_path: Path) -> None:
    found = read_weights(stored(tmp_path / "w.safetensors", format=1, arch="resnet8"), "w")
    assert found.tensors["weight"].tolist() == [[0.5, -2.0]] and found.meta == {"format": 1, "arch": "resnet8"}


@pytest.mark.parametrize("format", [2, 0, "1b", None])
def test_another_format_is_refused(format: object, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        read_weights(stored(tmp_path / "w.safetensors", format=format), "experiments/source")
    assert str(refused.value) == (
        f"experiments/source: these weights are of format {format}, and this version of workbench reads format 1. "
        "Take the version that wrote them (git pull && ./setup), or train them anew: wb run"
    )


def test_kind_of_normalisation() -> None:
    assert Weights({"bn.running_mean": torch.zeros(1)}, "w").norm_kind() == "batch"
    assert Weights({"bn.weight": torch.zeros(1)}, "w").norm_kind() is None
    assert Weights({}, "w", {"norm": "none"}).norm_kind() == "none"


def test_every_name_and_shape_has_to_fit() -> None:
    layer = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    state = {name: torch.ones_like(value) for name, value in layer.state_dict().items()}
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    wrong = {**state, "0.weight": torch.ones(3, 5), "extra": torch.ones(1)}
    del wrong["0.bias"]
    with pytest.raises(
        FieldError,
        match=r"w: .*'net': 1 tensors missing, 1 left over, 1 of another shape, e\.g\. '0\.weight' of another shape, "
        r"'0.bias' missing, 'extra' left over\. Set arch",
    ):
        load_strictly(layer, Weights(wrong, "w"), "net")
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    load_strictly(layer, Weights(state, "w"), "net")
    assert all((value == 1).all() for value in layer.state_dict().values())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "net.body."])
def test_a_wrappers_prefix_is_named(prefix: str) -> None:
    layer = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    wrapped = {prefix + name: value for name, value in layer.state_dict().items()}
    with pytest.raises(FieldError, match=f"begin with '{prefix}': save the state_dict\\(\\) of the network inside"):
        load_strictly(layer, Weights({**wrapped, "other": torch.ones(1)}, "w"), "net")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_of_a_run_that_diverged_are_refused(value: float) -> None:
    layer = nn.Linear(2, 3)
    with pytest.raises(DataError, match="w: the weights hold infinite values or such that are no numbers, in 'bias'"):
        load_strictly(layer, Weights({**layer.state_dict(), "bias": torch.tensor([0, 1, value])}, "w"), "net")
    assert bool(layer.bias.isfinite().all())


def test_files_from_before_batch_counters_load() -> None:
    layer = nn.BatchNorm1d(3)
    state = {name: torch.ones(3) for name in ("weight", "bias", "running_mean", "running_var")}
    load_strictly(layer, Weights(state, "w"), "net")
    assert layer.running_mean is not None and (layer.running_mean == 1).all()
