"""Runs one after the other in this process: for a GPU, for ``--jobs 1``, and under a debugger."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.study.execute import Task, execute
from workbench.study.experiment import Arm

Started = Callable[[str], None]
Progress = Callable[[str, int, int, str], None]
Finished = Callable[[str, str], None]


def run_inline(
    tasks: Sequence[Task], arms: dict[str, Arm], *, started: Started, progress: Progress, finished: Finished, pdb: bool = False
) -> None:
    """Executes tasks in their order.

    Args:
        tasks: each after the ones that it depends on.
        arms: the Learner class of each task, by id.
        started, progress, finished: told (id), (id, done, total, text) and (id, state).
        pdb: stop in the debugger where a run fails.
    """
    for task in tasks:
        started(task.id)

        def report(done: int, total: int, text: str, run: str = task.id) -> None:
            progress(run, done, total, text)

        state = execute(task, arms[task.id], report, lambda: False, pdb=pdb)
        finished(task.id, state)
