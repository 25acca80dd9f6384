"""Whatever a learner and its callbacks do, a run that goes on from a checkpoint ends as if it had never stopped."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from workbench import Callback, Norm
from workbench.data.loading import Batch
from workbench.errors import FieldError, RecordError
from workbench.training.callbacks import EVENTS, Hooks
from workbench.training.checkpoint import read_tensors, save_checkpoint, weights_hash
from workbench.training.result import Result
from workbench.training.state import State


class Average(Callback):
    """An exponential moving average of weights and buffers, which replaces them before the evaluation."""

    def __init__(self) -> None:
        self.shadow: dict[str, torch.Tensor] = {}
        self.updates = 0

    def begin(self, state: State) -> None:
        """The weights themselves at first, sharing their memory until the first step."""
        if not self.shadow:
            self.shadow = dict(state.model.state_dict())

    def step_end(self, state: State) -> None:
        """A tenth of the new."""
        self.updates += 1
        self.shadow = {
            name: self.shadow[name].lerp(value, 0.1) if value.is_floating_point() else value.clone()
            for name, value in state.model.state_dict().items()
        }

    def epoch_end(self, state: State) -> None:
        """Into the model, once all is trained."""
        if state.step == state.steps:
            state.model.load_state_dict(self.shadow)

    def state_dict(self) -> dict[str, Any]:
        """A dict of dicts."""
        return {"shadow": self.shadow, "updates": self.updates}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Both."""
        self.shadow, self.updates = values["shadow"], values["updates"]


class Patience(Callback):
    """Stops in mid-epoch after a few steps without a better loss; the best so far is what it remembers."""

    def __init__(self) -> None:
        self.best, self.waited = float("inf"), 0

    def step_end(self, state: State) -> None:
        """Eight steps of patience, and a few more before anything counts."""
        assert state.loss is not None
        loss = float(state.loss)
        self.waited = 0 if loss < self.best else self.waited + 1
        self.best = min(self.best, loss)
        if self.waited == 3:
            state.stop = "no better for a while"

    def epoch_end(self, state: State) -> None:
        """What it thinks, into the history."""
        state.record({"best": self.best, "waited": float(self.waited)})

    def state_dict(self) -> dict[str, Any]:
        """Two numbers."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, values: dict[str, Any]) -> None:
        """Both."""
        self.best, self.waited = values["best"], values["waited"]


class Meddles(Callback):
    """Remembers nothing itself, and changes everything that the state offers, with random numbers from everywhere."""

    def begin(self, state: State) -> None:
        """Draws and changes the weights: once a run, not once an attempt."""
        with torch.no_grad():
            next(state.model.parameters()).mul_(1 + 0.01 * random.random())

    def epoch_begin(self, state: State) -> None:
        """A new head each epoch, a group's setting, a module's mode, a number for the history."""
        state.model.head.reset_parameters()
        state.optimizer.param_groups[0]["weight_decay"] = 0.01 * np.random.rand()
        next(each for each in state.model.modules() if isinstance(each, nn.BatchNorm2d)).eval()
        state.record({"drawn": float(torch.rand(())) + random.random()})

    def step_begin(self, state: State) -> None:
        """Freezes a layer in the middle of an epoch."""
        if state.step % 8 == 5:
            next(state.model.parameters()).requires_grad_(random.random() < 0.5)

    def after_loss(self, state: State) -> None:
        """Noise on the loss, and a look at a history that fills by fifty."""
        assert state.loss is not None
        state.loss = state.loss * (1 + 0.1 * np.random.randn() + 0.01 * len(state.history))

    def step_end(self, state: State) -> None:
        """Draws behind the step's own seed, and keeps a number where everybody can see it."""
        state.metrics["seen"] = state.metrics.get("seen", 0.0) + float(torch.rand(()))

    def epoch_end(self, state: State) -> None:
        """What is left of the last step."""
        assert state.loss is not None and state.batch is not None
        state.record({"last": float(state.loss), "first": float(state.batch.index[0]), "seen": state.metrics["seen"]})


