"""On a GPU: no step waits for the device, and a run repeats bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import Bars
from tests.training.test_resuming import Meddled, Saves, outcome
from workbench import Callback, Mix
from workbench.training.checkpoint import weights_hash
from workbench.training.state import State

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


class Strict(Callback):
    """From the second step to the fiftieth any synchronisation raises."""

    reached = 0

    def step_begin(self, state: State) -> None:
        """The first step makes what is kept on the device (libraries' workspaces, the pictures' statistics)."""
        if state.step == 1:
            torch.cuda.synchronize()
            torch.cuda.set_sync_debug_mode("error")

    def step_end(self, state: State) -> None:
        """The loop flushes the losses, which waits, once they are fifty."""
        self.reached = state.step
        if state.step == 49:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("mix", [None, Mix(mixup=0.2, cutmix=1.0)])
def test_no_step_waits_for_the_device(pictures: Path, mix: Mix | None) -> None:
    watch = Strict()
    arm = Bars.but(fit__epochs=1, fit__batch=4, fit__micro=3, fit__mix=mix)
    try:
        arm(0, root=pictures, device="cuda").run(callbacks=[watch])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert watch.reached == 60


def test_a_run_repeats_bit_for_bit(pictures: Path) -> None:
    arm = Bars.but(level="strict")
    hashes = {weights_hash(arm(0, root=pictures, device="cuda").run().model) for _ in range(2)}
    assert len(hashes) == 1


def test_it_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(pictures: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(SystemExit):
        Meddled(0, root=pictures, device="cuda").run(callbacks=[Saves(path, 13, "step_end")])
    whole, rest = (outcome(Meddled(0, root=pictures, device="cuda").run(resume=each)) for each in (None, path))
    assert rest == whole
