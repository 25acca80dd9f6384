"""Which runs a tier consists of, in what order, and what each needs."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.project import SOURCE, TARGET, TINY, Project
from workbench import ImageFolder, Learner, Network
from workbench.errors import FieldError, SpecError, UsageError
from workbench.record.pins import read_pins
from workbench.study.experiment import Cell, Choice, Tier
from workbench.study.plan import CHOOSING_SEED, Options, Planned, Planner, files_of, parse_sets, settle, told_by
from workbench.study.spec import load_spec

ROOT = Path(__file__).parents[2]


def planner(project: Project, **options: object) -> Planner:
    pins = {path: pin.md5 for path, pin in read_pins(project.root).items()}
    return Planner(project.root, project.home, pins, Options(**options))  # type: ignore[arg-type]


def names(runs: list[Planned]) -> list[tuple[str, str]]:
    return [(run.arm, str(run.seeds)) for run in runs]


def test_every_arm_with_every_seed(project: Project) -> None:
    runs = planner(project).runs(load_spec(project.root, "tiny"), {})
    assert names(runs) == [(arm, seed) for seed in "01" for arm in ("TrainBN", "Stale", "Precise")]
    assert len({run.id for run in runs}) == 6 and all(run.id == run.identity[:16] for run in runs)
    assert runs[0].label == "main · TrainBN · seed 0"
    assert runs[0].pins == {"data/small.npz": read_pins(project.root)["data/small.npz"].md5}
    again = planner(project).runs(load_spec(project.root, "tiny"), {})
    assert [run.id for run in again] == [run.id for run in runs]


def test_an_arm_that_only_differs_after_training_waits_for_the_weights(project: Project) -> None:
    runs = {(run.arm, str(run.seeds)): run for run in planner(project).runs(load_spec(project.root, "tiny"), {})}
    base, precise = runs["TrainBN", "1"], runs["Precise", "1"]
    assert precise.trained == base.trained and precise.trained_by == base.id and base.id in precise.after
    assert base.trained_by == "" == runs["Stale", "1"].trained_by
    alone = planner(project, arms=("Stale",)).runs(load_spec(project.root, "tiny"), {})
    assert {run.arm for run in alone} == {"TrainBN", "Stale"}


def test_options_cut_a_tier_down(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    assert names(planner(project, tier="smoke", arms=("Stale",)).runs(spec, {})) == [("TrainBN", "0"), ("Stale", "0")]
    assert len(planner(project, seeds=5).runs(spec, {})) == 15
    for wrong in ({"arms": ("Stal",)}, {"cells": ("x",)}, {"tier": "x"}):
        with pytest.raises(SpecError, match=r"there is no (arm|cell|tier)"):
            planner(project, **wrong).runs(spec, {})


TIERED = (
    TINY.replace("import Augment,", "import Augment, Cell, Tier,")
    .replace(
        "experiment = Experiment(",
        "few, many = Cell('few', arms=[Stale, Precise]), Cell('many')\nexperiment = Experiment(",
    )
    .replace(
        "    seeds=2,",
        "    cells=[few, many],\n    tiers={'smoke': Tier(cells=[few], arms=[Stale]), 'gpu': Tier()},\n    seeds=2,",
    )
    .partition("    claims=")[0]
    + ")\n"
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"cells": ("many",)},
            "cell 'many' is not in tier 'smoke'; it is in: default, gpu, full. Type: --tier default",
        ),
        (
            {"arms": ("TrainBN",)},
            "arm 'TrainBN' is not in tier 'smoke'; it is in: default, gpu, full. Type: --tier default",
        ),
        ({"arms": ("Stale", "Precise")}, "arm 'Precise' is not in tier 'smoke'; it is in: default"),
        (
            {"tier": "full", "arms": ("TrainBN",), "cells": ("few",)},
            "arm 'TrainBN' is in none of the cells asked for; tier 'full' has it in: many. Type: --cell many",
        ),
    ],
)
def test_what_only_another_tier_has_is_refused(project: Project, asked: dict[str, Any], said: str) -> None:
    project.spec("tiny", TIERED)
    with pytest.raises(UsageError) as error:
        planner(project, **{"tier": "smoke", **asked}).cells(load_spec(project.root, "tiny"))
    assert str(error.value).startswith(said)


def test_an_arm_may_be_in_some_of_the_cells_only(project: Project) -> None:
    project.spec("tiny", TIERED)
    spec = load_spec(project.root, "tiny")
    assert [cell.name for cell, _, _ in planner(project, arms=("TrainBN",)).cells(spec)] == ["many"]
    assert [cell.name for cell, _, _ in planner(project, arms=("Stale",)).cells(spec)] == ["few", "many"]
    spec.experiment.tiers["default"] = Tier(arms=[spec.experiment.baseline])
    assert [cell.name for cell, _, _ in planner(project).cells(spec)] == ["many"]  # the other has none of them
    for tier in spec.experiment.tiers:
        spec.experiment.tiers[tier] = Tier(arms=[spec.experiment.arm("Stale")])
    with pytest.raises(UsageError, match=r"is not in tier 'smoke', nor in any other. Add it to a tier in the spec"):
        planner(project, tier="smoke", arms=("Precise",)).cells(spec)


def test_single_seeds_are_those_and_no_others(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    runs = planner(project, only=(7, 1), arms=("Stale",)).runs(spec, {})
    assert names(runs) == [("TrainBN", "7"), ("Stale", "7"), ("TrainBN", "1"), ("Stale", "1")]
    assert [count for _, _, count in planner(project, only=(7, 1)).cells(spec)] == [2]
    # the same run as when more are asked for
    whole = {(run.arm, str(run.seeds)): run.id for run in planner(project).runs(spec, {})}
    assert [run.id for run in runs[2:]] == [whole["TrainBN", "1"], whole["Stale", "1"]]


def test_a_level_reaches_every_run_and_those_it_starts_from(project: Project) -> None:
    spec = load_spec(project.root, "target")
    plain, strict = (planner(project, level=level).runs(spec, {}) for level in ("", "strict"))
    assert [run.experiment for run in strict] == ["source", "target", "target"]
    assert [run.cls.level for run in plain] == ["seeded"] * 3 and [run.cls.level for run in strict] == ["strict"] * 3
    assert all(run.sets == {"level": "strict"} for run in strict) and not any(run.sets for run in plain)
    assert not {run.id for run in plain} & {run.id for run in strict}
    assert [run.seeds for run in plain] == [run.seeds for run in strict]
    # a level that the spec has anyway changes no run's identity
    assert [run.id for run in planner(project, level="seeded").runs(spec, {})] == [run.id for run in plain]
    # other changes are the experiment's own matter: its sources train as their own spec says
    changed = planner(project, sets={"fit__epochs": 3}).runs(spec, {})
    assert [run.cls.fit.epochs for run in changed] == [1, 3, 3] and changed[0].id == plain[0].id


def test_a_level_does_not_touch_how_a_setting_is_chosen(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    choice = Choice(field="fit__lr", values=[1e-3, 1e-2], seeds=2)
    spec.experiment.choose = choice
    cell, arm = spec.experiment.cells[0], spec.experiment.arm("Stale")
    plain, fast, only = (
        planner(project, **more).choosing(spec, cell, arm, choice)
        for more in ({}, {"level": "fast"}, {"only": (5,), "level": "seeded"})
    )
    for value, runs in plain.items():
        assert [run.seeds for run in fast[value]] == [run.seeds for run in runs] == [run.seeds for run in only[value]]
        assert [run.id for run in only[value]] == [run.id for run in runs]
        assert {(run.cls.fit.lr, run.cls.level) for run in fast[value]} == {(value, "fast")}
        assert not {run.id for run in fast[value]} & {run.id for run in runs}
    # what was chosen is still put in, beside the level
    runs = planner(project, level="fast").runs(spec, {("main", "Stale"): 0.25})
    assert {(run.cls.fit.lr, run.cls.level) for run in runs if run.arm == "Stale"} == {(0.25, "fast")}


def test_sources_come_first_and_once(project: Project) -> None:
    spec = load_spec(project.root, "target")
    spec.experiment.cells = (Cell("main", sources=2), Cell("again", sources=2, fit__epochs=2, exploratory=True))
    runs = planner(project).runs(spec, {})
    sources = [run for run in runs if run.experiment == "source"]
    assert names(sources) == [("First", "0"), ("First", "1")]
    assert [run.label for run in sources] == [f"source: main · First · seed {number}" for number in "01"]
    assert runs[-1].label.startswith("again · ")
    for run in runs:
        if run.arm == "Tuned":
            needed = sources[run.seeds.source]
            assert run.sources == {"experiments/source": needed.id} and needed.id in run.after
            assert runs.index(needed) < runs.index(run)
        elif run.arm == "Scratch":
            assert not run.sources
    assert planner(project).paths(spec) == ["data/small.npz"]


def test_a_model_that_is_open_reads_the_weights_that_are_pinned(tmp_path: Path) -> None:
    class Open(Learner):
        """x"""

        data = ImageFolder("data/grocery.zip", size=64)

    assert files_of(Open, tmp_path) == ["data/grocery.zip"]
    shutil.copy2(ROOT / "data.dvc", tmp_path / "data.dvc")
    assert files_of(Open, tmp_path) == ["data/grocery.zip", "data/mobilenet_v2.pth"]
    assert files_of(Open.but(model=Network("resnet8")), tmp_path) == ["data/grocery.zip"]


def test_a_source_by_the_name_of_its_arm(project: Project) -> None:
    project.spec(
        "target",
        TARGET.replace('"experiments/source", norm=Norm()', '"experiments/source:Second", norm=Norm(kind="none")'),
    )
    runs = planner(project).runs(load_spec(project.root, "target"), {})
    assert [run.arm for run in runs if run.experiment == "source"] == ["Second"]
    project.spec("target", TARGET.replace("experiments/source", "experiments/sorce"))
    with pytest.raises(UsageError, match="did you mean 'source'"):
        planner(project).runs(load_spec(project.root, "target"), {})


def chained(project: Project) -> None:
    """Three experiments: each starts from the one before, the last one from the second seed, too."""
    project.spec("middle", TARGET.replace("train=120", "train=100"))
    text = TARGET.replace("experiments/source", "experiments/middle").replace("seeds=1", "seeds=1, CELLS")
    text = text.replace("CELLS", 'cells=[Cell("main", sources=2)]').replace(
        "import Experiment", "import Cell, Experiment"
    )
    project.spec("last", text)


def test_a_source_may_have_a_source_of_its_own(project: Project) -> None:
    chained(project)
    asked = planner(project)
    runs = asked.runs(load_spec(project.root, "last"), {})
    told = [(run.experiment, run.arm, str(run.seeds)) for run in runs]
    assert told[:3] == [("source", "First", "0"), ("middle", "Tuned", "0"), ("last", "Tuned", "0")]
    assert sorted(told[3:]) == [
        ("last", "Scratch", "0"), ("last", "Scratch", "0/1"), ("last", "Tuned", "0/1"), ("middle", "Tuned", "1"),
    ]  # fmt: skip
    first, middle, last = runs[:3]
    assert first.sources == {} and middle.sources == {"experiments/source": first.id}
    assert last.sources == {"experiments/middle": middle.id} and last.after == (middle.id,)
    # the middle one is the run that its own study has, whatever its number
    own = {run.id for run in planner(project, seeds=2).runs(load_spec(project.root, "middle"), {})}
    assert {run.id for run in runs if run.experiment == "middle"} <= own
    assert asked.paths(load_spec(project.root, "last")) == ["data/small.npz"]
    # what changes at the beginning reaches the end
    project.spec("source", SOURCE.replace("train=80", "train=81"))
    assert not {run.id for run in planner(project).runs(load_spec(project.root, "last"), {}) if run.arm == "Tuned"} & {
        run.id for run in runs
    }


def test_runs_that_two_cells_share_are_one_run(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    spec.experiment.cells = (Cell("a"), Cell("b"), Cell("c", fit__epochs=1))
    runs = planner(project, seeds=1).runs(spec, {})
    assert len(runs) == 9 and len({run.id for run in runs}) == 6
    linked = [run for run in runs if run.arm == "Precise"]
    assert all(run.trained_by and run.trained_by != run.id for run in linked)


def test_an_arm_that_chose_what_another_has_keeps_its_place(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    stale, base = spec.experiment.arm("Stale"), spec.experiment.baseline
    spec.experiment.choose = Choice(field="model", values=[base.model], arms=[stale])
    runs = planner(project, seeds=1).runs(spec, {("main", "Stale"): base.model})
    by_arm = {run.arm: run.id for run in runs}
    assert set(by_arm) == {"TrainBN", "Stale", "Precise"} and by_arm["Stale"] == by_arm["TrainBN"]


def test_changes_of_cell_tier_and_command_line_reach_the_runs(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    spec.experiment.tiers["smoke"] = Tier(seeds=1, changes={"fit__epochs": 1})
    (run, *_) = planner(project, tier="smoke", sets={"fit__lr": 0.5}).runs(spec, {})
    assert (run.cls.fit.epochs, run.cls.fit.lr, run.sets) == (1, 0.5, {"fit__lr": 0.5})


def test_choosing_has_seeds_of_its_own(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    choice = Choice(field="fit__lr", values=[1e-3, 1e-2], seeds=2)
    spec.experiment.choose = choice
    plans = planner(project).choosing(spec, spec.experiment.cells[0], spec.experiment.arm("Precise"), choice)
    assert set(plans) == {1e-3, 1e-2}
    for value, runs in plans.items():
        assert [run.seeds.order for run in runs] == [CHOOSING_SEED, CHOOSING_SEED + 1]
        assert all(run.choosing and run.cls.fit.lr == value and run.cls.recalibrate == "never" for run in runs)
    assert "· lr 0.001" in plans[1e-3][0].label
    chosen = planner(project).runs(spec, {("main", "Stale"): 0.25})
    assert {run.cls.fit.lr for run in chosen if run.arm == "Stale"} == {0.25}
    assert {run.cls.fit.lr for run in chosen if run.arm == "TrainBN"} == {1e-2}
    fixed = planner(project, sets={"fit__lr": 0.5}).runs(spec, {("main", "Stale"): 0.25})
    assert {run.cls.fit.lr for run in fixed} == {0.5}


def test_data_that_is_not_pinned_is_named(project: Project) -> None:
    project.spec("tiny", TINY.replace("data/small.npz", "data/smal.npz"))
    with pytest.raises(SpecError, match=r"reads data/smal.npz.*did you mean 'data/small.npz'"):
        planner(project).runs(load_spec(project.root, "tiny"), {})


def test_what_auto_became_reaches_only_what_is_still_auto(project: Project) -> None:
    base = load_spec(project.root, "tiny").experiment.baseline
    open_ = base.but(fit__lr="auto")
    assert settle(open_, {"fit__lr": 0.3, "fit__epochs": 9}).fit == base.fit.but(lr=0.3)
    assert settle(base, {"fit__lr": 0.3}) is base
    found = {"fit__lr": 0.3, "fit__weight_decay": 0.2}
    assert settle(open_, found).fit.weight_decay == 0.2, "it is found with the rate"
    assert settle(base, found) is base and settle(open_.but(fit__weight_decay=0.0), found).fit.weight_decay == 0.0


def test_settings_that_are_typed(project: Project) -> None:
    base = load_spec(project.root, "tiny").experiment.baseline
    typed = parse_sets(["fit.lr=1e-3", "fit.clip=None", "data.path=data/x=y.npz", "model.norm.affine=False"], base)
    assert typed == {"fit__lr": 1e-3, "fit__clip": None, "data__path": "data/x=y.npz", "model__norm__affine": False}
    for wrong, said in (
        ("fit.lr", "has no value"),
        ("fit.rl=3", "did you mean 'fit.lr'"),
        ("=3", "'' is not a setting"),
    ):
        with pytest.raises(UsageError, match=said):
            parse_sets([wrong], base)


def test_a_planned_run_is_plain_enough_to_compare(project: Project) -> None:
    (run, *_) = planner(project).runs(load_spec(project.root, "tiny"), {})
    assert dataclasses.replace(run) == run and planner(project).state(run) == "new"


def test_an_error_names_the_setting_that_was_typed() -> None:
    error = FieldError("train is 99999, but there are 240 training items", hint="Ask for fewer.")
    told = told_by(error, {"fit__epochs": 3, "data__train": 99999})
    assert isinstance(told, FieldError) and str(told).startswith("--set data.train=99999: train is 99999, but")
    assert told.hint == "Ask for fewer." and told_by(error, {"data__train": 9}) is error
    placed = FieldError("train is 99999, but", where="spec.py")
    assert told_by(placed, {"data__train": 99999}) is placed
