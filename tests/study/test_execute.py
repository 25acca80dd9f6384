"""One planned run, done in this process: finished, interrupted and resumed, failed, refused."""

import dataclasses
import errno
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.project import TINY, Project, planner, read
from workbench.errors import SpecError
from workbench.record.journal import read_run, read_state
from workbench.record.places import run_folder
from workbench.study.execute import Task, execute, rebuild, task_for
from workbench.study.plan import Planned
from workbench.study.spec import load_spec

QUICK = {"fit__epochs": 2, "data__train": 64}


def planned(project: Project, arm: str = "TrainBN", **options: Any) -> list[Planned]:
    """The runs of one arm, the baseline first."""
    chosen = planner(project, arms=(arm,), seeds=1, sets=QUICK, **options)
    return list(chosen.runs(load_spec(project.root, "tiny"), {}))


def task(project: Project, run: Planned, home: Path | None = None) -> Task:
    facts = {"study": "s", "commit": "c" * 40}
    return task_for(run, home=home or project.home, root=project.root, device="cpu", threads=1, facts=facts)


def do(project: Project, run: Planned, home: Path | None = None, interrupted: Any = lambda: False) -> str:
    return execute(task(project, run, home), run.cls, lambda done, total, text: None, interrupted)


def test_a_finished_run_says_all(project: Project) -> None:
    (run,) = planned(project)
    told: list[tuple[int, int]] = []
    state = execute(task(project, run), run.cls, lambda done, total, text: told.append((done, total)), lambda: False)
    folder = run_folder(project.home, run.id)
    assert state == "finished" == read_state(folder) and told[0] == (0, 4)
    view = read_run(folder)
    assert view.facts["fields"] == run.cls.flatten() and view.facts["study"] == "s" and view.facts["hypothesis"]
    assert view.facts["pins"] == run.pins and view.facts["identity"] == run.identity and view.facts["seed"] == "0"
    assert view.result is not None and view.result["n_train"] == 64 and view.result["n_test"] == 120
    assert 0.6 < view.result["chance"] < 0.8 and len(view.result["weights"]) == 64
    assert [step for step, _, _ in view.metrics["train/loss"]] == [1, 2, 3, 4]
    with np.load(folder / "predictions.npz") as kept:
        wrong = float(np.mean(kept["prediction"] != kept["target"]))
        assert len(kept["index"]) == 120 and wrong == pytest.approx(view.result["metrics"]["test/error"])
    assert read(folder / "run.json")["seeds"]["order"] == 0
    assert {path.name for path in folder.iterdir()} == {
        "run.json", "run.lock", "journal.jsonl", "result.json", "weights.safetensors", "predictions.npz",
        "classes.json", "spec.py",
    }  # fmt: skip
    before = (folder / "result.json").stat().st_mtime_ns
    assert do(project, run) == "finished" and (folder / "result.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_an_interrupted_run_goes_on_bit_for_bit(steps: int, project: Project, tmp_path: Path) -> None:
    (run,) = planned(project)
    assert do(project, run, tmp_path / "undisturbed") == "finished"
    count = itertools.count(1)
    with pytest.raises(KeyboardInterrupt):
        do(project, run, interrupted=lambda: next(count) == steps)
    folder = run_folder(project.home, run.id)
    assert read_state(folder) == "interrupted" and (folder / "checkpoint.safetensors").exists()
    # losses that wait on the device go on waiting in the checkpoint: what is written is the history's beginning
    written = [step for step, _, _ in read_run(folder).metrics.get("train/loss", [])]
    assert written == list(range(1, len(written) + 1)) and len(written) <= steps
    assert do(project, run) == "finished" and not (folder / "checkpoint.safetensors").exists()
    ours, theirs = read_run(folder), read_run(run_folder(tmp_path / "undisturbed", run.id))
    assert ours.result is not None and theirs.result is not None
    for key in ("metrics", "weights", "n_test", "chance"):
        assert ours.result[key] == theirs.result[key]
    strip = {key: [(step, value) for step, value, _ in points] for key, points in ours.metrics.items()}
    assert strip == {key: [(step, value) for step, value, _ in points] for key, points in theirs.metrics.items()}
    assert [each["facts"]["step"] for each in ours.events if each["name"] == "resumed at"] == [steps]


def test_an_arm_goes_on_from_the_weights_of_another(project: Project) -> None:
    base, precise = planned(project, "Precise")
    assert do(project, base) == do(project, precise) == "finished"
    view = read_run(run_folder(project.home, precise.id))
    assert "train/loss" not in view.metrics and "test/error" in view.metrics
    assert (
        view.result is not None
        and view.result["weights"] != read(run_folder(project.home, base.id) / "result.json")["weights"]
    )


MEND = "    def loss(self, output, batch):\n        return super().loss(output, batch)"


def broken(project: Project, body: str) -> Planned:
    """The run of an arm whose loss is ``body``."""
    text = TINY.replace('    recalibrate = "after"', f"    def loss(self, output, batch):\n        {body}")
    project.spec("tiny", text)
    return planned(project, "Precise")[-1]


def test_a_mistake_in_a_stage_is_told_with_the_spec_s_line(project: Project) -> None:
    run = broken(project, "return output.view(3, 'x')")
    assert do(project, run) == "failed"
    folder = run_folder(project.home, run.id)
    result = read(folder / "result.json")
    line = next(n for n, text in enumerate(run.spec.read_text().splitlines(), 1) if "'x'" in text)
    assert (
        result["kind"] == "error"
        and result["why"].startswith("TypeError: ")
        and result["why"].endswith(f"(spec.py:{line})")
    )
    assert "\n" not in result["why"] and "Traceback" in (folder / "error.txt").read_text()


def test_a_loss_that_is_no_number_is_told_as_such(project: Project) -> None:
    run = broken(project, "return super().loss(output, batch) * float('nan')")
    assert do(project, run) == "failed"
    result = read(run_folder(project.home, run.id) / "result.json")
    assert (
        result["kind"] == "diverged" and "the loss is nan at step 1 of 4" in result["why"] and result["metrics"] == {}
    )


def test_a_full_disk_is_no_result(project: Project) -> None:
    run = broken(project, f"raise OSError({errno.ENOSPC}, 'No space left on device')")
    with pytest.raises(OSError, match="No space left"):
        do(project, run)
    assert read_state(run_folder(project.home, run.id)) == "interrupted"


def test_what_starts_from_a_failed_run_fails_alike(project: Project) -> None:
    loss = "    def loss(self, output, batch):\n        return output.sum() * float('nan')"
    text = TINY.replace("class Stale", f"class Nan(TrainBN):\n{loss}\n\n\nclass Stale")
    text = text.replace("class Precise(TrainBN)", "class Precise(Nan)").replace("arms=[Stale,", "arms=[Stale, Nan,")
    project.spec("tiny", text)
    runs = planner(project, arms=("Nan", "Precise"), seeds=1, sets=QUICK).runs(load_spec(project.root, "tiny"), {})
    assert [run.arm for run in runs] == ["TrainBN", "Nan", "Precise"] and runs[2].trained_by == runs[1].id
    assert do(project, runs[1]) == do(project, runs[2]) == "failed"
    result = read(run_folder(project.home, runs[2].id) / "result.json")
    assert (
        result["kind"] == "diverged"
        and f"run {runs[1].id}, which it starts from, failed: the loss is nan" in result["why"]
    )


def test_a_task_crosses_a_process_border(project: Project) -> None:
    for run in planned(project, "Precise"):
        crossed = Task(**json.loads(json.dumps(dataclasses.asdict(task(project, run)))))
        arm = rebuild(crossed)
        assert arm.flatten() == run.cls.flatten() and arm.__name__ == run.arm and arm.__doc__ == run.cls.__doc__


def test_a_spec_that_changed_meanwhile_is_refused(project: Project) -> None:
    (run,) = planned(project)
    made = task(project, run)
    project.spec("tiny", TINY.replace("lr=1e-2", "lr=2e-2"))
    with pytest.raises(SpecError, match="was changed while the study was running"):
        rebuild(made)
    project.spec("tiny", TINY.replace("    model = Network", f"{MEND}\n\n    model = Network", 1))
    with pytest.raises(SpecError, match="was changed while the study was running"):
        rebuild(made)


def test_a_setting_that_the_data_refuse_is_named(project: Project) -> None:
    chosen = planner(project, seeds=1, sets={"data__train": 99999})
    run = chosen.runs(load_spec(project.root, "tiny"), {})[0]
    assert do(project, run) == "failed"
    result = read_run(run_folder(project.home, run.id)).result
    assert result is not None and result["why"].startswith("--set data.train=99999: train is 99999, but there are")
