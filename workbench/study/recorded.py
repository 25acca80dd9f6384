"""A recorded study in one form, wherever it was kept: a state folder, or a published results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.record.files import read_json
from workbench.record.journal import read_run
from workbench.record.places import run_folder, study_folder
from workbench.streams import Seeds
from workbench.study.outcomes import Outcome

Points = list[tuple[int, float]]
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class RecordedRun:
    """One run as it was recorded.

    Attributes:
        seed: the seed tuple's text, the source included, e.g. ``"3/1"``.
        state: "finished", "failed" or "missing".
        weights: SHA-256 of the trained weights, "" where unknown; predictions: of the per-example answers.
        facts: fields, stages, library, pins, sources, device, threads, level, lock, class, environment.
        folder: where its journal and predictions lie; None for a published run.
        curves: what is left of its history where there is no journal.
    """

    id: str
    experiment: str
    cell: str
    arm: str
    seeds: dict[str, int]
    state: str
    metrics: dict[str, float] = field(default_factory=dict)
    weights: str = ""
    predictions: str = ""
    why: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    curves: dict[str, Points] = field(default_factory=dict)

    @property
    def seed(self) -> str:
        """The seed tuple's text."""
        return str(Seeds(**self.seeds))

    @property
    def key(self) -> Key:
        """What the same run has in common wherever it is recorded: (experiment, cell, arm, seed)."""
        return (self.experiment, self.cell, self.arm, self.seed)

    @property
    def label(self) -> str:
        """E.g. ``photos · TrainBN · seed 3``."""
        return f"{self.cell} · {self.arm} · seed {self.seed}"

    def history(self) -> dict[str, Points]:
        """``{metric: [(step, value), ...]}``; of a published run only the points that were kept."""
        if self.folder is None:
            return self.curves
        return {
            key: [(step, value) for step, value, _ in points] for key, points in read_run(self.folder).metrics.items()
        }

    def outcome(self) -> Outcome:
        """The run as the statistics take it."""
        seeds = Seeds(**self.seeds)
        file = self.folder / "predictions.npz" if self.folder else None
        return Outcome(
            cell=self.cell, arm=self.arm, seed=str(seeds.but(source=0)), source=seeds.source, state=self.state,
            metrics=self.metrics, predictions=file if file and file.exists() else None, why=self.why,
        )  # fmt: skip


@dataclass(frozen=True)
class RecordedStudy:
    """A study: ``facts`` as in study.json, ``origin`` says in words where it was found."""

    origin: str
    facts: dict[str, Any]
    runs: tuple[RecordedRun, ...]

    @property
    def commit(self) -> str:
        """The commit that re-creates its tree."""
        return str(self.facts.get("snapshot") or self.facts.get("commit") or "")

    @property
    def experiment(self) -> str:
        """The name of its experiment's folder."""
        return str(self.facts["experiment"])

    @property
    def tier(self) -> str:
        """How much of the experiment it is."""
        return str(self.facts["tier"])

    @property
    def environment(self) -> dict[str, Any]:
        """What it ran on."""
        return dict(self.facts.get("environment") or {})

    def own(self) -> dict[Key, RecordedRun]:
        """Its runs without the source networks that it starts from, by key."""
        return {run.key: run for run in self.runs if run.experiment == self.experiment}

    def at(self, keys: Sequence[Key]) -> dict[str, Any]:
        """``facts`` with those of its runs only, for statistics over a part."""
        runs = [
            {"id": run.id, "experiment": run.experiment, "cell": run.cell, "arm": run.arm, "seeds": run.seeds}
            for run in self.runs
            if run.key in set(keys)
        ]
        there = {(run["cell"], run["arm"]) for run in runs}
        cells = [
            {**cell, "arms": [arm for arm in cell["arms"] if (cell["name"], arm["name"]) in there]}
            for cell in self.facts["cells"]
        ]
        return {**self.facts, "runs": runs, "cells": [cell for cell in cells if cell["arms"]]}


def from_home(home: Path, study: str, origin: str) -> RecordedStudy:
    """The study of that id in a state folder.

    Raises:
        RecordError: when there is none, or a record cannot be read.
    """
    facts = read_json(study_folder(home, study) / "study.json")
    return RecordedStudy(origin, facts, _sourced([from_folder(home, listed) for listed in facts["runs"]]))


def from_folder(home: Path, listed: Mapping[str, Any]) -> RecordedRun:
    """A run of a state folder, as its study lists it (id, experiment, cell, arm, seeds)."""
    folder = run_folder(home, str(listed["id"]))
    facts = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    result = read_json(folder / "result.json") if (folder / "result.json").exists() else {}
    beside = folder / "environment.json"
    if facts and beside.exists():
        facts["environment"] = read_json(beside)
    return RecordedRun(
        id=str(listed["id"]),
        experiment=str(listed["experiment"]),
        cell=str(listed["cell"]),
        arm=str(listed["arm"]),
        seeds=dict(listed["seeds"]),
        state=str(result.get("state", "missing")),
        metrics=dict(result.get("metrics") or {}),
        weights=str(result.get("weights") or ""),
        why=str(result.get("why") or ""),
        facts=facts,
        folder=folder,
    )


def from_entry(entry: Mapping[str, Any], origin: str) -> RecordedStudy:
    """A study as :mod:`workbench.study.published` keeps it in results.json."""
    shared = {(arm["experiment"], arm["cell"], arm["arm"]): arm for arm in entry["arms"]}
    common = {key: entry.get(key) for key in ("lock", "class", "environment")} | {"snapshot": entry["commit"]}
    runs = []
    for run in entry["runs"]:
        arm = shared[run["experiment"], run["cell"], run["arm"]]
        own = {key: run.get(key) for key in ("identity", "seeds", "sources")}
        curves = {key: [(int(step), value) for step, value in points] for key, points in run.get("history", {}).items()}
        runs.append(
            RecordedRun(
                id=run["id"],
                experiment=run["experiment"],
                cell=run["cell"],
                arm=run["arm"],
                seeds=dict(run["seeds"]),
                state=run["state"],
                metrics=dict(run.get("metrics") or {}),
                weights=str(run.get("weights") or ""),
                predictions=str(run.get("predictions") or ""),
                why=str(run.get("why") or ""),
                facts={**arm, **common, **own},
                curves=curves,
            )
        )
    return RecordedStudy(origin, {**entry, "snapshot": entry["commit"]}, _sourced(runs))


def _sourced(runs: Sequence[RecordedRun]) -> tuple[RecordedRun, ...]:
    """The runs with the hash of the weights that they start from in place of a run's id.

    An id also holds what cannot have changed a bit, such as another number of threads that gave the same weights.
    """
    weights = {run.id: run.weights for run in runs if run.weights}
    for run in runs:
        sources = run.facts.get("sources")
        if sources:
            run.facts["sources"] = {name: weights.get(each, each) for name, each in sources.items()}
    return tuple(runs)
