"""Precision and compilation: what "auto" means where, that both train, and that names and numbers stay."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from tests.training.test_resuming import Saves, interrupted, outcome, undisturbed
from workbench import Seeds
from workbench.data.signature import Signature
from workbench.errors import FieldError
from workbench.models.groups import Groups
from workbench.models.initial import initial_weights
from workbench.models.model import Model
from workbench.training.precision import compile_forward, pick_numbers

CPU = torch.device("cpu")


class Layers(nn.Sequential):
    """Few enough to be compiled in seconds."""

    arch = "layers"

    def groups(self) -> Groups:
        """One that computes, and the head."""
        return [("block1", [*self[:3]]), ("head", [self[3]])]

    def describe(self) -> dict[str, Any]:
        """Nothing to add."""
        return {"arch": self.arch}


class Small(Model):
    """A network of two layers."""

    kinds = ("image",)

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> nn.Module:
        with initial_weights(seeds.init, "init"):
            inputs, outputs = signature.channels * signature.size**2, signature.outputs
            return Layers(nn.Flatten(), nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def test_on_a_cpu_auto_is_float32_and_bfloat16_has_to_be_asked_for() -> None:
    assert pick_numbers("auto", CPU, "fast").name == "float32"
    assert pick_numbers("bfloat16", CPU, "strict").name == "bfloat16"


@pytest.mark.parametrize(
    ("capability", "level", "name"),
    [
        ((9, 0), "seeded", "bfloat16"),
        ((8, 0), "fast", "bfloat16"),
        ((7, 5), "fast", "float32"),
        ((9, 0), "strict", "float32"),
    ],
)
def test_on_a_gpu_auto_is_bfloat16_where_it_can_and_may(
    capability: tuple[int, int], level: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A GPU")
    found = pick_numbers("auto", torch.device("cuda"), level)  # type: ignore[arg-type]
    assert found.name == name
    assert found.why


class Half(Bars):
    """In half the digits."""

    precision = "bfloat16"


def test_bfloat16_trains_with_float32_weights_losses_and_outputs(pictures: Path) -> None:
    seen: list[tuple[torch.dtype, torch.dtype]] = []

    class Looks(Half):
        """Notes what it gets."""

        def forward(self, model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
            output = super().forward(model, x)
            seen.append((x.dtype, output.dtype))
            return output

        def loss(self, output: torch.Tensor, batch: object) -> torch.Tensor:
            assert output.dtype == torch.float32
            return super().loss(output, batch)  # type: ignore[arg-type]

    result = Looks(0, root=pictures, device="cpu").run()
    assert set(seen) == {(torch.float32, torch.bfloat16)}
    assert {value.dtype for value in result.model.parameters()} == {torch.float32}
    assert result.metrics["test/error"] < 0.3
    plain = undisturbed(Bars, pictures)
    assert result.metrics["test/loss"] != plain[1]["test/loss"]


def test_a_callers_autocast_does_not_reach_a_float32_network(pictures: Path) -> None:
    seen: list[torch.dtype] = []

    class Looks(Bars):
        """Notes what it gives."""

        fit = Bars.fit.but(epochs=1)

        def forward(self, model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
            output = super().forward(model, x)
            seen.append(output.dtype)
            return output

    with torch.autocast("cpu", torch.bfloat16):
        Looks(0, root=pictures, device="cpu").run()
    assert set(seen) == {torch.float32}


def test_bfloat16_resumes_bit_for_bit(pictures: Path, tmp_path: Path) -> None:
    rest = interrupted(Half, pictures, Saves(tmp_path / "c.safetensors", 13, "step_end"))
    assert rest == undisturbed(Half, pictures)


@pytest.mark.parametrize("kind", ["text", "pairs"])
def test_texts_are_not_compiled(kind: str) -> None:
    with pytest.raises(FieldError, match=r"another length.*Leave compile at False"):
        compile_forward(torch.nn.Linear(1, 1), kind)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for the CPU with g++, which is not here")
def test_a_compiled_forward_gives_the_same_numbers_under_the_same_names(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    arm = Bars.but(model=Small(), fit__epochs=1, fit__batch=120)
    plain, fast = (arm.but(compile=each)(0, root=pictures, device="cpu").run() for each in (False, True))
    assert list(fast.model.state_dict()) == list(plain.model.state_dict())
    for one, two in zip(plain.model.parameters(), fast.model.parameters(), strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6)
    assert fast.metrics == pytest.approx(plain.metrics, rel=1e-4)
    assert fast.model._compiled_call_impl is not None and plain.model._compiled_call_impl is None
    assert copy.deepcopy(fast.model)._compiled_call_impl is None
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    whole = outcome(arm.but(compile=True)(0, root=pictures, device="cpu").run())
    assert interrupted(arm.but(compile=True), pictures, Saves(tmp_path / "c.safetensors", 1, "step_end")) == whole
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs, "runs alike share what was compiled"
    other = copy.deepcopy(fast.model).eval()
    compile_forward(other, "image", 60, None)
    with torch.no_grad():
        other(torch.zeros(120, 1, 12, 12))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs + 1, "another run begins anew"
