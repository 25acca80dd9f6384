from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.study.claims import Claim
from workbench.study.outcomes import load
from workbench.study.summary import summarise

MakeStudy = Callable[..., dict[str, Any]]
Judge = Callable[..., list[dict[str, Any]]]


def around(centre: float, n: int = 10, spread: float = 0.03, seed: int = 0) -> list[float]:
    """n errors within a few percent of a centre."""
    return [float(x) for x in centre * np.exp(spread * np.random.default_rng(seed).uniform(-1, 1, n))]


@pytest.fixture
def judged(tmp_path: Path, make_study: MakeStudy) -> Judge:
    def judge(arms: Mapping[str, Sequence[float | None]], *claims: Claim, **options: Any) -> list[dict[str, Any]]:
        study = make_study(tmp_path, {"main": arms}, claims=claims, **options)
        verdicts: list[dict[str, Any]] = summarise(study, load(tmp_path, study))["claims"]
        return verdicts

    return judge


RATIO = Claim.ratio("Arm", "Base", at_least=6, partly=5, name="C1")


@pytest.mark.parametrize(
    ("arm", "verdict", "status"),
    [
        (0.8, "reproduced", "good"),
        (0.6, "partly", "partly"),
        (0.53, "partly", "partly"),
        (0.4, "not reproduced", "bad"),
    ],
)
def test_a_ratio_needs_its_lower_limit_above_the_threshold(
    judged: Judge, arm: float, verdict: str, status: str
) -> None:
    (found,) = judged({"Base": around(0.1), "Arm": around(arm, seed=1)}, RATIO)
    assert (found["verdict"], found["status"], found["tier"], found["n"]) == (verdict, status, "full", 10)
    assert found["means"]["Base"] == pytest.approx(0.1, rel=0.03) and found["means"]["Arm"] == pytest.approx(
        arm, rel=0.03
    )
    assert found["unit"] == "ratio" and found["interval"][0] < found["estimate"] < found["interval"][1]


def test_p_speaks_of_the_threshold_not_of_one(judged: Judge) -> None:
    (above,) = judged({"Base": around(0.1), "Arm": around(0.8, seed=1)}, RATIO)
    assert above["p"] == above["p_holm"] == 2.0**-10
    (below,) = judged({"Base": around(0.1), "Arm": around(0.5, seed=1)}, RATIO, id="below")
    assert below["p"] == 1.0


@pytest.mark.parametrize(
    ("arm", "verdict"), [(0.101, "equal"), (0.2, "different"), (0.05, "different"), (0.109, "not shown equal")]
)
def test_equality_is_only_shown_by_tost(judged: Judge, arm: float, verdict: str) -> None:
    (found,) = judged({"Base": around(0.1), "Arm": around(arm, seed=1)}, Claim.equal("Arm", "Base", within=0.10))
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("arm", "by", "verdict"),
    [
        (0.2, 0.0, "arm worse"),
        (0.05, 0.0, "arm better"),
        (0.1, 0.0, "no difference shown"),
        (0.2, 0.15, "no difference shown"),
    ],
)
def test_a_two_sided_difference(judged: Judge, arm: float, by: float, verdict: str) -> None:
    (found,) = judged({"Base": around(0.1), "Arm": around(arm, seed=1)}, Claim.differs("Arm", "Base", by=by))
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("make", "arm", "verdict"),
    [
        (Claim.lower, 0.05, "shown"),
        (Claim.lower, 0.2, "opposite"),
        (Claim.higher, 0.2, "shown"),
        (Claim.higher, 0.05, "opposite"),
        (Claim.higher, 0.1, "not shown"),
    ],
)
def test_a_directional_difference(judged: Judge, make: Callable[..., Claim], arm: float, verdict: str) -> None:
    (found,) = judged({"Base": around(0.1), "Arm": around(arm, seed=1)}, make("Arm", "Base"))
    assert found["verdict"] == verdict


def test_the_declared_smallest_difference_counts(judged: Judge) -> None:
    arms = {"Base": around(0.1), "Arm": around(0.2, seed=1)}
    (found,) = judged(arms, Claim.higher("Arm", "Base", by=0.15))
    assert found["verdict"] == "not shown" and found["p"] == 1.0


