"""Runs one after the other in this process: for a GPU, for ``--jobs 1``, and under a debugger."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.study.debugger import Debugger
from workbench.study.engines.memory import keep_freed_memory
from workbench.study.engines.surroundings import surroundings
from workbench.study.execute import Task, execute
from workbench.study.experiment import Arm


@dataclass(frozen=True)
class Listener:
    """Who an engine tells: started(id), progress(id, done, total, text), finished(id, state)."""

    started: Callable[[str], None]
    progress: Callable[[str, int, int, str], None]
    finished: Callable[[str, str], None]


def run_inline(tasks: Sequence[Task], arms: dict[str, Arm], tell: Listener, *, pdb: bool = False) -> None:
    """Executes tasks in their order.

    Args:
        tasks: each after the ones that it depends on.
        arms: the Learner class of each task, by id.
        pdb: stop in the debugger where a run fails.

    Raises KeyboardInterrupt when the debugger was left with ``q`` and more runs are to be done.
    """
    keep_freed_memory()
    for name, value in surroundings().items():
        os.environ.setdefault(name, value)
    debugger = Debugger()
    for task in tasks:
        if debugger.left:
            raise KeyboardInterrupt
        tell.started(task.id)
        report, stop = functools.partial(tell.progress, task.id), debugger.stop if pdb else None
        tell.finished(task.id, execute(task, arms[task.id], report, lambda: False, stop=stop))
