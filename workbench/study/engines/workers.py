"""Several runs at once, each in a worker process that lives as long as the study."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from workbench.errors import RecordError
from workbench.study.engines.inline import Listener
from workbench.study.engines.surroundings import surroundings
from workbench.study.engines.worker import encode
from workbench.study.execute import Task

GRACE = 20.0  # seconds that a worker has to save its checkpoint after stdin closed


def close(pipe: IO[str] | None) -> None:
    """Closes it; what a process that has ended did not read any more is dropped, where ``close()`` would raise."""
    with contextlib.suppress(BrokenPipeError):
        if pipe is not None:
            pipe.close()


class Workers:
    """A pool of ``jobs`` worker processes; as a context manager it leaves no process behind.

    Args:
        jobs: how many runs go on at once.
        threads: CPU threads of each.
        log: file that receives what specs print and what goes wrong.
    """

    def __init__(self, jobs: int, threads: int, log: Path) -> None:
        self.jobs, self.threads, self.log = jobs, threads, log
        self._processes: list[subprocess.Popen[str]] = []
        self._answers: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
        self._busy: dict[int, Task] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        """Closes every stdin, which lets runs save their checkpoints, and waits."""
        for process in self._processes:
            close(process.stdin)
        for process in self._processes:
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            close(process.stdout)

    def run(self, tasks: Sequence[Task], after: dict[str, tuple[str, ...]], tell: Listener) -> None:
        """Executes all tasks, each when those it comes ``after`` are done.

        Raises :class:`RecordError` when a worker refuses a task or dies.
        """
        waiting = list(tasks)
        pending = {task.id for task in tasks}
        while waiting or self._busy:
            self._hand_out(waiting, pending, after)
            number, answer = self._answers.get()
            if answer is None:
                self._died(number)
                continue
            if answer["kind"] == "started":
                tell.started(answer["id"])
            elif answer["kind"] == "progress":
                tell.progress(answer["id"], answer["done"], answer["total"], answer["text"])
            elif answer["kind"] == "refused":
                raise RecordError(answer["why"])
            else:
                del self._busy[number]
                pending.discard(answer["id"])
                tell.finished(answer["id"], answer["state"])

    def _hand_out(self, waiting: list[Task], pending: set[str], after: dict[str, tuple[str, ...]]) -> None:
        """Gives every free worker the first task whose predecessors are done; starts workers as they are needed."""
        for task in list(waiting):
            if any(other in pending for other in after.get(task.id, ())):
                continue
            free = next((number for number in range(len(self._processes)) if number not in self._busy), None)
            if free is None and len(self._processes) < self.jobs:
                free = self._start()
            if free is None:
                return
            waiting.remove(task)
            self._busy[free] = task
            pipe = self._processes[free].stdin
            assert pipe is not None
            try:
                pipe.write(encode(task))
                pipe.flush()
            except BrokenPipeError:
                self._died(free)

    def _start(self) -> int:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "workbench.study.engines.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, **surroundings(self.threads), "PYTHONUNBUFFERED": "1"},
            )
        self._processes.append(process)
        number = len(self._processes) - 1
        assert process.stdout is not None
        threading.Thread(target=self._listen, args=(number, process.stdout), daemon=True).start()
        return number

    def _listen(self, number: int, pipe: IO[str]) -> None:
        try:
            for line in pipe:
                self._answers.put((number, json.loads(line)))
        except ValueError:  # the pipe was closed under the reader at the end
            pass
        self._answers.put((number, None))

    def _died(self, number: int) -> None:
        task = self._busy.get(number)
        if task is None:
            return
        code = self._processes[number].wait()
        tail = self.log.read_text(errors="replace").strip().splitlines()[-1:] if self.log.exists() else []
        raise RecordError(
            f"the process of run {task.id} ({task.arm}) ended with code {code}{': ' + tail[0] if tail else ''}",
            hint=f"Its checkpoint is kept: run again; the log is {self.log}",
        )
