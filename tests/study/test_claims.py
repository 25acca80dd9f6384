import subprocess
import sys
from collections.abc import Callable

import pytest

from workbench.errors import FieldError, SpecError
from workbench.study.claims import Claim

ARMS = ["TrainBN", "Stale", "Recomputed"]


class Stale:
    """An arm, as far as a claim is concerned."""


def test_an_arm_is_a_class_or_its_name() -> None:
    by_class = Claim.ratio(Stale, "TrainBN", at_least=6, partly=5, why="the announcement", name="C1")
    assert by_class == Claim.ratio("Stale", "TrainBN", at_least=6, partly=5, why="the announcement", name="C1")
    assert by_class.arms == ("Stale", "TrainBN")


@pytest.mark.parametrize(
    ("claim", "text"),
    [
        (
            Claim.ratio("Stale", "TrainBN", at_least=6, cell="digits"),
            "Stale has at least 6 times the test error of TrainBN (digits)",
        ),
        (
            Claim.equal("Precise", "TrainBN", within=0.15),
            "Precise and TrainBN have the same test error within ±15 %",
        ),
        (
            Claim.differs("Eval", "TrainBN", by=0.02),
            "Eval and TrainBN differ in test error by more than 0.02",
        ),
        (Claim.lower("A", "B", measure="test/loss"), "A has a lower test loss than B"),
        (Claim.higher("A", "B"), "A has a higher test error than B"),
        (
            Claim.recovers("Recomputed", "Stale", "TrainBN"),
            "Recomputed removes at least 90 % of the excess test error of Stale over TrainBN",
        ),
    ],
)
def test_a_claim_reads_as_one_sentence(claim: Claim, text: str) -> None:
    assert claim.text == text
    assert Claim.from_dict({**claim.as_dict(), "text": text}) == claim


def test_arms_and_cells_that_are_there_pass() -> None:
    Claim.recovers("Recomputed", "Stale", "TrainBN", cell="digits").check(ARMS, ["digits", "photos"])
    Claim.ratio("Stale", "TrainBN", at_least=6).check(ARMS, ["digits"])


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (Claim.ratio("Stael", "TrainBN", at_least=6, name="C1"), "claim C1: there is no arm .*did you mean .Stale."),
        (Claim.recovers("Recomputed", "Stale", "TrianBN"), "no arm 'TrianBN'; did you mean 'TrainBN'"),
        (Claim.lower("Stale", "TrainBN", cell="digit"), "no cell 'digit'; did you mean 'digits'"),
        (Claim.lower("Stale", "TrainBN"), r"names no cell, and there are 2. Add cell='digits'"),
    ],
)  # fmt: skip
def test_names_that_are_not_there_are_refused_with_the_nearest(claim: Claim, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        claim.check(ARMS, ["digits", "photos"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Claim.ratio("A", "A", at_least=2), "compares A with itself"),
        (lambda: Claim.ratio("A", "B", at_least=0), "at_least is 0"),
        (lambda: Claim.ratio("A", "B", at_least=5, partly=6), "partly is 6, above"),
        (lambda: Claim.recovers("A", "B", "C", at_least=90), "0.9 means 90 %"),
        (lambda: Claim.equal("A", "B", within=-0.1), "within is -0.1"),
        (lambda: Claim.lower("A", "B", by=-1), "by is -1"),
        (lambda: Claim("ratio", arm="A", baseline="B"), "needs at_least"),
        (lambda: Claim("recovers", arm="A", baseline="B", at_least=0.9), "needs a reference"),
        (lambda: Claim.ratio(3, "B", at_least=2), "3 is neither an arm"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(call: Callable[[], Claim], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        call()


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(FieldError, match="did you mean 'at_least'"):
        Claim("ratio", arm="A", baseline="B", atleast=3)  # type: ignore[call-arg]


def test_a_spec_that_claims_loads_no_numerics() -> None:
    code = (
        "import sys; from workbench.study.claims import Claim; Claim.lower('A', 'B').check(['A', 'B'], ['x']);"
        "print(sorted({'numpy', 'scipy', 'torch', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
