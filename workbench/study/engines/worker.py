"""A worker process: tasks as JSON lines on stdin, progress as JSON lines on stdout.

When stdin closes (the parent has gone, however it went) the run in progress saves a checkpoint and the worker leaves.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import sys
import threading
from typing import Any, TextIO

from workbench.study.engines.memory import keep_freed_memory

CLOSED = None


def main() -> None:
    """Serves tasks until stdin closes."""
    keep_freed_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal group; the parent decides
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a spec prints must not mix with the answers
    tasks: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    gone = threading.Event()
    threading.Thread(target=_listen, args=(tasks, gone), daemon=True).start()
    while (task := tasks.get()) is not CLOSED:
        _serve(task, answers, gone)


def _listen(tasks: queue.SimpleQueue[dict[str, Any] | None], gone: threading.Event) -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    gone.set()
    tasks.put(CLOSED)


def _serve(plain: dict[str, Any], answers: TextIO, gone: threading.Event) -> None:
    from workbench.errors import WorkbenchError
    from workbench.study.execute import Task, execute, rebuild

    task = Task(**plain)

    def say(kind: str, **values: Any) -> None:
        if gone.is_set():
            return
        try:
            answers.write(json.dumps({"kind": kind, "id": task.id, **values}) + "\n")
        except BrokenPipeError:  # the parent went before its closing of stdin was seen: no failure of the run
            gone.set()

    try:
        say("started")
        cls = rebuild(task)
        state = execute(
            task, cls, lambda done, total, text: say("progress", done=done, total=total, text=text), gone.is_set
        )
        say("finished", state=state)
    except KeyboardInterrupt:
        sys.exit(0)
    except (WorkbenchError, OSError) as error:
        say("refused", why=str(error), code=getattr(error, "exit_code", 1))


def encode(task: object) -> str:
    """A task as one JSON line."""
    return json.dumps(dataclasses.asdict(task)) + "\n"  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
