"""The micro batch: halved until it fits."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from workbench.data.items import Items
from workbench.data.values import Ragged
from workbench.errors import DeviceError
from workbench.training.checkpoint import weights_hash
from workbench.training.memory import _heaviest, fitting_micro, step_fits
from workbench.training.trials import finish


@pytest.mark.parametrize(("room", "found"), [(1000, None), (100, None), (99, 50), (13, 13), (12, 7), (1, 1)])
def test_it_is_halved_until_it_fits(room: int, found: int | None) -> None:
    tried: list[int] = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= room

    assert finish(fitting_micro(100, lambda size: functools.partial(fits, size))) == found
    assert tried == [100, 50, 25, 13, 7, 4, 2, 1][: len(tried)]


def test_when_one_item_is_too_many_it_says_what_to_do() -> None:
    with pytest.raises(DeviceError, match=r"one item does not fit .* Take smaller inputs or a smaller model"):
        finish(fitting_micro(8, lambda size: lambda: False))


def test_a_step_that_fits_is_done_and_leaves_the_run_alone(pictures: Path) -> None:
    learner = Bars(0, root=pictures, device="cpu")
    plain = weights_hash(Bars(0, root=pictures, device="cpu").run().model)
    assert step_fits(learner)
    assert weights_hash(learner.run().model) == plain


def test_a_step_that_does_not_fit_is_told_and_other_errors_are_not(pictures: Path) -> None:
    class Full(Bars):
        """As torch does when memory is full."""

        def forward(self, model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    class Wrong(Bars):
        """Somebody's own mistake."""

        def forward(self, model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
            raise KeyError("mine")

    assert not step_fits(Full(0, root=pictures, device="cpu"))
    with pytest.raises(KeyError, match="mine"):
        step_fits(Wrong(0, root=pictures, device="cpu"))


def test_the_longest_texts_are_the_heaviest() -> None:
    texts = Ragged.of([[1], [1, 2, 3], [1, 2], [4, 5, 6]])
    assert _heaviest(Items(texts, torch.zeros(4), ("a", "b", "c", "d"))).tolist() == [1, 3, 2, 0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_that_is_nearly_full_gets_a_smaller_one(pictures: Path) -> None:
    from workbench import Network

    torch.cuda.set_per_process_memory_fraction(0.002)
    try:
        arm = Bars.but(model=Network("resnet20", width=64), fit__batch=240)
        learners = {size: arm.but(fit__micro=size)(0, root=pictures, device="cuda") for size in (240, 120, 60, 30, 15)}
        found = finish(fitting_micro(240, lambda size: functools.partial(step_fits, learners[size])))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert found is not None and found < 240
