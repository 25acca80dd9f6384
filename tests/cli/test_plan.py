"""``wb plan``: the whole table, and nothing done."""

from collections.abc import Callable

from tests.project import TINY, Project, Typed


def test_arms_settings_and_the_line(project: Project, typed: Callable[..., Typed]) -> None:
    done = typed("plan", "tiny", "--jobs", "3")
    assert done.code == 0 and done.err == ""
    assert done.out.startswith("Do stale statistics hurt a tiny network?\n\ncell ")
    assert (
        "tier default: 6 runs, 0 recorded, 6 to do on cpu, 3 at a time, time unknown until the first run is done"
        in done.out
    )
    assert not (project.home / "runs").exists() and project.git("status", "--porcelain") == ""


def test_what_is_open_and_what_is_promised(project: Project, typed: Callable[..., Typed]) -> None:
    text = TINY.replace("lr=1e-2", 'lr="auto"').replace("Claim,", "Claim, Tier,", 1)
    project.spec("tiny", text.replace("    seeds=2,", '    seeds=2,\n    tiers={"full": Tier(minutes=120)},'))
    done = typed("plan", "tiny", "--full")
    assert done.code == 0 and "auto " in done.out and "found when the study starts, on the baseline" in done.out
    assert done.out.rstrip().endswith(" at a time, the spec expects 2 h 0 min")
    done = typed("plan", "tiny", "--full", "--seeds", "9")
    assert done.out.rstrip().endswith(", time unknown until the first run is done")


def test_the_changes_of_the_command_line_are_named(project: Project, typed: Callable[..., Typed]) -> None:
    done = typed("plan", "tiny", "--set", "fit.lr=1e-3", "--arm", "Stale", "--seeds", "4")
    assert done.code == 0 and "note: --set makes this study exploratory" in done.out and "8 runs" in done.out
