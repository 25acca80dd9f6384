"""Settings chosen on validation data: the same budget for each arm, remembered beside the spec."""

import shutil
from collections.abc import Callable, Sequence

import pytest

from tests.project import TINY, Project, planner, read, runner
from workbench.errors import RecordError
from workbench.study import choices
from workbench.study.engines.inline import Listener, run_inline
from workbench.study.execute import task_for
from workbench.study.experiment import Choice, Tier
from workbench.study.plan import Planned
from workbench.study.runner import study_identity
from workbench.study.spec import Spec, load_spec

QUICK = {"fit__epochs": 1, "data__train": 64}
CHOOSING = TINY.replace("import Augment,", "import Augment, Choice, Tier,").replace(
    "    seeds=2,",
    '    seeds=1,\n    choose=Choice(field="fit__lr", values=[1e-3, 3e-2]),\n'
    '    tiers={"smoke": Tier(seeds=1, choosing=False)},',
)


def executing(project: Project) -> Callable[[Sequence[Planned]], None]:
    def execute(runs: Sequence[Planned]) -> None:
        tasks = [task_for(run, home=project.home, root=project.root, device="cpu", threads=1, facts={}) for run in runs]
        quiet = Listener(lambda run: None, lambda *each: None, lambda run, state: None)
        run_inline(tasks, {run.id: run.cls for run in runs}, quiet)

    return execute


@pytest.fixture
def chosen(project: Project) -> tuple[Project, Spec]:
    project.spec("tiny", CHOOSING.replace("epochs=2, batch=32", "epochs=1, batch=32"))
    return project, load_spec(project.root, "tiny")


def test_what_has_to_be_chosen(chosen: tuple[Project, Spec]) -> None:
    project, spec = chosen
    known, missing = choices.known_choices(planner(project), spec)
    assert known == {} and [(cell.name, arm.__name__) for cell, arm, _ in missing] == [
        ("main", "TrainBN"),
        ("main", "Stale"),
    ]
    for nothing in ({"tier": "smoke"}, {"sets": {"fit__lr": 1e-2}}):
        assert choices.known_choices(planner(project, **nothing), spec) == ({}, [])
        assert choices.chosen_settings(planner(project, **nothing), spec) == []


def test_the_best_on_validation_is_taken_and_never_asked_for_again(chosen: tuple[Project, Spec]) -> None:
    project, spec = chosen
    study = runner(project, "tiny").run()
    kept = read(project.root / "experiments/tiny/choices.json")
    assert kept["field"] == "fit__lr" and kept["measure"] == "validation/error"
    for entry in kept["entries"].values():
        assert set(entry["measured"]) == {"0.001", "0.03"}
        assert entry["measured"][repr(entry["value"])] == min(entry["measured"].values())
    runs = [facts for key, facts in project.runs().items() if not facts["choosing"]]
    by_arm = {facts["arm"]: facts["fields"]["fit.lr"] for facts in runs}
    assert by_arm["TrainBN"] == by_arm["Precise"] and set(by_arm.values()) <= {1e-3, 3e-2} and len(runs) == 3
    assert study.trained == 7  # two arms x two values, then three arms; Precise takes what TrainBN was given
    assert {setting["name"] for setting in study.record["settings"]} >= {"Stale · fit.lr", "Precise · fit.lr"}
    assert not any("validation/error" in facts["result"]["metrics"] for facts in runs)

    before = (project.root / "experiments/tiny/choices.json").read_bytes()
    shutil.rmtree(project.home / "runs")  # another clone has the file and no runs
    known, missing = choices.known_choices(planner(project), spec)
    assert missing == [] and known == {("main", arm): value for arm, value in by_arm.items()}
    assert runner(project, "tiny").run().trained == 3
    assert (project.root / "experiments/tiny/choices.json").read_bytes() == before


def test_a_value_that_diverges_loses(chosen: tuple[Project, Spec]) -> None:
    project, spec = chosen
    spec.experiment.choose = Choice(field="fit__lr", values=[99.0, 1e-2])
    spec.experiment.tiers["default"] = Tier(changes={"fit__optimizer": "sgd", "model__norm__kind": "none"})
    asked = planner(project, arms=("TrainBN",))
    _, missing = choices.known_choices(asked, spec)

    choices.choose(asked, spec, missing, executing(project))
    (entry,) = read(choices.choices_file(spec))["entries"].values()
    assert entry["value"] == 1e-2 and entry["measured"]["99.0"] is None
    (row,) = choices.chosen_settings(asked, spec)
    assert "99.0: failed" in row["why"] and row["value"] == 1e-2


def test_one_arm_chooses_among_recipes_and_the_others_keep_theirs(chosen: tuple[Project, Spec]) -> None:
    project, spec = chosen
    tuned = spec.experiment.arm("Stale")
    recipes = [tuned.fit.but(lr=1e-2, epochs=2), tuned.fit.but(lr=1e-3)]
    before = study_identity(planner(project), spec)
    spec.experiment.choose = Choice(field="fit", values=recipes, arms=[tuned])
    assert study_identity(planner(project), spec) != before
    asked = planner(project)
    _, missing = choices.known_choices(asked, spec)
    assert [arm.__name__ for _, arm, _ in missing] == ["Stale"]
    choices.choose(asked, spec, missing, executing(project))
    (entry,) = read(choices.choices_file(spec))["entries"].values()
    assert set(entry["measured"]) == {repr(recipe) for recipe in recipes}
    best = min(recipes, key=lambda recipe: entry["measured"][repr(recipe)])  # the first of equals
    known, missing = choices.known_choices(asked, spec)
    assert known == {("main", "Stale"): best} and not missing
    runs = {run.arm: run.cls.fit for run in asked.runs(spec, known)}
    assert runs["Stale"] == best and runs["TrainBN"] == spec.experiment.baseline.fit
    (row,) = choices.chosen_settings(asked, spec)
    assert row["setting"] == "Stale · fit" and row["value"] == repr(best) and "edge" not in row["why"]


def test_recipes_are_chosen_again_when_a_rule_gives_them_another_batch(chosen: tuple[Project, Spec]) -> None:
    project, spec = chosen
    tuned = spec.experiment.arm("Stale")
    spec.experiment.choose = Choice(
        field="fit", values=[tuned.fit.but(lr=1e-2, batch="auto"), tuned.fit.but(lr=1e-3)], arms=[tuned]
    )
    keys = set()
    for found in ({}, {"fit__batch": 32}, {"fit__batch": 64}, {"fit__batch": 64}):
        asked = planner(project)
        asked.autos = {"main": found}
        ((_, _, key),) = choices.known_choices(asked, spec)[1]
        keys.add(key)
    assert len(keys) == 3


@pytest.mark.parametrize("text", ["{", "[]", '{"entries": {"a": {"cell": "main"}}}'])
def test_a_file_that_is_spoilt_says_what_to_type(text: str, chosen: tuple[Project, Spec]) -> None:
    project, spec = chosen
    choices.choices_file(spec).write_text(text)
    with pytest.raises(RecordError) as error:
        choices.known_choices(planner(project), spec)
    shown = "experiments/tiny/choices.json"
    assert str(error.value).startswith(f"{shown}: ")
    assert str(error.value).endswith(f". Type: git checkout {shown}, or delete it to choose anew")
