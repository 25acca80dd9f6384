"""``wb check``: findings in a table, exit code 1 only for what is wrong, 2 for a spec that does not load."""

from collections.abc import Callable

from tests.project import TINY, Project, Typed


def test_notes_are_no_failure(project: Project, typed: Callable[..., Typed]) -> None:
    done = typed("check", "tiny")
    assert (
        done.code == 0 and done.err == "" and "as pinned, " in done.out and "cannot be decided with 2 seeds" in done.out
    )
    assert not (project.home / "runs").exists()


def test_what_is_wrong(project: Project, typed: Callable[..., Typed]) -> None:
    (project.root / "data/small.npz").write_bytes(b"other")
    done = typed("check", "tiny")
    assert done.code == 1 and "differs from its pin. Type: wb data restore data/small.npz" in " ".join(done.out.split())


def test_a_spec_that_does_not_load(project: Project, typed: Callable[..., Typed]) -> None:
    project.spec("tiny", TINY.replace('    recalibrate = "after"', "    pass"))
    done = typed("check", "tiny")
    assert done.code == 2 and "arm Precise equals arm TrainBN" in done.complaint()


def test_resuming_an_arm_that_the_tier_has_not(project: Project, typed: Callable[..., Typed]) -> None:
    tiers = 'tiers={"smoke": Tier(arms=[Stale])}, seeds=2,'
    project.spec("tiny", TINY.replace("Claim,", "Claim, Tier,", 1).replace("seeds=2,", tiers, 1))
    done = typed("check", "tiny", "--resume", "--arm", "Precise")
    assert done.code == 2 and "arm 'Precise' is not in tier 'smoke'; it is in: default, full" in done.complaint()
