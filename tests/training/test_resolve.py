""" "auto": found once, shown with its reason, shared by the arms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.conftest import Bars
from workbench import FineTune, GradualUnfreeze, Learner, Norm, OneCycle, Pretrained, Seeds, Split, TextPairs
from workbench.training.checkpoint import weights_hash
from workbench.training.range_test import range_test
from workbench.training.resolve import resolve

Auto = Bars.but("Auto", fit=OneCycle())


def test_every_auto_becomes_a_setting_with_its_value_and_reason(pictures: Path) -> None:
    found = resolve(Auto, seeds=Seeds(), root=pictures)
    rows = {row.name: (row.value, row.why) for row in found.settings}
    assert rows["fit.batch"] == (32, "240 training items (below 5,000)")
    assert rows["fit.epochs"] == (20, "about 600 steps at 8 an epoch, kept from 3 to 20")
    tested = range_test(Bars(0, root=pictures))
    assert rows["fit.lr"] == (tested.suggestion, tested.why)
    given = {"fit__batch": 32, "fit__epochs": 20, "fit__lr": tested.suggestion}
    assert found.changes == {**given, "fit__weight_decay": rows["fit.weight_decay"][0]}
    assert found.tested == tested, "its curve is kept"
    assert resolve(Bars, seeds=Seeds(), root=pictures).tested is None


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
    assert resolve(half, seeds=Seeds(), root=pictures).changes == {"fit__epochs": 10}


def test_a_network_that_knows_pictures_already_gets_half_as_many_steps(pictures: Path) -> None:
    learner = Bars.but(fit__epochs=1)(0, root=pictures)
    learner.run()
    learner.save(pictures / "known.safetensors")
    tuned = Bars.but(model=Pretrained("known.safetensors"), fit=FineTune(batch=4, lr=1e-3))
    assert resolve(tuned, seeds=Seeds(), root=pictures).changes == {"fit__epochs": 5}


def test_shared_by_every_arm_it_is_no_second_difference(pictures: Path) -> None:
    changes = resolve(Auto, seeds=Seeds(), root=pictures).changes
    arm = Auto.but("Group", model__norm=Norm(kind="group"))
    base, other = Auto.but(**changes).flatten(), arm.but(**changes).flatten()
    assert {path for path in base if base[path] != other[path]} == {"model.norm.kind"}
    assert "auto" not in {value for path, value in base.items() if path.startswith("fit.")}


def test_a_learner_that_runs_alone_does_what_the_resolved_one_does(pictures: Path) -> None:
    auto = Bars.but(fit=FineTune(epochs=1, batch=40))
    found = resolve(auto, seeds=Seeds(), root=pictures)
    assert set(found.changes) == {"fit__lr", "fit__weight_decay"}
    learner = auto(0, root=pictures)
    alone, resolved = learner.run(), auto.but(**found.changes)(0, root=pictures).run()
    assert weights_hash(alone.model) == weights_hash(resolved.model)
    assert learner.found is not None and learner.found.tested is not None
    assert learner.found.tested.plot().axes[0].lines[0].get_xdata().tolist() == [*found.tested.rates]


def test_pairs_of_texts_have_a_rate_and_steps_of_their_own(tmp_path: Path) -> None:
    """At a range test's rates, 0.0016 to 0.036, and after 300 steps, networks had learnt half of what these give."""
    (tmp_path / "data").mkdir()
    rows = [f"{number}\t{' '.join(str(number))}" for number in range(10_000, 12_000)]
    (tmp_path / "data/digits.tsv").write_text("\n".join(["number\tdigits", *rows]) + "\n")
    pairs = type("Read", (Learner,), {"data": TextPairs("data/digits.tsv", split=Split(test=0.5))})
    found = resolve(pairs, seeds=Seeds(), root=tmp_path)
    said = {row.name: (row.value, row.why) for row in found.settings}
    assert said["fit.lr"][0] == 4e-3 and "range test" in said["fit.lr"][1] and found.tested is None
    assert said["fit.epochs"][0] == 20 and "about 1,000 steps" in said["fit.epochs"][1]


def test_the_rate_is_tested_with_the_batch_that_is_given(pictures: Path) -> None:
    big = Auto.but(fit=OneCycle(epochs=1, batch=120))
    tested = range_test(Bars.but(fit__batch=120)(0, root=pictures))
    assert resolve(big, seeds=Seeds(), root=pictures).changes["fit__lr"] == tested.suggestion


def test_weight_decay_is_found_with_the_rate_and_a_small_one_where_the_rate_is_given(pictures: Path) -> None:
    plain = Bars.but(fit__epochs=1)(0, root=pictures)
    assert {group["weight_decay"] for group in plain.begin().optimizer.param_groups} == {0.0, 0.01}
    kept = Bars.but(fit=OneCycle(epochs=1, batch=32, weight_decay=0.2))
    assert "fit__weight_decay" not in resolve(kept, seeds=Seeds(), root=pictures).changes


def test_weight_decay_follows_from_the_rate_and_the_steps(pictures: Path) -> None:
    found = resolve(Bars.but(fit__weight_decay="auto", fit__lr=0.5), seeds=Seeds(), root=pictures)
    assert found.changes == {"fit__weight_decay": 0.08}
    assert found.settings[0].why.startswith("1 / (lr x 24 steps) = 0.083")
    learner = Bars.but(fit__weight_decay="auto", fit__lr=0.5)(0, root=pictures)
    assert {group["weight_decay"] for group in learner.begin().optimizer.param_groups} == {0.0, 0.08}


def test_on_a_cpu_the_micro_batch_is_the_batch(pictures: Path) -> None:
    found = resolve(Bars.but(fit__micro="auto"), seeds=Seeds(), root=pictures, device="cpu")
    assert found.changes == {"fit__micro": None}
    assert found.settings[0].value is None and "there is no GPU" in found.settings[0].why


def test_a_network_that_thaws_says_that_its_head_trains_at_first(pictures: Path) -> None:
    arm = Bars.but(fit=GradualUnfreeze(epochs=1, batch=32, lr=1e-2), model__norm=Norm(affine=False))
    row = {each.name: each for each in resolve(arm, seeds=Seeds(), root=pictures).settings}["trainable"]
    state = arm(0, root=pictures).begin()
    assert (row.value, row.why) == (sum(each.numel() for each in state.model.head.parameters()), "the head at first")


def test_a_precision_that_is_not_the_usual_one_is_shown(pictures: Path) -> None:
    plain, half = (
        {each.name: each for each in resolve(Bars.but(precision=name), seeds=Seeds(), root=pictures).settings}
        for name in ("float32", "bfloat16")
    )
    assert "precision" not in plain
    assert (half["precision"].value, half["precision"].why) == ("bfloat16", "as asked for")


def test_validation_items_are_no_training_items(pictures: Path) -> None:
    rows = resolve(Auto.but(validate="epoch"), seeds=Seeds(), root=pictures).settings
    learner = Bars.but(validate="epoch")(0, root=pictures)
    count = len(learner.begin().data.train)
    assert count < 240
    assert {each.name: each.why for each in rows}["fit.batch"] == f"{count} training items (below 5,000)"
