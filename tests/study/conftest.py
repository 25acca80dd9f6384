"""A recorded study made of real files, with errors chosen by the test."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.study.claims import Claim

N_TEST = 1000
Errors = Mapping[str, Mapping[str, Sequence[float | None]]]
MakeStudy = Callable[..., dict[str, Any]]


def write_run(home: Path, run: Mapping[str, Any], error: float | None, n_test: int, predictions: bool) -> None:
    """A run folder with result.json: a failed run for None, else one that errs on the first share of the examples."""
    folder = home / "runs" / run["id"]
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"id": run["id"], "pins": {"data/mnist.npz": "abc"}, "device": "cpu"}
    (folder / "run.json").write_text(json.dumps(facts))
    if error is None:
        result: dict[str, Any] = {"state": "failed", "metrics": {}, "why": "the loss is not finite"}
    else:
        metrics = {"test/error": error, "train_mode/error": error / 10, "recalibrated/error": error / 2}
        result = {"state": "finished", "metrics": metrics, "n_test": n_test}
    (folder / "result.json").write_text(json.dumps(result))
    if predictions and error is not None:
        target = np.zeros(n_test, dtype=np.int64)
        prediction = (np.arange(n_test) < round(error * n_test)).astype(np.int64)
        np.savez(folder / "predictions.npz", index=np.arange(n_test), target=target, prediction=prediction)


@pytest.fixture
def make_study() -> MakeStudy:
    """``make_study(home, {"main": {"Base": [0.1, ...], "Arm": [...]}}, claims=[...])``; None is a failed run.

    The first arm of a cell is its baseline. With ``sources=k`` the errors of a seed are k neighbours in the list.
    """

    def make(
        home: Path,
        errors: Errors,
        *,
        claims: Sequence[Claim] = (),
        id: str = "study-1",
        tier: str = "full",
        sources: int = 1,
        first_seed: int = 100,
        unfinished: int = 0,
        predictions: bool = False,
        n_test: int = N_TEST,
        **more: Any,
    ) -> dict[str, Any]:
        cells, runs = [], []
        for cell, arms in errors.items():
            described = [{"name": name, "hypothesis": f"{name} is better.", "changes": {}} for name in arms]
            facts = {"measure": "test/error", "chance": 0.9, "n_test": n_test, "exploratory": False}
            cells.append({"name": cell, "baseline": next(iter(arms)), "arms": described, **facts})
            for arm, values in arms.items():
                for place, value in enumerate(values):
                    seed, source = first_seed + place // sources, place % sources
                    seeds = {**dict.fromkeys(("subset", "init", "order", "augment"), seed), "source": source}
                    named = {
                        "id": f"{id}-{cell}-{arm}-{place}",
                        "experiment": more.get("experiment", "experiments/demo"),
                    }
                    run = {**named, "cell": cell, "arm": arm, "seeds": seeds}
                    runs.append(run)
                    if place < len(values) - unfinished:
                        write_run(home, run, value, n_test, predictions)
        study = {
            "format": 1, "id": id, "experiment": "experiments/demo", "title": "Does it help?", "tier": tier,
            "created": "2026-11-23T12:00:00", "commit": "4f2c91e" * 5, "snapshot": "", "dirty": False,
            "measure": "test/error", "cells": cells, "runs": runs, "claims": [each.as_dict() for each in claims],
            "settings": [{"name": "fit.lr", "value": 0.001, "why": "range test"}], **more,
        }  # fmt: skip
        folder = home / "studies" / id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "study.json").write_text(json.dumps(study))
        return study

    return make