@pytest.mark.parametrize(("fixed", "verdict"), [(0.105, "reproduced"), (0.3, "not reproduced")])
def test_recovery_of_the_excess_error(judged: Judge, fixed: float, verdict: str) -> None:
    arms = {"Base": around(0.1), "Bad": around(0.6, seed=1), "Fixed": around(fixed, seed=2)}
    (found,) = judged(arms, Claim.recovers("Fixed", "Bad", "Base"))
    assert (found["verdict"], found["unit"]) == (verdict, "share")
    assert found["estimate"] == pytest.approx((0.6 - fixed) / 0.5, abs=0.03)


def test_nothing_is_recovered_where_nothing_was_lost(judged: Judge) -> None:
    arms = {"Base": around(0.1), "Bad": around(0.1, seed=1), "Fixed": around(0.1, seed=2)}
    (found,) = judged(arms, Claim.recovers("Fixed", "Bad", "Base"))
    assert found["verdict"] == "not reproduced" and "no clear excess" in found["note"]
    assert found["interval"] == [None, None]


def test_one_seed_allows_no_inference(judged: Judge) -> None:
    (found,) = judged({"Base": [0.1], "Arm": [0.9]}, RATIO, tier="smoke")
    assert (found["verdict"], found["status"]) == ("no inference from one seed", "open")
    assert found["estimate"] == pytest.approx(9) and found["interval"] is None and found["p"] is None


def test_what_the_seeds_cannot_decide_is_said_so(judged: Judge) -> None:
    arms = {"Base": around(0.1, 3), "Arm": around(0.9, 3, seed=1)}
    ratio, differs, equal = judged(
        arms, RATIO, Claim.differs("Arm", "Base"), Claim.equal("Arm", "Base", within=0.1), tier="default"
    )
    assert ratio["verdict"] == "cannot be decided with 3 seeds (needs at least 6)"
    assert differs["verdict"] == "cannot be decided with 3 seeds (needs at least 7)"
    assert ratio["p_holm"] is None and ratio["p"] == 0.125
    assert equal["verdict"] == "not shown equal"


def test_a_large_family_needs_more_seeds(judged: Judge) -> None:
    arms = {"Base": around(0.1, 6), "Arm": around(0.9, 6, seed=1)}
    assert judged(arms, RATIO)[0]["verdict"] == "reproduced"
    many = [Claim.differs("Arm", "Base", name=f"D{k}") for k in range(4)]
    assert {each["verdict"] for each in judged(arms, *many, id="many")} == {
        "cannot be decided with 6 seeds (needs at least 8)"
    }


def test_holm_over_the_family(judged: Judge) -> None:
    arms = {"Base": around(0.1), "Arm": around(0.8, seed=1), "Near": around(0.1, seed=2)}
    first, second = judged(arms, RATIO, Claim.differs("Near", "Base"))
    assert first["p_holm"] == pytest.approx(2 * first["p"])
    assert second["p_holm"] == second["p"]


def test_claims_beyond_the_tier_are_not_tested(judged: Judge) -> None:
    arms = {"Base": around(0.1), "Arm": around(0.8, seed=1)}
    found = judged(arms, RATIO, Claim.lower("Absent", "Base"), Claim.lower("Arm", "Base", cell="other"))
    assert [each["verdict"] for each in found] == ["reproduced", "not tested in this tier", "not tested in this tier"]
    assert found[0]["p_holm"] == found[0]["p"]
    assert [each["name"] for each in found] == ["C1", "C2", "C3"]


def test_a_study_that_is_not_finished_is_not_judged(judged: Judge) -> None:
    (found,) = judged({"Base": around(0.1), "Arm": around(0.8, seed=1)}, RATIO, unfinished=2)
    assert found["verdict"] == "not finished (8 of 10 seeds)" and found["p_holm"] is None
    (nothing,) = judged({"Base": around(0.1), "Arm": around(0.8, seed=1)}, RATIO, unfinished=10, id="new")
    assert nothing["verdict"] == "not finished (0 of 10 seeds)" and nothing["estimate"] is None


