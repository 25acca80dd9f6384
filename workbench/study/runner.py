"""One ``wb run``: data, source networks, choices, every arm x seed, the verdict, and a record of all of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.parts import digest, plain
from workbench.record.environment import capture
from workbench.record.files import read_json, write_bytes, write_json
from workbench.record.git import Repository
from workbench.record.journal import Journal, read_state
from workbench.record.places import prepare, run_folder, study_folder
from workbench.record.shipper import Shipper
from workbench.record.snapshots import Snapshot
from workbench.record.system import Sampler
from workbench.study import autos, choices, materials
from workbench.study.debugger import Debugger
from workbench.study.estimate import Estimate
from workbench.study.execute import in_words
from workbench.study.executor import Executor, Watcher
from workbench.study.experiment import changes
from workbench.study.identity import library_hash
from workbench.study.outcomes import load
from workbench.study.plan import Options, Planned, Planner, told_by
from workbench.study.publish import replaces, write_curves, write_metrics, write_points, write_results
from workbench.study.settings import grouped
from workbench.study.spec import Spec, is_own
from workbench.study.summary import summarise

# Set by `wb reproduce` for the run that it starts: what that run reproduces.
REPRODUCES = "WB_REPRODUCES"
Boards = Callable[[int, int, Mapping[str, float | None]], contextlib.AbstractContextManager[Watcher]]


@dataclass
class Study:
    """A study that has been run: its record, its summary, and where both lie.

    ``failures`` has a line for each run that failed; ``mistakes`` of them did not diverge but stopped with an error.
    """

    folder: Path
    record: dict[str, Any]
    summary: dict[str, Any]
    trained: int
    recorded: int
    failures: list[str] = field(default_factory=list)
    mistakes: int = 0
    kept: str = ""


class Runner:
    """Runs one tier of one experiment.

    Args:
        root, home: the project and its state folder.
        boards: makes the progress display for (runs to do, jobs, seconds expected of each by its id).
        report: told what is going on outside of runs, as (text, done, total).
        resolved: given the rows of setting / value / why once nothing is "auto" any more.
        pdb: stop in the debugger where a run fails.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        spec: Spec,
        options: Options,
        *,
        jobs: int,
        boards: Boards,
        report: Callable[[str, int, int], None],
        resolved: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
        pdb: bool = False,
    ) -> None:
        self.root, self.home, self.spec, self.options = root, prepare(home), spec, options
        self.jobs, self.boards, self.report = jobs, boards, report
        self.resolved, self.pdb, self.trained = resolved, pdb, 0

    def run(self) -> Study:
        """Does what is not recorded yet and judges the whole.

        Raises the errors of data, spec and record; a run that fails by itself is recorded and does not raise.
        """
        repository = Repository.find(self.root)
        planner = Planner(self.root, self.home, {}, self.options)
        planner.pins = materials.ensure(self.root, planner.paths(self.spec), self.report)
        identity = study_identity(planner, self.spec)
        folder = study_folder(self.home, f"{self.spec.name}-{self.options.tier}-{identity[:8]}")
        facts = {**self._facts(identity, folder), **self._provenance(repository, folder.name)}
        if read_state(folder, kind="study") != "running":  # the journal refuses a study that somebody works on
            (folder / "result.json").unlink(missing_ok=True)
        with self._recording(folder, facts) as (journal, sampler, shipper):
            executor = self._executor(facts, folder, shipper)
            runs, settings = self._plan(planner, executor)
            write_json(folder / "study.json", {**facts, "runs": _listed(runs), "settings": settings})
            shipper.add_study(folder)
            recorded = len({run.id for run in runs}) - len(executor.missing(runs))
            self._execute(executor, runs)
            record = self._complete(folder, runs)
            summary = summarise(record, load(self.home, record))
            self._write(planner, folder, record, summary)
            sampler.stop()
            journal.seal(summary)
            kept = shipper.stop(timeout=120)
        failures = self._failures(runs)
        mistakes = sum(kind != "diverged" for kind, _ in failures)
        return Study(folder, record, summary, self.trained, recorded, [line for _, line in failures], mistakes, kept)

    def _executor(self, facts: dict[str, Any], folder: Path, shipper: Shipper) -> Executor:
        return Executor(
            self.root,
            self.home,
            facts=_for_runs(facts),
            jobs=self.jobs,
            device=self.options.device,
            threads=self.options.threads,
            pdb=self.pdb,
            measures=_measures(self.spec),
            opened=lambda run: shipper.add_run(run_folder(self.home, run.id), folder),
        )

    def _plan(self, planner: Planner, executor: Executor) -> tuple[list[Planned], list[dict[str, Any]]]:
        """Resolves "auto" and choices, doing the runs that this needs, and returns the plan and the settings' rows."""
        settings = self._resolve(planner, executor)
        planner.pins |= materials.ensure(self.root, planner.paths(self.spec), self.report)  # those of a model found
        known, missing = choices.known_choices(planner, self.spec)
        if missing:
            choices.choose(planner, self.spec, missing, lambda runs: self._execute(executor, runs))
            known, _ = choices.known_choices(planner, self.spec)
        rows = grouped([*settings, *choices.chosen_settings(planner, self.spec)])
        self.resolved(rows)
        return planner.runs(self.spec, known), rows

    def _resolve(self, planner: Planner, executor: Executor) -> list[dict[str, Any]]:
        """The rows of what "auto" became; user code runs for it, and its mistakes are told as in a run."""
        try:
            return autos.resolve_all(planner, self.spec, lambda runs: self._execute(executor, runs))
        except WorkbenchError as error:
            raise told_by(error, self.options.sets) from error
        except Exception as error:
            if self.pdb:
                Debugger().stop(error, str(self.spec.path))
            if not any(
                is_own(each.filename, str(self.spec.path)) for each in traceback.extract_tb(error.__traceback__)
            ):
                raise
            raise WorkbenchError(
                in_words(error, str(self.spec.path)),
                where=f"{self.spec.name}, finding what is 'auto'",
                hint="" if self.pdb else f"To stop there, type: wb run {self.spec.name} --pdb",
            ) from error

    def _execute(self, executor: Executor, runs: Sequence[Planned]) -> None:
        executor.tidy(runs)
        todo = executor.missing(runs)
        if not todo:
            return
        estimate = Estimate(self.home, self.spec, self.options.device)
        expected = {run.id: estimate.seconds(run) for run in todo}
        with self.boards(len(todo), min(self.jobs, len(todo)), expected) as board:
            executor.execute(runs, board)
        self.trained += len(todo)

    @contextlib.contextmanager
    def _recording(self, folder: Path, facts: dict[str, Any]) -> Iterator[tuple[Journal, Sampler, Shipper]]:
        """The study's journal, its system metrics and its shipper; all of them end with the study, however it ends."""
        shipper = Shipper(self.home)
        with Journal.create(folder, facts, kind="study") as journal:
            sampler = Sampler(journal, gpu=0 if self.options.device.startswith("cuda") else None)
            sampler.start()
            shipper.start()
            try:
                yield journal, sampler, shipper
            except BaseException:
                sampler.stop()
                journal.close()
                shipper.stop(timeout=5)
                raise

    def _facts(self, identity: str, folder: Path) -> dict[str, Any]:
        """What study.json says from the start."""
        experiment, options = self.spec.experiment, self.options
        planner = Planner(self.root, self.home, {}, options)
        return {
            "format": 1,
            "id": folder.name,
            "identity": identity,
            "experiment": self.spec.name,
            "title": self.spec.title,
            "about": self.spec.about,
            "tier": options.tier,
            "created": time.time_ns() // 1_000_000,
            "measure": experiment.measure,
            "options": _asked(options),
            "library": library_hash(),
            "device": options.device,
            "threads": options.threads,
            "runs": [],
            "settings": [],
            "claims": [claim.as_dict() for claim in experiment.claims],
            "cells": [
                {
                    "name": cell.name,
                    "about": cell.about,
                    "measure": experiment.measure,
                    "baseline": experiment.baseline.__name__,
                    "exploratory": cell.exploratory or bool(options.sets),
                    "arms": [
                        {
                            "name": arm.__name__,
                            "hypothesis": " ".join((arm.__doc__ or "").split()),
                            "changes": {path: list(pair) for path, pair in changes(arm).items()},
                        }
                        for arm in arms
                    ],
                }
                for cell, arms, _ in planner.cells(self.spec)
            ],
        }

    def _provenance(self, repository: Repository, name: str) -> dict[str, Any]:
        """Commit, snapshot, diff and environment; the bulky ones go beside study.json."""
        # a reproduction's tree is that of a commit which is kept already
        again = os.environ.get(REPRODUCES, "")
        facts, snapshot = repository.facts(), Snapshot(repository.head) if again else repository.snapshot(name)
        folder = study_folder(self.home, name)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.spec.path, folder / "spec.py")
        for path, why in snapshot.left_out.items():
            self.report(f"left out of the snapshot: {path} ({why}); this study cannot be re-created with it", 0, 0)
        level = self.options.level or self.spec.experiment.baseline.level
        environment = capture(device=self.options.device, threads=self.options.threads, level=level, root=self.root)
        write_json(folder / "environment.json", environment)
        if facts["dirty"]:
            write_bytes(folder / "diff.patch", repository.diff().encode())
        return {
            **facts, "snapshot": snapshot.commit, "left_out": snapshot.left_out, "lock": environment["lock"],
            "environment": environment, "class": environment["class"], "reproduces": again,
        }  # fmt: skip

    def _complete(self, folder: Path, runs: Sequence[Planned]) -> dict[str, Any]:
        """study.json with what only the finished runs know: chance levels and test sizes."""
        record: dict[str, Any] = read_json(folder / "study.json")
        for cell in record["cells"]:
            for run in runs:
                result = read_json(run_folder(self.home, run.id) / "result.json")
                own = run.experiment == self.spec.name  # a source's cell may have the same name
                if own and run.cell == cell["name"] and "chance" in result:
                    cell["chance"], cell["n_test"] = chance_level(result, cell["measure"]), result["n_test"]
                    break
        record["pins"] = {path: md5 for run in runs for path, md5 in run.pins.items()}
        write_json(folder / "study.json", record)
        return record

    def _write(self, planner: Planner, folder: Path, record: dict[str, Any], summary: dict[str, Any]) -> None:
        """Tables and figures, and where the whole tier was asked for the numbers that are kept beside the spec."""
        write_results(folder, record, summary)
        write_curves(folder, record, self.home)
        autos.write_range_tests(planner, self.spec, folder)
        beside = self.spec.path.parent
        if not _asked_for_less(self.options) and replaces(beside / "metrics.json", self.options.tier):
            write_metrics(beside / "metrics.json", record, summary, self.home)
            write_points(beside / "points.csv", summary)

    def _failures(self, runs: Sequence[Planned]) -> list[tuple[str, str]]:
        """Kind and line for each run that failed."""
        found = {}
        for run in runs:
            result = read_json(run_folder(self.home, run.id) / "result.json")
            if result["state"] == "failed":
                found[run.id] = str(result.get("kind")), f"{run.label}: {result['why']}"
        return list(found.values())


