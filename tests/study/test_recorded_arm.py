"""Arms made again from flattened fields."""

import json
from pathlib import Path

import pytest

from tests.project import Project, read
from tests.recorded import change_everything, facts
from workbench import Augment, FineTune, ImageArrays, Learner, Network, Norm, OneCycle, SingleLabel
from workbench.errors import SpecError
from workbench.record.files import write_json
from workbench.study.recorded import RecordedRun, from_folder
from workbench.study.recorded_arm import recorded_arm, revived, with_fields


class Bars(Learner):
    """An arm with nested parts."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1), classes=("row", "column"))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=3, batch=32, lr=1e-2)


def as_json(arm: type[Learner]) -> dict[str, object]:
    found: dict[str, object] = json.loads(json.dumps(arm.flatten()))
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {"fit__lr": 3e-3, "model__norm__stats": "running"},
        {"fit": FineTune(epochs=1, batch=8, lr=1e-3), "model": Network("resnet20", norm=Norm(affine=False))},
        {"data__augment": None, "data__classes": None, "data__train": 7, "data__target": SingleLabel()},
        {"model": "auto", "fit__epochs": "auto"},
        {"recalibrate": "after", "diagnostics": ("train", "train_mode")},
    ],
)
def test_whatever_was_changed_comes_back(changes: dict[str, object]) -> None:
    then = Bars.but(**changes)
    again = with_fields(Bars, as_json(then))
    assert again.flatten() == then.flatten()
    assert again.fields() == then.fields()


def test_what_auto_became_is_built_again() -> None:
    then = Bars.but(model=Network("resnet20", width=8), fit__lr=2e-3)
    again = with_fields(Bars.but(model="auto", fit__lr="auto"), as_json(then))
    assert again.model == then.model and again.fit.lr == 2e-3


def test_a_field_that_came_later_keeps_its_default() -> None:
    old = as_json(Bars.but(fit__lr=1e-4))
    del old["recalibrate"], old["fit.clip"]
    again = with_fields(Bars, old)
    assert again.fit.lr == 1e-4 and again.recalibrate == "never" and again.fit.clip is None


def test_tuples_of_parts_and_parts_that_are_gone() -> None:
    flat = {"x.0": "Norm", "x.0.stats": "batch", "x.1": "Norm", "y": "Gone", "y.a": 1, "z": [1, 2], "w": "auto"}
    assert revived(flat, "x") == (Norm(stats="batch"), Norm())
    assert revived(flat, "z") == (1, 2) and revived(flat, "w") == "auto"
    with pytest.raises(SpecError, match="y: there is no part 'Gone' any more"):
        revived(flat, "y")


def first(project: Project, arm: str) -> RecordedRun:
    listed = next(each for each in facts(project)["runs"] if each["arm"] == arm)
    return from_folder(project.home, listed)


def test_a_run_s_arm(recorded: Project) -> None:
    for name in ("Base", "Stale"):
        run = first(recorded, name)
        arm = recorded_arm(recorded.root, run)
        assert arm.__name__ == name and json.loads(json.dumps(arm.flatten())) == run.facts["fields"]


def test_after_the_spec_and_its_helper_have_changed(recorded: Project) -> None:
    change_everything(recorded)
    arm = recorded_arm(recorded.root, first(recorded, "Base"))
    assert arm.fit.lr == 1e-2 and arm.data.train == 160


def test_code_that_is_not_what_it_was(recorded: Project) -> None:
    run = first(recorded, "Base")
    assert run.folder is not None
    path = run.folder / "run.json"
    write_json(path, {**read(path), "stages": {"forward": "0123456789abcdef"}})
    with pytest.raises(
        SpecError, match=r"\(forward\(\) is not what it was\). Type: git worktree add --detach \.\./then"
    ):
        recorded_arm(recorded.root, first(recorded, "Base"))


def test_a_spec_that_is_nowhere(recorded: Project) -> None:
    run = first(recorded, "Base")
    assert run.folder is not None
    for path in (run.folder / "spec.py", Path("experiments/small/spec.py")):
        path.unlink()
    with pytest.raises(SpecError, match=r"cannot be made again \(experiments/small/spec.py is missing\)"):
        recorded_arm(recorded.root, run)
