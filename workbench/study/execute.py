"""Doing one planned run in this process: from the task, through the Learner, to a sealed folder."""

from __future__ import annotations

import errno
import io
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DivergedError, RecordError, SpecError, WorkbenchError
from workbench.parts import plain, revived
from workbench.record.files import read_json, write_bytes, write_json
from workbench.record.journal import Journal, read_state
from workbench.record.places import run_folder, study_folder
from workbench.streams import Seeds
from workbench.study.experiment import Arm, changes, derive
from workbench.study.identity import library_hash
from workbench.study.plan import Planned, settle, told_by
from workbench.study.recorder import Recorder, Report
from workbench.study.spec import is_own, load_spec
from workbench.training.stages import stage_hashes

if TYPE_CHECKING:
    from workbench.training.result import Result


@dataclass(frozen=True)
class Task:
    """A planned run in plain values, so that it can cross a process border as JSON."""

    id: str
    home: str
    root: str
    spec: str
    cell: str
    arm: str
    tier: str
    sets: dict[str, Any]
    autos: dict[str, Any]
    seeds: dict[str, int]
    choosing: bool
    device: str
    threads: int
    sources: dict[str, str]
    trained_by: str
    facts: dict[str, Any]


def task_for(run: Planned, *, home: Path, root: Path, device: str, threads: int, facts: Mapping[str, Any]) -> Task:
    """The task of a planned run; ``facts`` are what is known of the whole study (commit, environment)."""
    return Task(
        id=run.id,
        home=str(home),
        root=str(root),
        spec=str(run.spec),
        cell=run.cell,
        arm=run.arm,
        tier=run.tier,
        sets={path: plain(value) for path, value in run.sets.items()},
        autos=run.autos,
        seeds=_numbers(run.seeds),
        choosing=run.choosing,
        device=device,
        threads=threads,
        sources=run.sources,
        trained_by=run.trained_by,
        facts={**run_facts(run, device, threads), **facts},
    )


def run_facts(run: Planned, device: str, threads: int) -> dict[str, Any]:
    """What run.json says of a run, but for the moment at which it begins."""
    cls = run.cls
    return {
        "format": 1,
        "id": run.id,
        "identity": run.identity,
        "trained": run.trained,
        "experiment": run.experiment,
        "cell": run.cell,
        "arm": run.arm,
        "hypothesis": " ".join((cls.__doc__ or "").split()),
        "seeds": _numbers(run.seeds),
        "seed": str(run.seeds),
        "fields": cls.flatten(),
        "changes": changes(cls),
        "pins": run.pins,
        "sources": run.sources,
        "stages": cls.stages(),
        "library": library_hash(),
        "device": device,
        "threads": threads,
        "level": cls.level,
        "choosing": run.choosing,
    }


