"""The audit: a clean learner gets no note, whatever its kind of data, and the run that follows is not changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.training.audited import Digits, looked
from tests.training.conftest import Bars
from workbench import ImageArrays, Learner, OneCycle, Seq2Seq, TextNetwork, TextPairs, Texts
from workbench.data.ratings import Ratings
from workbench.data.sources.french_numbers import french as words
from workbench.data.tables import Table
from workbench.models.collab import Collab
from workbench.models.tabular import TabularNetwork
from workbench.training.audit import Finding, Findings, audit
from workbench.training.audit.look import CHECKS, OF_DATA
from workbench.training.checkpoint import weights_hash

Carried = Callable[[str], Path]


def states(findings: Findings) -> set[tuple[str, str]]:
    return {(each.name, str(each)) for each in findings if each.state != "ok"}


@pytest.fixture(autouse=True)
def here(carried: Carried) -> None:
    carried("data/mnist.npz")


def test_clean_digits_are_silent_and_every_check_says_so() -> None:
    findings = looked(Digits)
    assert states(findings) == set() and findings.state() == "ok"
    assert len(CHECKS) == 12 and [each.name for each in findings] == [name for name in CHECKS if name != "leaks"]
    assert all(any(sign.isdigit() for sign in each.found) and not each.hint for each in findings)


def test_checks_that_do_not_concern_say_nothing() -> None:
    plain = looked(Digits.but(data__augment=None))
    assert not [each for each in plain if each.name.startswith("augmentation")] and plain.state() == "ok"


def test_a_clean_table_is_silent(carried: Carried) -> None:
    frame = pd.read_csv(carried("data/adult.csv"), nrows=3000)

    class Incomes(Learner):
        """Who earns more than 50,000 dollars."""

        data = Table.of(frame, "income")
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    findings = looked(Incomes)
    assert states(findings) == set() and "leaks" in {each.name for each in findings}
    assert "input range" not in {each.name for each in findings}


def test_clean_ratings_are_silent(carried: Carried) -> None:
    carried("data/movielens.csv")

    class Films(Learner):
        """What somebody gives to a film."""

        data = Ratings("data/movielens.csv", train=5000)
        model = Collab()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    assert states(looked(Films)) == set()


@pytest.mark.parametrize("target", ["auto", None], ids=["classified", "continued"])
def test_clean_texts_are_silent(carried: Carried, target: str | None) -> None:
    reviews = pd.read_csv(carried("data/clothing.csv"), nrows=1500).dropna(subset=["Review Text"])
    frame = reviews[["Review Text", "Recommended IND"]]

    class Reviews(Learner):
        """Whether somebody recommends a dress; or how the review goes on."""

        data = Texts.of(frame, text="Review Text", label="Recommended IND", target=target)
        model = TextNetwork(width=32, layers=1)
        fit = OneCycle(epochs=1, batch=32, lr=1e-2)

    assert states(looked(Reviews)) == set()


def test_clean_pairs_are_silent() -> None:
    frame = pd.DataFrame({"number": [str(n) for n in range(600)], "words": [words(n) for n in range(600)]})

    class Numbers(Learner):
        """Numbers in French words."""

        data = TextPairs.of(frame)
        model = Seq2Seq(width=32)
        fit = OneCycle(epochs=1, batch=32, lr=1e-2)

    findings = looked(Numbers)
    assert states(findings) == set() and "training order" in {each.name for each in findings}


def test_auto_is_not_resolved_for_it() -> None:
    class Auto(Learner):
        """Nothing said but the data."""

        data = ImageArrays("data/mnist.npz", train=600, test=500)

    learner = Auto(0, device="cpu", root=Path(__file__).resolve().parent.parent.parent)
    assert states(learner.audit()) == set()
    assert learner.recipe.lr == "auto" and learner.network == "auto" and learner.state is None


def test_the_run_that_follows_is_bit_equal_to_one_without_it(pictures: Path) -> None:
    plain = Bars(0, root=pictures).run()
    looked_at = Bars(0, root=pictures)
    drawn = torch.get_rng_state()
    before = dict(vars(looked_at))
    looked_at.audit()
    assert torch.equal(torch.get_rng_state(), drawn) and vars(looked_at) == before
    after = looked_at.run()
    assert weights_hash(after.model) == weights_hash(plain.model) and after.metrics == plain.metrics
    assert [(p.key, p.step, p.value) for p in after.history] == [(p.key, p.step, p.value) for p in plain.history]


def test_what_a_subclass_remembers_is_not_changed(pictures: Path) -> None:
    class Counting(Bars):
        """Counts its calls."""

        def inputs(self, batch: object, *, training: bool, epoch: int = 0) -> object:
            self._calls = [*getattr(self, "_calls", []), training]
            self._seen.append(training)
            return super().inputs(batch, training=training, epoch=epoch)  # type: ignore[arg-type]

    learner = Counting(0, root=pictures)
    learner._seen = []
    learner.audit()
    assert learner._seen == [] and not hasattr(learner, "_calls")


def test_the_data_alone(pictures: Path) -> None:
    told: list[tuple[str, int, int]] = []
    findings = audit(Bars(0, root=pictures), network=False, report=lambda *each: told.append(each))
    assert {each.name for each in findings} == {"duplicates", "split balance", "class sets"}
    assert [name for name, _, _ in told] == list(OF_DATA) and {total for _, _, total in told} == {4}


def test_it_is_shown_as_a_table() -> None:
    findings = Findings([Finding("leaks", "wrong", "column 'a' says all", "Leave it out."), Finding("x", "ok", "fine")])
    assert findings.state() == "wrong" and "Leave it out" in repr(findings) and str(findings) == repr(findings)
    assert str(findings[0]) == "column 'a' says all. Leave it out." and findings[1:] == (findings[1],)