def test_a_failed_run_counts_as_the_worst_score(judged: Judge) -> None:
    arm: list[float | None] = [*around(0.05, 9, seed=1), None]
    (found,) = judged({"Base": around(0.1), "Arm": arm}, Claim.lower("Arm", "Base"))
    assert found["verdict"] == "not shown" and found["note"] == "1 failed run counted as the worst score"
    assert found["means"]["Arm"] == pytest.approx(0.145, abs=0.005)


def test_an_exploratory_cell_gives_no_verdict(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": around(0.1), "Arm": around(0.8)}}, claims=[RATIO])
    study["cells"][0]["exploratory"] = True
    (found,) = summarise(study, load(tmp_path, study))["claims"]
    assert found["verdict"] == "exploratory, no verdict" and not found["confirmatory"]
    assert found["interval"] is not None and found["p_holm"] is None


def test_the_wider_interval_decides_the_verdict(judged: Judge) -> None:
    arms = {"Base": [0.1] * 10, "Arm": [0.65] * 10}
    assert judged(arms, RATIO)[0]["verdict"] == "reproduced"
    (found,) = judged(arms, RATIO, predictions=True, n_test=200, id="few examples")
    assert found["verdict"] == "partly" and "test examples" in found["note"]


def test_a_claim_about_another_measure(judged: Judge) -> None:
    claim = Claim.ratio("Arm", "Base", at_least=6, measure="recalibrated/error")
    (found,) = judged({"Base": around(0.1), "Arm": around(0.8, seed=1)}, claim)
    assert found["verdict"] == "reproduced" and found["measure"] == "recalibrated/error"
    assert found["means"]["Base"] == pytest.approx(0.05, rel=0.03)
    assert "recalibrated error" in found["text"]


def test_two_sided_claims_are_tested_against_their_margin(judged: Judge) -> None:
    base = [0.10] * 10
    arm = [0.103] * 3 + [0.12] * 7  # against 0.005 three signs are wrong: 2^3 of 2^10 patterns are as extreme
    against, plain = Claim.differs("Arm", "Base", by=0.005), Claim.differs("Arm", "Base")
    (found,) = judged({"Base": base, "Arm": arm}, against)
    assert found["p"] == 2 * 8 / 1024 and found["verdict"] == "arm worse"
    (found,) = judged({"Base": base, "Arm": arm}, plain, id="plain")
    assert found["p"] == 2 / 1024
    found, *_ = judged({"Base": base, "Arm": arm}, *[against] * 4, id="four")
    assert found["p_holm"] == 4 * 16 / 1024 and found["verdict"] == "no difference shown"


def test_the_contrary_of_a_claim_stands_correction_too(judged: Judge) -> None:
    base, arm = [0.10] * 10, [0.099] * 2 + [0.12] * 8  # p of the contrary is 4 / 1024
    for claims, verdict in ((12, "opposite"), (13, "not shown")):
        found, *_ = judged({"Base": base, "Arm": arm}, *[Claim.lower("Arm", "Base")] * claims, id=f"lower{claims}")
        assert found["verdict"] == verdict and found["interval"][0] > 0
    assert "p of the contrary" not in found["note"]
    base, arm = around(0.1, n=5), around(0.2, n=5, seed=1)  # 5 seeds give no p below 0.0625
    (found,) = judged({"Base": base, "Arm": arm}, Claim.equal("Arm", "Base", within=0.1), id="equal")
    assert found["verdict"] == "not shown equal"


def test_a_claim_of_a_cell_that_is_not_there_speaks_of_the_study_s_measure(
    tmp_path: Path, make_study: MakeStudy
) -> None:
    claim = Claim.differs("Arm", "Base", cell="elsewhere")
    study = make_study(tmp_path, {"main": {"Base": [0.1], "Arm": [0.2]}}, claims=[claim], measure="test/rmse")
    (found,) = summarise(study, load(tmp_path, study))["claims"]
    assert found["text"] == "Arm and Base differ in test rmse (elsewhere)"
