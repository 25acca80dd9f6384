"""Runs that kill themselves with SIGKILL on the way, for ``wb check --resume``.

The process reads JSON lines on stdin, ``{"task": ..., "saves": [steps], "kill": [step, event] or null}``. For each it
writes progress, what it saw when the run lived to its end, and ``{"ended": exit code}`` as JSON lines on stdout.
"""

from __future__ import annotations

import functools
import json
import math
import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection
from typing import Any, TextIO

from workbench.record.journal import Journal
from workbench.study.engines.memory import keep_freed_memory
from workbench.study.execute import Task, execute, rebuild
from workbench.study.recorder import Recorder, Report
from workbench.training.callbacks import Callback
from workbench.training.state import State

# What the library itself puts into a learner: known from its description alone, so nothing that a resume could lose.
_OURS = (
    "seeds",
    "device",
    "threads",
    "root",
    "sources",
    "recipe",
    "prepared",
    "network",
    "state",
    "found",
    "progress",
    "depth",
)


class Doomed(Recorder):
    """A recorder that saves after the steps that it is told, and ends the process at one event of one step.

    Args:
        saves: steps, counted from 1, after which a checkpoint is written.
        kill: step and event; None lets the run live.
        tell: told when the run was evaluated: its steps, and which attributes changed that no checkpoint keeps.
    """

    def __init__(
        self, journal: Journal, report: Report, interrupted: Callable[[], bool], *,
        saves: Collection[int], kill: tuple[int, str] | None, tell: Callable[[dict[str, Any]], None],
    ) -> None:  # fmt: skip
        super().__init__(journal, report, interrupted, seconds=math.inf)
        self.saves, self.kill, self.tell = saves, kill, tell
        self._before: dict[str, str] = {}

    def begin(self, state: State) -> None:
        """Looks at what the learner holds before the first step."""
        super().begin(state)
        self._before = unkept(state)

    def step_begin(self, state: State) -> None:
        """Perhaps the end."""
        self._perhaps(state.step + 1, "step_begin")

    def after_loss(self, state: State) -> None:
        """Perhaps the end."""
        self._perhaps(state.step + 1, "after_loss")

    def after_backward(self, state: State) -> None:
        """Perhaps the end."""
        self._perhaps(state.step + 1, "after_backward")

    def step_end(self, state: State) -> None:
        """A checkpoint where one was ordered; perhaps the end."""
        super().step_end(state)
        if state.step in self.saves:
            self.save(state)
        self._perhaps(state.step, "step_end")

    def evaluated(self, state: State) -> None:
        """Perhaps the end, when nothing was left to do but to write it down."""
        super().evaluated(state)
        self._perhaps(state.step, "evaluated")
        after = unkept(state)
        changed = [name for name in after if after[name] != self._before.get(name)]
        self.tell({"steps": state.step, "changed": changed})

    def _perhaps(self, step: int, event: str) -> None:
        if (step, event) == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)


def unkept(state: State) -> dict[str, str]:
    """What the learner and those of its callbacks without a ``state_dict`` hold, as text, by ``Class.attribute``."""
    silent = [each for each in state.callbacks if type(each).state_dict is Callback.state_dict]
    return {
        f"{type(owner).__name__}.{name}": repr(value)
        for owner in (state.learner, *silent)
        for name, value in vars(owner).items()
        if owner is not state.learner or name not in _OURS
    }


def main() -> None:
    """Does the runs of the lines on stdin, one after the other, until it closes.

    Each runs in a process of its own, forked from this one, which has only imported the library: seconds are saved, and
    the run starts with nothing of what an earlier one has left in memory.
    """
    import torch

    import workbench.data.augment
    import workbench.models.vision  # noqa: F401

    torch.optim.SGD([torch.zeros(1)])  # the first optimizer imports most of torch
    keep_freed_memory()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a spec prints must not mix with the answers
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                _run(json.loads(line), answers)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        answers.write(json.dumps({"ended": os.waitstatus_to_exitcode(status)}) + "\n")


def _run(order: dict[str, Any], answers: TextIO) -> None:
    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")

    task = Task(**order["task"])
    kill = (order["kill"][0], order["kill"][1]) if order["kill"] else None
    recorder = functools.partial(Doomed, saves=frozenset(order["saves"]), kill=kill, tell=say)
    told = functools.partial(_tell, say)
    execute(task, rebuild(task), told, lambda: False, recorder=recorder)


def _tell(say: Callable[[dict[str, Any]], None], done: int, total: int, text: str) -> None:
    say({"done": done, "total": total})


if __name__ == "__main__":
    main()
