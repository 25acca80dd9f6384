"""``wb check --resume``: kills a short run of every arm again and again, and holds the result against a quiet one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.record.journal import read_run, read_state
from workbench.record.places import prepare, run_folder
from workbench.streams import Seeds
from workbench.study import materials
from workbench.study.divergence import divergence
from workbench.study.engines.surroundings import surroundings
from workbench.study.engines.workers import close
from workbench.study.execute import task_for
from workbench.study.executor import Executor, Watcher, usual_jobs
from workbench.study.experiment import Arm, Cell
from workbench.study.plan import Options, Planned, Planner
from workbench.study.spec import Spec, load_spec

KILLS = 3  # in mid-step; one more comes when all is trained and evaluated
STEPS = 8  # at least, or there is little to lose
_EVENTS = ("step_begin", "after_loss", "after_backward")
_GENERIC = (
    "look for state on self, in a global or in a callback without state_dict(), "
    "and for randomness that is not from workbench.streams"
)


@dataclass
class Proof:
    """What came of one arm: ``problems`` is empty when the resumed run was bit-equal to the undisturbed one.

    Attributes:
        epochs, steps: how short the run was.
        killed: step and event of each kill; resumed: the step that each attempt went on from.
        hint: what is likely to be at fault.
    """

    arm: str
    cell: str
    epochs: int
    steps: int = 0
    killed: list[tuple[int, str]] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hint: str = ""


class Prover:
    """Proves for every arm of a tier that a run of it can be killed anywhere.

    Args:
        root, home: the project and its state folder; a temporary one inside it holds all the work.
        report: told what goes on outside of runs, as (text, done, total).
    """

    def __init__(
        self, root: Path, home: Path, spec: Spec, options: Options, report: Callable[[str, int, int], None]
    ) -> None:
        self.root, self.home, self.spec, self.options, self.report = root, home, spec, options, report
        self.planner = Planner(root, home, {}, options)
        self._free: queue.SimpleQueue[_Child] = queue.SimpleQueue()

    def plan(self) -> list[Planned]:
        """A short run of each arm in the first cell that has it; its data files are here when this returns."""
        planner = self.planner
        planner.pins = materials.ensure(self.root, planner.paths(self.spec), self.report)
        first: dict[str, tuple[Cell, Arm]] = {}
        for cell, arms, _ in planner.cells(self.spec):
            for arm in arms:
                first.setdefault(arm.__name__, (cell, arm))
        number = self.options.only[0] if self.options.only else self.spec.experiment.first_seed
        return [self._short(planner, self.spec, cell, arm, Seeds.of(number)) for cell, arm in first.values()]

    def _short(self, planner: Planner, spec: Spec, cell: Cell, arm: Arm, seeds: Seeds) -> Planned:
        """As many epochs as give ``STEPS`` steps, 1 as a rule; what is "auto" takes any value: none is judged."""
        sets = dict(planner.options.everywhere)
        cls = planner.derived(spec, cell, arm, sets)
        sets |= {
            f"fit__{name}": value for name, value in (("lr", 1e-3), ("batch", 32)) if getattr(cls.fit, name) == "auto"
        }
        if "fit__epochs" not in planner.options.sets:
            items = len(cls.data.load(seeds, self.root).train)
            batch = int(sets.get("fit__batch", cls.fit.batch))
            sets["fit__epochs"] = math.ceil(STEPS / math.ceil(items / batch))
        return planner.run(spec, cell, arm, seeds, sets)[-1]

    def prove(self, runs: Sequence[Planned], watcher: Watcher) -> list[Proof]:
        """The proofs, in the order of the runs."""
        with self._folder() as folder:
            for run in runs:
                self._sources(run, folder, watcher)
            jobs = min(len(runs), usual_jobs(self.options.device))
            pool = ThreadPoolExecutor(jobs)
            children: list[_Child] = []
            try:
                for number in range(jobs):
                    children.append(_Child(folder / f"log-{number}.txt", self.options.threads))
                    self._free.put(children[-1])
                return [each.result() for each in [pool.submit(self._prove, run, folder, watcher) for run in runs]]
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in children:
                    child.end()  # which lets a thread that waits for its answers go on
                pool.shutdown()

    def missing_sources(self, runs: Sequence[Planned]) -> list[Planned]:
        """Source networks that no recorded run has, as short runs of their own, each once."""
        found: dict[str, Planned] = {}
        for run in runs:
            for source in self._chain(run):
                if read_state(run_folder(self.home, source.id)) != "finished":
                    found.setdefault(source.id, self._short_source(source))
        return list(found.values())

    def _chain(self, run: Planned) -> list[Planned]:
        """The sources of a run, each behind the one that it starts from; none stands before the last recorded one."""
        chain = self.planner.source(run.cls, run.seeds.source)
        recorded = [n for n, each in enumerate(chain) if read_state(run_folder(self.home, each.id)) == "finished"]
        return chain[recorded[-1] :] if recorded else chain

    def _short_source(self, source: Planned) -> Planned:
        planner = Planner(
            self.root, self.home, self.planner.pins, dataclasses.replace(self.options, tier=source.tier, sets={})
        )
        spec = load_spec(self.root, source.experiment)
        cell, arm = spec.experiment.cell(source.cell), spec.experiment.arm(source.arm)
        return dataclasses.replace(self._short(planner, spec, cell, arm, source.seeds), foreign=True)

    def _sources(self, run: Planned, folder: Path, watcher: Watcher) -> None:
        """Puts the run's source network where its attempts look for it: the recorded one, else one trained briefly.

        So with a source's own source, which lies where the source looks for it.
        """
        attempts = [folder / run.id / kind for kind in ("whole", "again", "killed")]
        for source in self._chain(run):
            place = run_folder(self.home, source.id)
            if read_state(place) != "finished":
                short = self._short_source(source)
                options = self.options
                Executor(
                    self.root, folder / "sources", facts={}, jobs=1, device=options.device, threads=options.threads
                ).execute([short], watcher)
                place = run_folder(folder / "sources", short.id)
            for home in (folder / "sources", *attempts):
                link = run_folder(home, source.id)
                if not link.exists():
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.symlink_to(place, target_is_directory=True)

    def _prove(self, run: Planned, folder: Path, watcher: Watcher) -> Proof:
        proof = Proof(run.arm, run.cell, int(run.cls.fit.epochs))
        watcher.start(run.id, f"{run.cell} · {run.arm}")
        whole, killed = (run_folder(folder / run.id / kind, run.id) for kind in ("whole", "killed"))
        saw = self._attempt(run, folder / run.id / "whole", (), None, watcher, "undisturbed")
        result = read_run(whole).result or {}
        if result.get("state") != "finished" or saw is None:
            proof.problems = [f"the undisturbed run {result.get('state', 'stopped')}: {result.get('why', '')}"]
            proof.hint = "mend that first"
        else:
            proof.steps = saw["steps"]
            self._kill(run, folder / run.id / "killed", proof, watcher)
            proof.problems = divergence(whole, killed)
            proof.resumed = [each["facts"]["step"] for each in read_run(killed).events if each["name"] == "resumed at"]
        if proof.problems and not proof.hint:
            self._attempt(run, folder / run.id / "again", (), None, watcher, "undisturbed again")
            again = divergence(whole, run_folder(folder / run.id / "again", run.id))
            proof.hint = _hint(saw["changed"] if saw else [], repeats=not again)
        watcher.finish(run.id, "DIFFERS" if proof.problems else "equal, bit for bit")
        return proof

    def _kill(self, run: Planned, home: Path, proof: Proof, watcher: Watcher) -> None:
        """One attempt after the other, each killed but the last."""
        for saves, kill in kills(random.Random(run.identity), proof.steps):
            text = f"killed {len(proof.killed)} times"
            if self._attempt(run, home, saves, kill, watcher, text) is not None:
                return  # it ended before its time, which is a difference already
            if kill is not None:
                proof.killed.append(kill)

    def _attempt(
        self, run: Planned, home: Path, saves: Sequence[int], kill: tuple[int, str] | None, watcher: Watcher, text: str
    ) -> dict[str, Any] | None:
        """What the run saw when it lived to the end, None when it was killed.

        Raises :class:`RecordError` when it ended in any other way.
        """
        task = task_for(
            run, home=home, root=self.root, device=self.options.device, threads=self.options.threads, facts={}
        )
        order = {"task": dataclasses.asdict(task), "saves": list(saves), "kill": kill}
        saw: dict[str, Any] = {"steps": 0, "changed": []}
        child = self._free.get()
        try:
            for answer in child.do(order):
                if "changed" in answer:
                    saw = answer
                elif "done" in answer:
                    watcher.update(run.id, answer["done"], answer["total"], text)
                elif answer["ended"] == -signal.SIGKILL and kill is not None:
                    return None
                elif answer["ended"] != 0:
                    raise RecordError(
                        f"the process of {run.arm} ended with code {answer['ended']}: {child.last_words()}"
                    )
        finally:
            self._free.put(child)
        return saw

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        place = prepare(self.home) / "tmp"
        place.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="resume-", dir=place))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def kills(chance: random.Random, steps: int) -> list[tuple[tuple[int, ...], tuple[int, str] | None]]:
    """Attempts as (steps to save a checkpoint after, where to be killed); the last one lives.

    Each saves at a random step, later than the one before, and dies inside another that comes at least two later where
    there are so many: what lies between is lost and done again.
    """
    room = range(1, max(1, steps - 2) + 1)
    plan: list[tuple[tuple[int, ...], tuple[int, str] | None]] = []
    for save in sorted(chance.sample(room, KILLS) if len(room) >= KILLS else chance.choices(room, k=KILLS)):
        end = chance.randint(min(save + 2, steps), steps)
        plan.append(((save,), (end, chance.choice(_EVENTS) if end > save else "step_end")))
    return [*plan, ((), (steps, "evaluated")), ((), None)]


class _Child:
    """A process of :mod:`workbench.study.engines.doomed`, with whatever it forks in a group of its own."""

    def __init__(self, log: Path, threads: int) -> None:
        self.log = log
        with open(log, "w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workbench.study.engines.doomed"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
                env={**os.environ, **surroundings(threads)},
            )  # fmt: skip

    def do(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The answers to one order; the last one says how its process ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            answer: dict[str, Any] = json.loads(line)
            yield answer
            if "ended" in answer:
                return
        yield {"ended": self._process.wait()}

    def last_words(self) -> str:
        """The last line of what it printed."""
        return (self.log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]

    def end(self) -> None:
        """Ends it with all that it has forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            close(pipe)


def _hint(changed: Sequence[str], *, repeats: bool) -> str:
    if not repeats:
        return (
            "two undisturbed runs differ as well: look for randomness that is not from workbench.streams, or the time"
        )
    if changed:
        what = " and ".join(changed)
        return (
            f"{what} changed while it trained, and no checkpoint keeps that: put it into a callback with state_dict()"
        )
    return _GENERIC