class Accumulates(Bars):
    """Updates with the gradients of three steps."""

    def step(self, state: State, hooks: Hooks) -> None:
        assert state.batch is not None
        state.loss = self.loss(self.forward(state.model, self.inputs(state.batch, training=True)), state.batch)
        state.loss.backward()
        if state.step % 3 == 2:
            state.optimizer.step()
            state.optimizer.zero_grad()


class Averaged(Bars):
    """With a moving average."""

    def callbacks(self) -> Sequence[Callback]:
        return [Average()]


class Impatient(Bars):
    """With an early end."""

    def callbacks(self) -> Sequence[Callback]:
        return [Average(), Patience()]


class Meddled(Bars):
    """With a callback that touches everything."""

    def callbacks(self) -> Sequence[Callback]:
        return [Meddles()]


class Noisy(Bars):
    """A stage that draws from three generators."""

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        noise = 1 + 0.1 * random.random() + 0.1 * np.random.rand() + 0.1 * torch.rand(())
        return super().loss(output, batch) * noise

    def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        return {**super().metrics(output, y), "noise": torch.rand(len(y)) + random.random() + np.random.rand()}


class Saves(Callback):
    """Saves at an event of a step, and stops there as a kill does."""

    def __init__(self, path: Path, step: int, event: str) -> None:
        self.path, self.step, self.event = path, step, event

    def step_end(self, state: State) -> None:
        """The usual place."""
        self._save(state, "step_end")

    def epoch_begin(self, state: State) -> None:
        """Somebody's own."""
        self._save(state, "epoch_begin")

    def epoch_end(self, state: State) -> None:
        """Somebody's own."""
        self._save(state, "epoch_end")

    def _save(self, state: State, event: str) -> None:
        if (state.step, event) == (self.step, self.event):
            save_checkpoint(self.path, state)
            raise SystemExit


ARMS: dict[str, Any] = {
    "accumulates": Accumulates,
    "averaged": Averaged,
    "sgd": Averaged.but(fit__optimizer="sgd"),
    "impatient": Impatient,
    "meddled": Meddled,
    "noisy": Noisy.but(diagnostics=("train", "recalibrated")),
    "before": Noisy.but(recalibrate="before", model__norm=Norm(stats="running")),
    "micro": Meddled.but(fit__micro=20, fit__clip=0.5),
}
WHERE = [*((step, "step_end") for step in (1, 7, 8, 12, 13, 16, 24)), (8, "epoch_begin"), (8, "epoch_end")]


def draw_elsewhere() -> None:
    """Another process has other generators: what a run draws must not come from where this one's happen to be."""
    random.random()
    np.random.rand()
    torch.rand(())


def outcome(result: Result) -> tuple[Any, ...]:
    """All that has to be equal, the history in its order."""
    history = [(point.key, point.step, point.value) for point in result.history]
    return weights_hash(result.model), result.metrics, history, result.predictions.confidence.tobytes()


@functools.cache
def undisturbed(arm: type[Bars], root: Path) -> tuple[Any, ...]:
    """What the arm's run comes to without an interruption."""
    return outcome(arm(0, root=root, device="cpu").run())


def interrupted(arm: type[Bars], root: Path, saves: Saves) -> tuple[Any, ...]:
    """What it comes to when it ends where ``saves`` does, and is taken up again."""
    with pytest.raises(SystemExit):
        arm(0, root=root, device="cpu").run(callbacks=[saves])
    draw_elsewhere()
    return outcome(arm(0, root=root, device="cpu").run(resume=saves.path))


@pytest.fixture(scope="module")
def whole(pictures: Path) -> Callable[[str], tuple[Any, ...]]:
    """The undisturbed outcome of an arm, trained once."""
    known: dict[str, tuple[Any, ...]] = {}

    def find(name: str) -> tuple[Any, ...]:
        if name not in known:
            known[name] = outcome(ARMS[name](0, root=pictures, device="cpu").run())
        return known[name]

    return find


