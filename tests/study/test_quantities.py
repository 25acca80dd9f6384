"""Addresses of published results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.published import content
from workbench.errors import UsageError
from workbench.study import quantities, quoted
from workbench.study.claims import Claim
from workbench.study.quantities import Quantity

ERRORS = {
    "digits/head, no 1.5 shift": {"Base": [0.1, 0.12, 0.11, 0.1, 0.12, 0.11], "Arm": [0.3, 0.33, 0.31, 0.32, 0.3, None]}
}
CLAIMS = [
    Claim.ratio("Arm", "Base", at_least=1.5, name="C1"),
    Claim.differs("Arm", "Base", name="C2"),
]


@pytest.fixture
def demo(make_study: Callable[..., dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    return content(tmp_path, make_study(tmp_path, ERRORS, claims=CLAIMS))


def test_every_address_gives_what_the_summary_says(demo: dict[str, Any]) -> None:
    study = demo["studies"]["full"]
    (cell,), (first, second) = study["summary"]["cells"], study["summary"]["claims"]
    arm, known = cell["arms"][1], {"demo": {"full": quantities.addresses(study)}}

    def at(path: str) -> Quantity:
        return quantities.find(known, "demo", "full", path)

    base = "cells.digits/head, no 1.5 shift"
    half = (arm["interval"][1] - arm["interval"][0]) / 2
    expected = {
        f"{base}.Arm": (arm["mean"], half), f"{base}.Arm.mean": (arm["mean"],), f"{base}.Arm.sd": (arm["sd"],),
        f"{base}.Arm.interval": tuple(arm["interval"]), f"{base}.Arm.ratio": (arm["ratio"], *arm["ratio_interval"]),
        f"{base}.Arm.ratio.value": (arm["ratio"],), f"{base}.Arm.ratio.high": (arm["ratio_interval"][1],),
        f"{base}.Arm.difference": (arm["difference"], *arm["difference_interval"]), f"{base}.Arm.n": (6,),
        f"{base}.Arm.failed": (1,), f"{base}.Arm.metrics.recalibrated/error": (arm["metrics"]["recalibrated/error"],),
        f"{base}.chance": (0.9,), f"{base}.n_test": (1000,),
        "claims.C1": (first["estimate"], *first["interval"]), "claims.C1.p_holm": (first["p_holm"],),
        "claims.C1.low": (first["interval"][0],), "claims.C2.means.Base": (second["means"]["Base"],),
        "runs": (12,), "results": (12,), "sources": (0,), "failed": (1,), "seeds": (6,), "family": (2,),
    }  # fmt: skip
    assert {path: at(path).numbers for path in expected} == expected
    texts = {"claims.C1.verdict": first["verdict"], "commit": study["commit"], "date": "2026-11-23", "id": "study-1"}
    assert {path: at(path).text for path in texts} == texts
    assert at("pins.data/mnist.npz").text == "abc"


def test_the_time_of_an_arm_is_the_median_of_its_runs(demo: dict[str, Any]) -> None:
    study = demo["studies"]["full"]
    runs = [run for run in study["runs"] if run["arm"] == "Arm"]
    for seconds, run in enumerate(runs, 1):
        run["seconds"] = float(seconds**2)
    finished = sorted(run["seconds"] for run in runs if run["state"] == "finished")
    found = quantities.addresses(study)["cells.digits/head, no 1.5 shift.Arm.seconds"]
    assert len(finished) == 5 and found.numbers == (finished[2],)
    assert quoted.plain(found) == f"{finished[2]:.1f}"


def test_they_are_shown_as_in_our_tables(demo: dict[str, Any]) -> None:
    found = quantities.addresses(demo["studies"]["full"])
    arm = "cells.digits/head, no 1.5 shift.Base"
    assert quoted.plain(found[f"{arm}.mean"]) == "11.0" and quoted.plain(found["runs"]) == "12"
    assert quoted.plain(found[arm]) == "11.0 ± 0.9" and quoted.plain(found[f"{arm}.interval"]) == "[10.1, 11.9]"
    assert quoted.plain(found["claims.C1"]).count(",") == 1 and quoted.plain(found["commit"]) == "4f2c91e4f2c9"


def test_the_baseline_has_no_ratio_and_one_seed_no_interval(
    make_study: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    demo = content(tmp_path, make_study(tmp_path, {"main": {"Base": [0.1], "Arm": [0.2]}}, claims=CLAIMS))
    found = quantities.addresses(demo["studies"]["full"])
    assert "cells.main.Base.ratio" not in found and "cells.main.Arm.interval" not in found
    assert found["cells.main.Arm"].numbers == (0.2,) and len(found["claims.C1"].numbers) == 1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (("dmo", "full", "runs"), "no results of 'dmo' are published; did you mean 'demo'.*wb publish dmo"),
        (("demo", "fll", "runs"), "demo has no published tier 'fll'; did you mean 'full'"),
        (("demo", "full", "claims.C3"), "has no 'claims.C3'; did you mean 'claims.C[12]'"),
        (
            ("demo", "full", "cells.digits/head, no 1.5 shift.Arm.men"),
            "did you mean 'cells.digits/head, no 1.5 shift.Arm.mean'",
        ),
    ],
)
def test_an_unknown_address_gets_the_nearest(address: tuple[str, str, str], said: str, demo: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=said):
        quantities.find({"demo": {"full": quantities.addresses(demo["studies"]["full"])}}, *address)