def execute(
    task: Task, cls: Arm, report: Report, interrupted: Callable[[], bool], *,
    stop: Callable[[Exception, str], None] | None = None,
    recorder: Callable[[Journal, Report, Callable[[], bool]], Recorder] = Recorder,
) -> str:  # fmt: skip
    """Does the run and returns its state, ``finished`` or ``failed``; a failure is recorded and does not raise.

    ``stop``: called with a mistake and the spec's path, before it is recorded: a debugger. ``recorder`` makes the
    callback that writes the run down.
    Raises KeyboardInterrupt when it was interrupted; its checkpoint and journal hold all up to that step.
    """
    home = Path(task.home)
    folder = run_folder(home, task.id)
    if read_state(folder) in ("finished", "failed"):
        return str(read_state(folder))
    began = time.monotonic()
    with Journal.create(folder, {**task.facts, "created": time.time_ns() // 1_000_000}) as journal:
        _describe(folder, task)
        writer = recorder(journal, report, interrupted)
        if before := _failed_before(task):
            return _fail(journal, writer, *before, began)
        try:
            result = _run(task, cls, writer)
        except DivergedError as error:
            return _fail(journal, writer, "diverged", str(error), began)
        except RecordError:  # what cannot be written down is no result, not even a failure's
            raise
        except WorkbenchError as error:
            return _fail(journal, writer, "error", str(told_by(error, task.sets)), began)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            if stop is not None:
                stop(error, task.spec)
            write_bytes(folder / "error.txt", traceback.format_exc().encode())
            return _fail(journal, writer, "error", in_words(error, task.spec), began)
        _keep(folder, result)
        seconds = time.monotonic() - began
        journal.seal({"state": "finished", "metrics": result.metrics, "why": "", "seconds": seconds, **writer.facts})
    writer.checkpoint.unlink(missing_ok=True)
    return "finished"


def rebuild(task: Task) -> Arm:
    """The arm of a task, derived anew; raises :class:`SpecError` when code has changed since the plan."""
    spec = load_spec(Path(task.root), task.spec)
    experiment = spec.experiment
    arm, cell, tier = experiment.arm(task.arm), experiment.cell(task.cell), experiment.tier(task.tier)
    sets = {path: revived(value) for path, value in task.sets.items()}
    cls = settle(derive(experiment, arm, cell, tier, sets), task.autos)
    if task.choosing and cls.recalibrate == "after":
        cls = cls.but(recalibrate="never")
    if cls.flatten() != task.facts["fields"] or stage_hashes(cls, _library_base()) != task.facts["stages"]:
        raise SpecError("the spec was changed while the study was running", where=task.spec, hint="Run the study again")
    if task.facts["library"] != library_hash():
        raise SpecError("workbench itself was changed while the study was running", hint="Run the study again")
    return cls


def _library_base() -> type:
    from workbench.training.learner import Learner

    return Learner


def _run(task: Task, cls: Arm, recorder: Recorder) -> Result:
    """The Learner's run, resumed where there is a checkpoint."""
    weights = {name: run_folder(Path(task.home), run) / "weights.safetensors" for name, run in task.sources.items()}
    trained = run_folder(Path(task.home), task.trained_by) / "weights.safetensors" if task.trained_by else None
    learner = cls(Seeds(**task.seeds), device=task.device, threads=task.threads, root=task.root, sources=weights)
    return learner.run(callbacks=[recorder], resume=recorder.checkpoint, trained=trained, choosing=task.choosing)


def _failed_before(task: Task) -> tuple[str, str] | None:
    """Kind and reason when a run that this one starts from failed: it then fails alike, and is done again with it."""
    for run in (*task.sources.values(), *([task.trained_by] if task.trained_by else [])):
        path = run_folder(Path(task.home), run) / "result.json"
        result = read_json(path) if path.exists() else {}
        if result.get("state") == "failed":
            return str(result.get("kind", "error")), f"run {run}, which it starts from, failed: {result['why']}"
    return None


def in_words(error: Exception, spec: str) -> str:
    """The error on one line, with the experiment's own last line that was running, else the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = next((frame for frame in reversed(frames) if is_own(frame.filename, spec)), frames[-1])
    return f"{type(error).__name__}: {' '.join(str(error).split())} ({Path(where.filename).name}:{where.lineno})"


def _describe(folder: Path, task: Task) -> None:
    """Puts the spec and the environment beside the run, so that its folder and its copy in MLflow stand alone."""
    write_bytes(folder / "spec.py", Path(task.spec).read_bytes())
    environment = study_folder(Path(task.home), str(task.facts.get("study", ""))) / "environment.json"
    if environment.is_file():
        write_bytes(folder / "environment.json", environment.read_bytes())


def _keep(folder: Path, result: Result) -> None:
    import numpy as np

    predictions = result.predictions
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        index=predictions.index,
        target=predictions.target,
        prediction=predictions.prediction,
        confidence=predictions.confidence,
    )
    write_bytes(folder / "predictions.npz", buffer.getvalue())
    write_json(folder / "classes.json", list(result.classes))


def _fail(journal: Journal, recorder: Recorder, kind: str, why: str, began: float) -> str:
    journal.event("failed", why=why)
    journal.seal(
        {
            "state": "failed",
            "kind": kind,
            "metrics": {},
            "why": why,
            "seconds": time.monotonic() - began,
            **recorder.facts,
        }
    )
    return "failed"


def _numbers(seeds: Seeds) -> dict[str, int]:
    return {name: getattr(seeds, name) for name in Seeds.fields()}