def _measures(spec: Spec) -> tuple[str, ...]:
    experiment = spec.experiment
    return experiment.measure, *([experiment.choose.measure] if experiment.choose else [])


def study_identity(planner: Planner, spec: Spec) -> str:
    """64 hexadecimal digits: a second ``wb run`` of the same question goes on with the same study."""
    experiment = spec.experiment
    cells: dict[str, Any] = {}
    for cell, arms, count in planner.cells(spec):
        derived = {arm.__name__: planner.derived(spec, cell, arm, planner.options.everywhere) for arm in arms}
        described = {name: [cls.flatten(), cls.stages()] for name, cls in derived.items()}
        cells[cell.name] = {"arms": described, "seeds": count, "sources": cell.sources, "exploratory": cell.exploratory}
    choice = experiment.choose
    grids = [plain(cell.grid) for cell, _, _ in planner.cells(spec)]
    return digest({
        "experiment": spec.name, "options": _asked(planner.options), "cells": cells, "pins": planner.pins,
        "first_seed": experiment.first_seed, "measure": experiment.measure, "library": library_hash(),
        "claims": [claim.as_dict() for claim in experiment.claims],
        "choice": [repr(choice), grids, *(arm.__name__ for arm in choice.arms or ())] if choice else [],
    })  # fmt: skip


