"""Devices and reproducibility: an absent GPU is said clearly, and every setting is put back."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from workbench.errors import DeviceError, FieldError
from workbench.training.device import pick_device, reproducible, seed_step

CPU = torch.device("cpu")


def settings() -> tuple[Any, ...]:
    """Everything global that a run pins."""
    return (
        torch.get_num_threads(),
        torch.backends.cudnn.benchmark,
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.allow_tf32,
    )


def test_a_gpu_that_is_not_there_is_an_error_of_usage_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError) as found:
        pick_device("cuda")
    assert found.value.exit_code == 2
    assert str(found.value) == ("device 'cuda' is not there: torch sees 0 GPUs. Type --device cpu, or see `wb doctor`")


@pytest.mark.parametrize(("name", "there"), [("cuda:1", True), ("cuda:2", False), ("cuda", True)])
def test_a_gpus_number_counts_from_0(monkeypatch: pytest.MonkeyPatch, name: str, there: bool) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if there:
        assert str(pick_device(name)) == name
    else:
        with pytest.raises(DeviceError, match="torch sees 2 GPUs"):
            pick_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "cuda:", "cpu:fast", "CUDA", ""])
def test_what_is_no_device_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match=f"'{name}' is not a device"):
        pick_device(name)


@pytest.mark.parametrize("gpu", [True, False])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, gpu: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert pick_device("auto").type == ("cuda" if gpu else "cpu")


@pytest.mark.parametrize("level", ["fast", "seeded", "strict"])
def test_settings_and_random_state_come_back_after_an_exception(level: Any) -> None:
    before, drawn = settings(), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), reproducible(level, before[0] + 1, CPU):
        torch.manual_seed(1)
        inside = settings()
        raise ZeroDivisionError
    assert inside[:3] == (before[0] + 1, level == "fast", level == "strict")
    assert inside[4] == ("highest" if level == "strict" else "high")
    assert inside[5:] == (level != "fast", level != "strict")
    assert before[5:] == (False, True), "else nothing is put back"
    assert settings() == before
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_callers_own_strictness_comes_back_as_it_was() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = settings()
        with reproducible("strict", 1, CPU):
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert settings() == before
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_misspelt_level_is_refused_before_anything_is_set() -> None:
    before = settings()
    with pytest.raises(FieldError, match="did you mean 'seeded'"), reproducible("sedeed", 3, CPU):  # type: ignore[arg-type]
        pass
    assert settings() == before


def test_draws_after_seed_step_are_a_function_of_the_key() -> None:
    def drawn(key: int) -> list[float]:
        seed_step(CPU, key)
        values: list[float] = torch.rand(4).tolist()
        return values

    with reproducible("seeded", 1, CPU):
        assert drawn(3) == drawn(3)
        assert drawn(3) != drawn(4)


@pytest.mark.parametrize("threads", [0, "2"])
def test_so_are_threads_that_cannot_be(threads: Any) -> None:
    before = settings()
    with pytest.raises(FieldError, match="it takes a whole number from 1"), reproducible("seeded", threads, CPU):
        pass
    assert settings() == before
