"""Findings about an experiment before anything is trained."""

import shutil

from tests.project import TINY, Project
from workbench.study.checks import Check, check
from workbench.study.plan import Options
from workbench.study.spec import load_spec


def look(project: Project, name: str = "tiny", **options: object) -> dict[str, Check]:
    found = check(project.root, project.home, load_spec(project.root, name), Options(**options))  # type: ignore[arg-type]
    return {each.what: each for each in found}


def test_all_is_well_but_for_the_seeds(project: Project) -> None:
    found = look(project)
    assert {what: each.state for what, each in found.items()} == {
        "spec": "ok", "data/small.npz": "ok", "settings": "ok", "main · audit": "ok", "claim C1": "note",
    }  # fmt: skip
    assert found["main · audit"].text.startswith("11 checks in order: duplicates, split balance, class sets")
    assert "3 arms in 1 cell" in found["spec"].text
    # one-sided, of two claims, as the verdict counts it; C2 claims equality, which needs no number of seeds
    assert "cannot be decided with 2 seeds: it takes 6 for 2 claims" in found["claim C1"].text
    assert look(project, seeds=20)["claims"] == Check("ok", "claims", "2 can be decided")
    assert not (project.home / "runs").exists()


def test_data_that_is_not_there_or_another(project: Project) -> None:
    data = project.root / "data/small.npz"
    content = data.read_bytes()
    data.unlink()
    assert look(project)["data/small.npz"].state == "note"
    assert "Type: wb data pull data/small.npz" in look(project)["audit"].text
    data.write_bytes(content + b"x")
    assert (
        look(project)["data/small.npz"].state == "wrong" and "wb data restore" in look(project)["data/small.npz"].text
    )
    (project.root / "data.dvc").unlink()
    found = look(project)
    assert found["data/small.npz"].state == "wrong" and "wb data pin" in found["data/small.npz"].text


def test_arms_that_are_confounded_or_say_nothing(project: Project) -> None:
    text = TINY.replace('    recalibrate = "after"', '    recalibrate = "after"\n    level = "fast"')
    project.spec(
        "tiny", text.replace('    """The batch\'s statistics in training, the initial ones in evaluation."""\n\n', "")
    )
    found = look(project)
    assert (
        found["Precise"].text.startswith("confounded: changes recalibrate and level at once")
        and found["Precise"].state == "note"
    )
    assert "has no docstring" in found["Stale"].text


def test_claims_that_the_tier_does_not_test(project: Project) -> None:
    found = look(project, arms=("Stale",), seeds=20)
    assert found["claims"].state == "note" and "1 of 2 are not tested in tier 'default'" in found["claims"].text


def test_a_combination_that_makes_no_sense(project: Project) -> None:
    found = look(project, sets={"model__norm__kind": "group"})
    wrong = [each for each in found.values() if each.state == "wrong"]
    assert len(wrong) == 1 and wrong[0].what == "main · Stale" and "Norm.stats" in wrong[0].text


def test_a_source_s_data_are_looked_at(project: Project) -> None:
    spec = project.root / "experiments/source/spec.py"
    shutil.copy(project.root / "data/small.npz", project.root / "data/other.npz")
    spec.write_text(spec.read_text().replace("data/small.npz", "data/other.npz"))
    found = look(project, "target")
    assert found["data/other.npz"].state == "wrong" and found["data/small.npz"].state == "ok"