def _asked(options: Options) -> dict[str, Any]:
    sets = {path: repr(value) for path, value in options.sets.items()}
    # what was not asked for is left out where it came later: a study's identity must not change by that
    later = {"only": list(options.only), "level": options.level}
    return {
        **{name: value for name, value in later.items() if value},
        "tier": options.tier,
        "cells": list(options.cells),
        "arms": list(options.arms),
        "seeds": options.seeds,
        "sets": sets,
        "device": options.device,
        "threads": options.threads,
    }


def _asked_for_less(options: Options) -> bool:
    """Whether this is not the whole tier as the spec has it: nothing to keep beside the spec."""
    return bool(options.cells or options.arms or options.seeds or options.only or options.everywhere)


def _for_runs(facts: dict[str, Any]) -> dict[str, Any]:
    """What every run.json repeats of the study, so that a run's folder can stand alone."""
    names = ("commit", "branch", "url", "dirty", "diff_stat", "snapshot", "lock", "class", "tier", "measure")
    reproduces = {"reproduces": facts["reproduces"]} if facts["reproduces"] else {}
    return {**{name: facts[name] for name in names}, **reproduces, "study": facts["id"]}


def _listed(runs: Sequence[Planned]) -> list[dict[str, Any]]:
    return [
        {
            "id": run.id,
            "experiment": run.experiment,
            "cell": run.cell,
            "arm": run.arm,
            "seeds": {key: getattr(run.seeds, key) for key in run.seeds.fields()},
        }
        for run in runs
    ]


def chance_level(result: Mapping[str, Any], measure: str) -> float | None:
    """What the best constant answer scores by ``measure``, of a finished run's result; None where it is not known.

    Runs recorded before all of its scores were have that of the target's own measure alone, an error rate for classes.
    """
    if "constant" in result:
        found: float | None = result["constant"].get(measure)
    else:
        found = result["chance"] if measure == "test/error" else None
    return found
