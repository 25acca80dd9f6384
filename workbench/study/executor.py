"""Getting planned runs done: which are missing, on which engine, with whom to tell."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from workbench.record.files import read_json
from workbench.record.journal import read_state
from workbench.record.places import run_folder
from workbench.study.engines.inline import Listener, run_inline
from workbench.study.engines.workers import Workers
from workbench.study.execute import task_for
from workbench.study.plan import Planned


class Watcher(Protocol):
    """Who is told how runs go on: the terminal's board, or nobody."""

    def start(self, run_id: str, label: str) -> None:
        """A run begins."""

    def update(self, run_id: str, done: int, total: int, text: str = "") -> None:
        """A run has taken ``done`` of ``total`` steps."""

    def finish(self, run_id: str, text: str = "") -> None:
        """A run ended."""


class Executor:
    """Executes planned runs that are not recorded yet.

    Args:
        root, home: the project and its state folder.
        facts: what every run.json of this study says beside the run itself.
        jobs: runs at once; 1 keeps everything in this process.
        opened: told every planned run before any starts, recorded ones too; the shipper listens here.
        measures: what the study is about; the first that a run has is told when it ends, else an error, else any.
        pdb: stop in the debugger where a run fails.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        *,
        facts: Mapping[str, Any],
        jobs: int,
        device: str,
        threads: int,
        opened: Callable[[Planned], None] = lambda run: None,
        measures: Sequence[str] = (),
        pdb: bool = False,
    ) -> None:
        self.root, self.home, self.facts = root, home, dict(facts)
        self.jobs, self.device, self.threads, self.opened, self.pdb = jobs, device, threads, opened, pdb
        self.measures = measures

    def missing(self, runs: Sequence[Planned]) -> list[Planned]:
        """Those without a result, each once; a run that failed but did not diverge is done again."""
        found: dict[str, Planned] = {}
        for run in runs:
            folder = run_folder(self.home, run.id)
            state = read_state(folder)
            if state == "failed" and read_json(folder / "result.json").get("kind") != "diverged":
                state = "new"
            if state != "finished" and state != "failed":
                found.setdefault(run.id, run)
        return list(found.values())

    def tidy(self, runs: Sequence[Planned]) -> None:
        """Removes what a kill between a run's end and its tidying left: a checkpoint that nobody will go on from."""
        for run in runs:
            checkpoint = run_folder(self.home, run.id) / "checkpoint.safetensors"
            if checkpoint.exists() and read_state(checkpoint.parent) == "finished":
                checkpoint.unlink(missing_ok=True)

    def execute(self, runs: Sequence[Planned], watcher: Watcher) -> None:
        """Does what is missing of ``runs``; when it returns, every one of them has a result."""
        todo = self.missing(runs)
        for run in todo:
            self._set_aside(run_folder(self.home, run.id))
        for run in runs:
            self.opened(run)
        labels = {run.id: run.label for run in todo}
        tasks = [
            task_for(run, home=self.home, root=self.root, device=self.device, threads=self.threads, facts=self.facts)
            for run in todo
        ]
        tell = Listener(
            started=lambda run: watcher.start(run, labels[run]),
            progress=watcher.update,
            finished=lambda run, state: watcher.finish(run, self._outcome(run, state)),
        )
        if self.jobs == 1 or len(todo) == 1:
            run_inline(tasks, {run.id: run.cls for run in todo}, tell, pdb=self.pdb)
            return
        log = self.home / "log" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        with Workers(min(self.jobs, len(todo)), self.threads, log) as workers:
            workers.run(tasks, {run.id: run.after for run in todo}, tell)

    def _set_aside(self, folder: Path) -> None:
        """Moves the record of a run that failed through no arithmetic of its own out of the way; nothing is deleted."""
        if (folder / "result.json").exists():
            folder.rename(folder.with_name(f".{folder.name}.failed-{time.time_ns()}"))

    def _outcome(self, run: str, state: str) -> str:
        result = read_json(run_folder(self.home, run) / "result.json")
        if state == "failed":
            return f"failed: {result['why']}"
        metrics: dict[str, float] = result["metrics"]
        names = [name for name in (*self.measures, *sorted(metrics, key=_no_error)) if name in metrics][:1]
        return "  ".join([*(f"{name} {metrics[name]:.4f}" for name in names), f"({result['seconds']:.0f} s)"])


def _no_error(name: str) -> bool:
    return not name.endswith("/error")


def usual_jobs(device: str) -> int:
    """How many runs go on at once unless told otherwise: one on a GPU, else one a core, with 2 GiB of memory each."""
    if device.startswith("cuda"):
        return 1
    import psutil

    return max(1, min(cores(), psutil.virtual_memory().available // (2 << 30)))


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
