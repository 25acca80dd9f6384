"""A study from start to end in this process: what it is, what it leaves, how it goes on after a break."""

from typing import Any

import pytest

from tests.project import SOURCE, TINY, Project, planner, read, runner, stored
from workbench.errors import DataError, FieldError
from workbench.record.journal import read_state
from workbench.study.experiment import Choice
from workbench.study.runner import chance_level, study_identity
from workbench.study.spec import load_spec

QUICK = {"fit__epochs": 1, "data__train": 64}


def identity(project: Project, change: Any = lambda experiment: None, **options: Any) -> str:
    spec = load_spec(project.root, "tiny")
    change(spec.experiment)
    return str(study_identity(planner(project, **options), spec))


def test_the_same_question_is_the_same_study(project: Project) -> None:
    same = identity(project)
    assert identity(project) == same
    others = [
        identity(project, tier="full"), identity(project, seeds=3), identity(project, sets=QUICK),
        identity(project, arms=("Stale",)),
        identity(project, threads=2), identity(project, lambda experiment: setattr(experiment, "first_seed", 7)),
        identity(project, lambda experiment: setattr(experiment, "claims", ())),
        identity(project, lambda experiment: setattr(experiment, "choose", Choice(field="fit__lr", values=[1]))),
    ]  # fmt: skip
    assert len({same, *others}) == len(others) + 1


def test_the_chance_level_is_that_of_the_measure() -> None:
    result = {"chance": 1.27, "constant": {"test/mse": 1.27, "test/rmse": 1.127}}
    assert chance_level(result, "test/rmse") == 1.127 and chance_level(result, "test/r2") is None
    earlier = {"chance": 0.9}
    assert chance_level(earlier, "test/error") == 0.9 and chance_level(earlier, "test/rmse") is None


def test_the_chance_level_is_not_that_of_a_source(project: Project) -> None:
    project.spec("source", SOURCE.replace("train=80", "train=80, test=50"))
    study = runner(project, "target", seeds=1, sets={"fit__epochs": 1}).run()
    (cell,) = study.record["cells"]
    assert {run["cell"] for run in study.record["runs"]} == {"main"} and len(study.record["runs"]) == 3
    assert cell["n_test"] == 120


def test_a_study_and_what_it_says_of_itself(project: Project) -> None:
    study = runner(project, "tiny", seeds=1, sets=QUICK).run()
    assert (study.trained, study.recorded, study.failures, study.kept) == (3, 0, [], "")
    assert read_state(study.folder, kind="study") == "finished" and study.folder == project.study()
    record = read(study.folder / "study.json")
    assert record["tier"] == "default" and record["options"]["sets"] == {"fit__epochs": "1", "data__train": "64"}
    (cell,) = record["cells"]
    assert (
        cell["exploratory"] and 0.5 < cell["chance"] < 0.8 and cell["n_test"] == 120 and cell["baseline"] == "TrainBN"
    )
    assert cell["arms"][1]["changes"] == {"model.norm.stats": ["track", "batch"], "model.norm.affine": [True, False]}
    assert (
        record["environment"]["python"] and record["commit"] == project.git("rev-parse", "HEAD") and not record["dirty"]
    )
    again = runner(project, "tiny", seeds=1, sets=QUICK).run()
    assert (again.trained, again.recorded, again.folder) == (0, 3, study.folder)
    assert again.summary == study.summary
    # another measure has a chance level of its own
    asked = runner(project, "tiny", seeds=1, sets=QUICK)
    asked.spec.experiment.measure = "test/loss"
    (cell,) = read(asked.run().folder / "study.json")["cells"]
    assert 1.3 < cell["chance"] < 1.5  # log 4 is 1.39


def test_a_break_leaves_an_interrupted_study_that_goes_on(project: Project) -> None:
    class Stop:
        """A display that somebody interrupts when the second run begins."""

        begun = 0

        def __enter__(self) -> "Stop":
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def start(self, run_id: str, label: str) -> None:
            self.begun += 1
            if self.begun == 2:
                raise KeyboardInterrupt

        def update(self, run_id: str, done: int, total: int, text: str = "") -> None:
            pass

        def finish(self, run_id: str, text: str = "") -> None:
            pass

    broken = runner(project, "tiny", seeds=1, sets=QUICK)
    broken.boards = lambda total, jobs, expected: Stop()
    with pytest.raises(KeyboardInterrupt):
        broken.run()
    assert read_state(project.study(), kind="study") == "interrupted"
    study = runner(project, "tiny", seeds=1, sets=QUICK).run()
    assert (study.trained, study.recorded) == (2, 1)
    assert {run.info.status for run in stored(project.home).values()} == {"FINISHED"}


def test_without_its_data_nothing_is_begun(project: Project) -> None:
    (project.root / "data/small.npz").write_bytes(b"other")
    with pytest.raises(DataError, match="is not what data"):
        runner(project, "tiny").run()
    assert not list(project.home.glob("studies/*")) and not (project.home / "runs").exists()


def test_a_setting_that_the_data_refuse_is_named_while_auto_is_found(project: Project) -> None:
    project.spec("tiny", TINY.replace("lr=1e-2", 'lr="auto"'))
    with pytest.raises(FieldError, match=r"^--set data\.train=99999: train is 99999, but there are"):
        runner(project, "tiny", tier="smoke", sets={"data__train": 99999}).run()
