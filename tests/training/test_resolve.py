""" "auto": found once, shown with its reason, shared by the arms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.conftest import Bars
from workbench import FineTune, Norm, OneCycle, Seeds
from workbench.training.checkpoint import weights_hash
from workbench.training.range_test import range_test
from workbench.training.resolve import resolve

Auto = Bars.but("Auto", fit=OneCycle())


def test_every_auto_becomes_a_setting_with_its_value_and_reason(pictures: Path) -> None:
    found = resolve(Auto, seeds=Seeds(), root=pictures)
    rows = {row.name: (row.value, row.why) for row in found.settings}
    assert rows["fit.batch"] == (32, "240 training items (below 5,000)")
    assert rows["fit.epochs"] == (20, "about 300 steps at 8 an epoch, kept from 3 to 20")
    tested = range_test(Bars(0, root=pictures))
    assert rows["fit.lr"] == (tested.suggestion, tested.why)
    assert found.changes == {"fit__batch": 32, "fit__epochs": 20, "fit__lr": tested.suggestion}


def test_what_follows_from_the_data_and_the_weights_is_shown_too(pictures: Path) -> None:
    rows = {row.name: row for row in resolve(Bars, seeds=Seeds(), root=pictures).settings}
    assert "fit.lr" not in rows
    assert (rows["target"].value, rows["head"].value) == ("SingleLabel", "4 outputs")
    learner = Bars(0, root=pictures)
    state = learner.begin()
    assert rows["trainable"].value == sum(each.numel() for each in state.model.parameters())
    assert rows["normalise.mean"].value == pytest.approx(learner.expects.preparation.describe()["mean"], abs=1e-4)
    assert rows["normalise.mean"].why == "measured on 240 training items"
    head = resolve(Bars.but(fit__scope="head"), seeds=Seeds(), root=pictures)
    trainable = {row.name: row.value for row in head.settings}["trainable"]
    norms = sum(p.numel() for name, p in state.model.named_parameters() if "norm" in name or "stem.1" in name)
    assert 4 * 16 + 4 <= trainable <= 4 * 16 + 4 + norms + 2 * (8 + 16)


def test_a_value_that_is_given_is_kept_and_the_others_follow_from_it(pictures: Path) -> None:
    half = Auto.but(fit=OneCycle(batch=4, lr=3e-3))
    assert resolve(half, seeds=Seeds(), root=pictures).changes == {"fit__epochs": 5}


def test_shared_by_every_arm_it_is_no_second_difference(pictures: Path) -> None:
    changes = resolve(Auto, seeds=Seeds(), root=pictures).changes
    arm = Auto.but("Group", model__norm=Norm(kind="group"))
    base, other = Auto.but(**changes).flatten(), arm.but(**changes).flatten()
    assert {path for path in base if base[path] != other[path]} == {"model.norm.kind"}
    assert "auto" not in {value for path, value in base.items() if path.startswith("fit.")}


def test_a_learner_that_runs_alone_does_what_the_resolved_one_does(pictures: Path) -> None:
    auto = Bars.but(fit=FineTune(epochs=1, batch=40))
    found = resolve(auto, seeds=Seeds(), root=pictures)
    assert set(found.changes) == {"fit__lr"}
    alone, resolved = auto(0, root=pictures).run(), auto.but(**found.changes)(0, root=pictures).run()
    assert weights_hash(alone.model) == weights_hash(resolved.model)
