"""The plan in tables: what differs, what is recorded, what is open, how long it takes."""

import pytest

from tests.project import TINY, Project, planner, runner
from workbench.errors import UsageError
from workbench.record.places import run_folder
from workbench.study.overview import Overview, overview
from workbench.study.plan import Options
from workbench.study.spec import load_spec

QUICK = {"fit__epochs": 1, "data__train": 64}


def look(project: Project, name: str = "tiny", jobs: int = 2, **options: object) -> Overview:
    return overview(project.root, project.home, load_spec(project.root, name), Options(**options), jobs)  # type: ignore[arg-type]


def test_before_anything_is_recorded(project: Project) -> None:
    found = look(project)
    assert found.arms == [
        ("main", "TrainBN", "the baseline", "2", "0"),
        ("main", "Stale", "TrainBN: model.norm.stats=batch, model.norm.affine=False", "2", "0"),
        ("main", "Precise", "TrainBN: recalibrate=after", "2", "0"),
    ]
    assert found.notes == [
        "C1 cannot be decided with 2 seeds: it takes 6 for 2 claims. Set seeds=6 in the spec, or type --seeds 6"
    ]
    assert look(project, seeds=6).notes == [] == look(project, tier="smoke").notes
    assert not (project.home / "runs").exists()
    assert found.line.startswith("tier default: 6 runs, 0 recorded, 6 to do on cpu, 2 at a time")
    assert "time unknown" in found.line


def test_sources_have_rows_of_their_own(project: Project) -> None:
    found = look(project, "target")
    assert ("source: source", "First · seed 0", "", "1", "0") in found.arms and "3 runs" in found.line


def test_after_a_run_it_knows_what_is_recorded_and_how_long_it_takes(project: Project) -> None:
    runner(project, "tiny", tier="smoke", sets=QUICK).run()
    found = look(project, tier="smoke", sets=QUICK)
    assert [row[-2:] for row in found.arms] == [
        ("1", "1")
    ] * 3 and found.line == "tier smoke: 3 runs, 3 recorded, 0 to do"
    assert found.notes == ["--set makes this study exploratory: its claims are not the pre-registered ones"]
    more = look(project, sets=QUICK)
    assert "6 runs, 3 recorded, 3 to do" in more.line and ", about " in more.line and more.line.endswith(" s")
    assert any(row["name"] == "loss" for row in found.settings)


def test_a_tier_without_the_baseline(project: Project) -> None:
    tiers = 'tiers={"smoke": Tier(arms=[Stale], seeds=1)}, seeds=2,'
    project.spec("tiny", TINY.replace("Claim,", "Claim, Tier,", 1).replace("seeds=2,", tiers, 1))
    assert [row[1] for row in look(project, tier="smoke", arms=("Stale",)).arms] == ["Stale"]
    with pytest.raises(UsageError, match=r"arm 'TrainBN' is not in tier 'smoke'; .* Type: --tier default"):
        look(project, tier="smoke", arms=("TrainBN",))


def test_what_goes_on_from_a_checkpoint_is_counted(project: Project) -> None:
    asked = planner(project)
    run = asked.runs(load_spec(project.root, "tiny"), {})[0]
    folder = run_folder(project.home, run.id)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    assert "6 to do on cpu" in look(project).line  # killed before its first checkpoint: it begins anew
    (folder / "checkpoint.safetensors").write_bytes(b"")
    assert "6 to do (1 from where it was interrupted) on cpu" in look(project).line


def test_what_is_confounded_or_open_is_said(project: Project) -> None:
    text = TINY.replace('    recalibrate = "after"', '    recalibrate = "after"\n    level = "fast"')
    project.spec("tiny", text.replace("lr=1e-2", 'lr="auto"'))
    found = look(project, seeds=6)
    assert len(found.notes) == 1 and found.notes[0].startswith(
        "Precise is confounded: it changes recalibrate and level at once"
    )
    assert {
        "name": "auto",
        "value": "open",
        "why": "found when the study starts, on the baseline",
    } in found.settings
    project.spec("tiny", text.replace('level = "fast"', 'level = "fast"\n    confounded = "on purpose"'))
    assert look(project, seeds=6).notes == ["Precise changes 2 things: on purpose"]


def test_what_auto_became_is_known_afterwards(project: Project) -> None:
    project.spec("tiny", TINY.replace("batch=32", 'batch="auto"'))
    assert any(row["value"] == "open" for row in look(project, tier="smoke", sets=QUICK).settings)
    runner(project, "tiny", tier="smoke", sets=QUICK).run()
    found = look(project, tier="smoke", sets=QUICK)
    assert found.line == "tier smoke: 3 runs, 3 recorded, 0 to do"
    assert not any(row["value"] == "open" for row in found.settings)


def test_choices_of_another_library_are_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    choice = 'choose=Choice(field="fit__lr", values=[1e-3, 3e-2], seeds=1),'
    project.spec(
        "tiny", TINY.replace("import Augment,", "import Augment, Choice,").replace("seeds=2,", f"seeds=1, {choice}")
    )
    runner(project, "tiny", sets=QUICK).run()
    assert not any("chosen" in note for note in look(project, sets=QUICK).notes)
    monkeypatch.setattr("workbench.study.choices.library_hash", lambda: "another")
    (note,) = [note for note in look(project, sets=QUICK).notes if "chosen" in note]
    assert note == (
        "what was chosen for TrainBN, Stale, Precise was measured before the library changed; "
        "to choose anew, delete experiments/tiny/choices.json"
    )
