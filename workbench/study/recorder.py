"""The callback that writes a run down: history to the journal, then a checkpoint, in that order.

A checkpoint never knows more than the journal, so whatever a kill leaves behind, the resumed run writes only what is
missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.record.journal import Journal
from workbench.training.callbacks import Callback
from workbench.training.checkpoint import save_checkpoint, save_weights
from workbench.training.prepared import weights_meta
from workbench.training.state import State

Report = Callable[[int, int, str], None]


class Recorder(Callback):
    """Records a run into its folder.

    Args:
        journal: the run's open journal.
        report: told (steps done, steps in all, text) at most five times a second.
        interrupted: asked after every step; True saves a checkpoint and raises KeyboardInterrupt.
        seconds: how often a checkpoint is written; ``Recorder.SECONDS`` unless told otherwise.
    """

    SECONDS = 20.0

    def __init__(
        self, journal: Journal, report: Report, interrupted: Callable[[], bool], seconds: float | None = None
    ) -> None:
        self.journal, self.report, self.interrupted = journal, report, interrupted
        self.seconds = self.SECONDS if seconds is None else seconds
        self.facts: dict[str, Any] = {}
        self._saved = self._told = self._began = time.monotonic()

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint lies."""
        return self.journal.folder / "checkpoint.safetensors"

    def begin(self, state: State) -> None:
        """Notes how far an earlier attempt had come, and clears away what it was writing when it was killed."""
        for torn in self.journal.folder.glob(".*.safetensors.*"):
            torn.unlink(missing_ok=True)
        if state.step:
            self.journal.event("resumed at", step=state.step)
        self._began = time.monotonic()
        self.report(state.step, state.steps, "")

    def step_end(self, state: State) -> None:
        """Progress by time; a checkpoint when it is due or when the run is to stop."""
        now = time.monotonic()
        if now - self._told > 0.2:
            self._told = now
            self.report(state.step, state.steps, f"epoch {state.epoch + 1}")
        stop = self.interrupted()
        if stop or now - self._saved > self.seconds:
            self.save(state)
        if stop:
            raise KeyboardInterrupt

    def epoch_end(self, state: State) -> None:
        """The epoch's numbers are on the disk before the next one starts; its time, for estimates of longer runs."""
        self._write(state)
        self.facts["epoch_seconds"] = round(time.monotonic() - self._began, 3)

    def evaluated(self, state: State) -> None:
        """The final numbers, and the chance level that they are shown against: of the first metric, and of each."""
        self._write(state)
        data = state.data
        constant = data.target.constant(data.train.targets, data.test.targets)
        self.facts["chance"] = constant[data.target.names[0]]
        self.facts["constant"] = {f"test/{name}": value for name, value in constant.items()}
        self.facts["n_train"], self.facts["n_test"] = len(data.train), len(data.test)

    def end(self, state: State) -> None:
        """The weights, with what is needed to start from them."""
        path = self.journal.folder / "weights.safetensors"
        self.facts["weights"] = save_weights(path, state.model, weights_meta(state.learner, state))

    def save(self, state: State) -> None:
        """Journal first, checkpoint second.

        Losses that wait on the device go on waiting, in the checkpoint: it comes by the clock, and nothing that a
        callback can see may depend on that.
        """
        self._write(state)
        save_checkpoint(self.checkpoint, state)
        self._saved = time.monotonic()

    def _write(self, state: State) -> None:
        by_step: dict[int, dict[str, float]] = {}
        for point in state.take_fresh():
            by_step.setdefault(point.step, {})[point.key] = point.value
        for step, values in by_step.items():
            self.journal.metrics(values, step)
