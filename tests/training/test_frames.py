"""A user's mistake shows few frames: from the line that runs a learner to the line that raises, at most eight."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from tests.training.test_precision import Layers, Small
from workbench import Callback, Seeds, SingleLabel
from workbench.data.loading import Batch
from workbench.data.signature import Signature
from workbench.training.callbacks import EVENTS
from workbench.training.state import State

MOST = 8
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Mine(Exception):
    """The user's."""


def mistake(*given: Any, **named: Any) -> Any:
    """Stands for the user's own line."""
    raise Mine


def frames(run: Callable[[], Any]) -> list[traceback.FrameSummary]:
    """From the user's call to the user's line, both counted."""
    with pytest.raises(Mine) as error:
        run()
    return traceback.extract_tb(error.value.__traceback__)[1:]


RATES = pytest.mark.parametrize("rate", [1e-2, "auto"], ids=["given", "auto"])


@RATES
@pytest.mark.parametrize(
    "stage", ["inputs", "forward", "loss", "metrics", "groups", "optimizer", "step", "callbacks", "train_mode"]
)
def test_a_stage(stage: str, rate: float | str, pictures: Path) -> None:
    arm = type("Arm", (Bars.but(fit__lr=rate),), {"__doc__": "x", stage: mistake})
    found = frames(lambda: arm(0, root=pictures, device="cpu").run())
    assert found[-1].name == "mistake"
    assert len(found) <= MOST, "".join(traceback.format_list(found))


@RATES
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("validate", ["never", "epoch"])
def test_a_callback(event: str, validate: str, rate: float | str, pictures: Path) -> None:
    wrong: Callback = type("Wrong", (Callback,), {event: mistake})()
    arm = Bars.but(validate=validate, fit__epochs=1, fit__batch=240, fit__lr=rate)
    found = frames(lambda: arm(0, root=pictures, device="cpu").run(callbacks=[wrong]))
    assert found[-1].name == "mistake"
    assert len(found) <= MOST, "".join(traceback.format_list(found))


class Answers(SingleLabel):
    """A target of the user's own."""

    metrics = mistake


@pytest.mark.parametrize("where", ["inputs", "forward", "metrics"])
@pytest.mark.parametrize("validate", ["never", "epoch"])
def test_a_mistake_that_shows_in_evaluation_alone(where: str, validate: str, pictures: Path) -> None:
    class Later(Bars):
        """Trains well."""

        fit = Bars.fit.but(epochs=1, batch=240)

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> Any:
            if where == "inputs" and not training:
                mistake()
            return super().inputs(batch, training=training, epoch=epoch)

        def forward(self, model: nn.Module, x: Any) -> torch.Tensor:
            if where == "forward" and not model.training:
                mistake()
            return super().forward(model, x)

    arm = Later.but(validate=validate, **{"data__target": Answers()} if where == "metrics" else {})
    found = frames(lambda: arm(0, root=pictures, device="cpu").run())
    assert found[-1].name == "mistake"
    assert len(found) <= MOST, "".join(traceback.format_list(found))


class Broken(Small):
    """A network of the user's own, with a mistake in its forward pass."""

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> nn.Module:
        layers = super().network(signature, seeds=seeds, root=root, sources=sources)
        assert isinstance(layers, Layers)
        return Wrong(*layers)


class Wrong(Layers):
    """Computes and then fails."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise Mine


@RATES
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
def test_a_networks_forward_pass(rate: float | str, device: str, pictures: Path) -> None:
    batch = 32 if rate != "auto" else "auto"
    arm = Bars.but(model=Broken(), fit__lr=rate, fit__batch=batch)
    found = frames(lambda: arm(0, root=pictures, device=device).run())
    assert found[-1].name == "forward" and found[-1].filename == __file__
    assert len(found) <= MOST, "".join(traceback.format_list(found))


def test_a_callback_that_learns_from_the_state_sees_the_line_that_ran_it(pictures: Path) -> None:
    class Loud(Callback):
        """Fails in a helper of its own, two frames further down, and is still within the limit."""

        def step_end(self, state: State) -> None:
            self._helper()

        def _helper(self) -> None:
            mistake()

    assert len(frames(lambda: Bars(0, root=pictures, device="cpu").run(callbacks=[Loud()]))) <= MOST