@pytest.mark.parametrize(("step", "event"), WHERE)
@pytest.mark.parametrize("name", ARMS)
def test_it_ends_as_if_it_had_never_been_stopped(
    name: str, step: int, event: str, pictures: Path, tmp_path: Path, whole: Callable[[str], tuple[Any, ...]]
) -> None:
    path, arm = tmp_path / "c.safetensors", ARMS[name]
    expected = whole(name)
    last = max(at for key, at, _ in expected[2] if key == "train/loss")
    with pytest.raises(SystemExit):
        arm(0, root=pictures, device="cpu").run(callbacks=[Saves(path, min(step, last), event)])
    draw_elsewhere()
    assert outcome(arm(0, root=pictures, device="cpu").run(resume=path)) == expected


def test_the_arms_do_what_they_are_there_for(whole: Callable[[str], tuple[Any, ...]]) -> None:
    steps = [at for key, at, _ in whole("impatient")[2] if key == "train/loss"]
    assert 8 < max(steps) < 24 and max(steps) % 8, "it has to stop in mid-epoch, or an early end is not tested"
    assert max(steps) in [at for at, event in WHERE if event == "step_end"]
    assert len({whole(name)[0] for name in ARMS}) == len(ARMS)


def test_a_callback_that_forgets_makes_a_difference(pictures: Path, tmp_path: Path) -> None:
    class Forgets(Average):
        """Inherits all but what it would be resumed with."""

        def state_dict(self) -> dict[str, Any]:
            return {}

        def load_state_dict(self, values: dict[str, Any]) -> None:
            assert values == {}

    arm = type("Arm", (Bars,), {"__doc__": "x", "callbacks": lambda self: [Forgets()]})
    path = tmp_path / "c.safetensors"
    with pytest.raises(SystemExit):
        arm(0, root=pictures, device="cpu").run(callbacks=[Saves(path, 13, "step_end")])
    whole, rest = (arm(0, root=pictures, device="cpu").run(resume=each) for each in (None, path))
    assert weights_hash(whole.model) != weights_hash(rest.model)


def test_a_checkpoint_for_other_callbacks_is_refused(pictures: Path, tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    with pytest.raises(SystemExit):
        Averaged(0, root=pictures, device="cpu").run(callbacks=[Saves(path, 3, "step_end")])
    with pytest.raises(RecordError, match=r"its callbacks: Average; the learner's: Average, Patience\). Remove it"):
        Impatient(0, root=pictures, device="cpu").run(resume=path)
    with pytest.raises(RecordError, match=r"its callbacks: Average; the learner's: none"):
        Bars(0, root=pictures, device="cpu").run(resume=path)


def test_what_no_checkpoint_can_keep_is_refused_before_the_first_step(pictures: Path) -> None:
    class Hoards(Callback):
        """Remembers in a set."""

        def state_dict(self) -> dict[str, Any]:
            return {"seen": {1, 2}}

        def step_begin(self, state: State) -> None:
            raise AssertionError

    arm = type("Arm", (Bars,), {"__doc__": "x", "callbacks": lambda self: [Hoards()]})
    with pytest.raises(FieldError, match=r"callbacks\.0\.Hoards\.seen is of type set, which a checkpoint cannot keep"):
        arm(0, root=pictures, device="cpu").run()


def test_every_event_can_be_where_a_kill_comes(
    pictures: Path, tmp_path: Path, whole: Callable[[str], tuple[Any, ...]]
) -> None:
    """Checkpoints after every step, and an end at each event in turn: the next attempt goes on from the last one."""
    path = tmp_path / "c.safetensors"

    class Keeps(Callback):
        """After every step."""

        def step_end(self, state: State) -> None:
            save_checkpoint(path, state)

    for number, event in enumerate(EVENTS):

        def end(self: Callback, state: State, at: int = min(23, 3 * number)) -> None:
            if state.step >= at:
                raise SystemExit

        killer: Callback = type("Ends", (Callback,), {event: end})()
        with pytest.raises(SystemExit):
            Meddled(0, root=pictures, device="cpu").run(callbacks=[Keeps(), killer], resume=path)
    assert read_tensors(path)[1]["step"] == 24
    assert outcome(Meddled(0, root=pictures, device="cpu").run(resume=path)) == whole("meddled")
