"""``wb reproduce``: a recorded result made again from its commit, and held against the record."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import RecordError, RecreateError, UsageError
from workbench.parts import digest
from workbench.record import worktrees
from workbench.record.files import read_json, write_json
from workbench.record.git import Repository
from workbench.record.journal import read_state
from workbench.record.mlflow import tracking_uri
from workbench.record.places import prepare, study_folders
from workbench.record.revisions import in_history, subject
from workbench.study import recreate
from workbench.study.recorded import RecordedStudy, from_home
from workbench.study.recreate import Mode, Tell
from workbench.study.reference import Reference

_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True)
class Request:
    """What is to be made again: a reference, the result to hold it against, and which part of it."""

    reference: Reference
    recorded: RecordedStudy
    arms: tuple[str, ...] = ()
    seeds: int | None = None
    mode: Mode = "recorded"

    def __post_init__(self) -> None:
        run = self.reference.run
        if run is None:
            return
        if run.experiment != self.recorded.experiment:
            raise UsageError(
                f"{run.id} is a network of experiments/{run.experiment} that the study only starts from",
                hint=f"Type the study's own id: wb reproduce {self.recorded.facts['id']}",
            )
        if self.arms or self.seeds:
            raise UsageError(
                f"{run.id} is one run already: --arm and --seeds choose from a study",
                hint=f"Leave them out, or type the study's id: {self.recorded.facts['id']}",
            )

    @property
    def partial(self) -> bool:
        """Whether less than the recorded study is asked for."""
        return bool(self.arms or self.seeds or self.reference.run)

    def words(self) -> list[str]:
        """The ``wb run`` command line: what was typed then, cut down to what is asked for now."""
        facts = self.recorded.facts
        options: Mapping[str, Any] = facts.get("options") or {}
        cells, arms = list(options.get("cells") or ()), list(self.arms or options.get("arms") or ())
        seeds, only = self.seeds or options.get("seeds"), list(options.get("only") or ())
        if self.seeds and only:
            seeds, only = None, only[: self.seeds]
        if (run := self.reference.run) is not None:
            cells, arms, seeds, only = [run.cell], [run.arm], None, [run.seeds["order"]]
        words = ["run", f"experiments/{self.recorded.experiment}", "--tier", self.recorded.tier]
        for flag, values in (("--cell", cells), ("--arm", arms), ("--seed", only)):
            words += [word for value in values for word in (flag, str(value))]
        words += ["--seeds", str(seeds)] if seeds else []
        for path, value in (options.get("sets") or {}).items():
            words += ["--set", f"{path.replace('__', '.')}={value}"]
        words += ["--level", options["level"]] if options.get("level") else []
        device = str(facts.get("device") or "cpu")
        return [*words, "--threads", str(facts.get("threads") or 1), "--device", "cpu" if device == "cpu" else "auto"]


@dataclass
class Reproduction:
    """A folder in which a result is made again: ``tree`` (a worktree), ``home`` (a state folder), ``result.json``.

    Held by a lock while a process works on it. One that was killed is continued by the same request.
    """

    folder: Path
    lock: FileLock = field(repr=False)

    @property
    def tree(self) -> Path:
        """Where the worktree lies."""
        return self.folder / "tree"

    @property
    def home(self) -> Path:
        """The state folder of the new runs, empty at first: what is recorded elsewhere must not answer for them."""
        return self.folder / "home"


def untrusted(root: Path, home: Path, commit: str) -> str:
    """Why code of a commit should not be run without asking, "" when it is the user's own history.

    Code of the branch that is checked out, and snapshots that this state folder's own studies recorded, ran here before
    or lie open here.
    """
    repository = Repository.find(root)
    if in_history(repository, commit):
        return ""
    own = [read_json(folder / "study.json").get("snapshot") for folder in study_folders(home)]
    if commit in own:
        return ""
    branch = repository.branch or "what is checked out"
    return f"commit {commit[:12]} ({subject(repository, commit)}) is not in the history of {branch}"


def begin(root: Path, home: Path, request: Request) -> Reproduction:
    """The folder for a request: one that an interrupted attempt left, else a new one."""
    facts = {
        "commit": request.reference.commit, "words": request.words(), "mode": request.mode,
        "reference": request.reference.text,
        "experiment": request.recorded.experiment, "tier": request.recorded.tier, "recorded": request.recorded.origin,
        "study": request.recorded.facts.get("id"), "lock": request.recorded.facts.get("lock"),
    }  # fmt: skip
    name = f"{request.recorded.experiment}-{request.reference.commit[:8]}-{digest(facts)[:8]}"
    place = prepare(home) / "reproductions"
    for number in range(1, 1000):
        folder = place / f"{name}-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "reproduction.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        found = Reproduction(folder, lock)
        if not (folder / "result.json").exists() and not _alive(found.home):
            write_json(folder / "reproduction.json", {**facts, "created": time.time_ns() // 1_000_000})
            return found
        lock.release()
    raise RecordError("has a thousand reproductions of one result", where=str(place), hint="Type: wb gc")


def carry_out(root: Path, home: Path, request: Request, into: Reproduction, tell: Tell) -> RecordedStudy:
    """Make the result again in ``into`` and return what was recorded there.

    Raises:
        RecreateError: when tree, data or environment cannot be had, or the run ended without a result.
    """
    repository = Repository.find(root)
    recorded, commit = request.recorded, request.reference.commit
    tell(f"tree: {commit[:12]} in a worktree of its own", 0, 0)
    tree = recreate.tree(repository, root, into.tree, commit)
    recreate.data(root, tree, recorded.facts.get("pins") or {}, tell)
    python = recreate.interpreter(root, tree, recorded.environment, home / "venvs", request.mode, tell)
    label = f"{recorded.facts.get('id') or recorded.experiment} at {commit[:12]}"
    variables = recreate.variables(into.folder, tree, into.home, tracking_uri(home), label, recorded.environment)
    log = into.folder / "log.txt"
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(python), "-m", "workbench", *request.words()], cwd=tree, env=variables, stdout=out,
            preexec_fn=_end_with_parent,
        )  # fmt: skip
        code = _ended(child)
    found = _result(into.home, recorded.experiment)
    if found is None:
        raise RecreateError(f"the run in the worktree ended with code {code} and without a result", where=str(log))
    return from_home(into.home, found, "reproduced")


def end(root: Path, into: Reproduction, result: Mapping[str, Any]) -> None:
    """Keep the result and remove the worktree."""
    write_json(into.folder / "result.json", result)
    worktrees.remove(Repository.find(root), into.tree)


def check_part(recorded: RecordedStudy, arms: Sequence[str], seeds: int | None) -> None:
    """Whether the recorded result has what is asked for.

    Raises:
        UsageError: for an arm that it does not have, or more seeds than it has.
        RecreateError: when none of its runs ended, so that a new one could be held against nothing.
    """
    from workbench.errors import nearest

    own = recorded.own().values()
    if all(run.state == "missing" for run in own):
        raise RecreateError("no run of the recorded study has a result", hint="Type: wb run, to finish it")
    names = {run.arm for run in own}
    for arm in arms:
        if arm not in names:
            raise UsageError(f"the recorded result has no arm '{arm}'{nearest(arm, names)}")
    there = max((len({r.seed for r in own if (r.cell, r.arm) == (run.cell, run.arm)}) for run in own), default=0)
    if seeds is not None and not 1 <= seeds <= there:
        raise UsageError(f"--seeds is {seeds}; the recorded result has {there}")


def _end_with_parent() -> None:
    """Has the system stop this process when its parent is gone, however that went: it then keeps its checkpoints.

    Otherwise it would go on unseen, and hold what the same command, typed again, could go on with. Linux only.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _ended(child: subprocess.Popen[bytes]) -> int:
    """The exit code of the run, which is stopped in the way in which we are: it then keeps its checkpoints."""
    try:
        code = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    if code == 130:
        raise KeyboardInterrupt(
            "stopped; finished runs and checkpoints are kept, and the same command goes on from there"
        )
    return code


def _result(home: Path, experiment: str) -> str | None:
    """The id of the finished study of the experiment in a state folder."""
    for folder in study_folders(home):
        if (folder / "result.json").exists() and read_json(folder / "study.json")["experiment"] == experiment:
            return folder.name
    return None


def _alive(home: Path) -> bool:
    """Whether a run that lost its parent still works in a state folder."""
    return any(read_state(folder, kind="study") == "running" for folder in study_folders(home))
