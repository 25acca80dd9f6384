"""Slices: a planted one is found, chance is not sold as one."""

import numpy as np
import pytest

from tests.interpret.made import answers as made
from workbench.interpret.answers import Answers
from workbench.interpret.slices import slices
from workbench.interpret.traits import Trait, ranges, traits
from workbench.interpret.view import DoesNotApply
from workbench.training.state import State


def outcomes(wrong: np.ndarray) -> Answers:
    """Two classes, all truly the first."""
    return made(np.where(wrong[:, None], [[0.0, 1.0]], [[1.0, 0.0]]), np.zeros(len(wrong), dtype=np.int64))


def noise(count: int, traits: int, seed: int) -> list[Trait]:
    """Properties that have nothing to do with anything."""
    draw = np.random.default_rng(seed)
    return [ranges(f"trait {number}", draw.normal(size=count)) for number in range(traits)]


def test_a_planted_slice_is_found_among_many() -> None:
    draw = np.random.default_rng(0)
    night = draw.random(2000) < 0.05
    wrong = draw.random(2000) < np.where(night, 0.4, 0.1)
    planted = Trait("light", {"night": night, "day": ~night})
    found = slices(outcomes(wrong), [*noise(2000, 20, 1), planted])
    worst = found.slices[0]
    assert (worst.trait, worst.value, worst.items) == ("light", "night", int(night.sum()))
    assert [(each.trait, each.value) for each in found.worse()] == [("light", "night")]
    assert worst.low < 0.4 < worst.high and worst.elsewhere == pytest.approx(wrong[~night].mean())
    assert "Worse than the rest beyond chance: light night" in found.notes()[1]


def test_chance_alone_is_seldom_called_a_finding() -> None:
    found, uncorrected = 0, 0
    for seed in range(20):
        wrong = np.random.default_rng(seed).random(600) < 0.2
        all_of_them = slices(outcomes(wrong), noise(600, 12, seed + 100))
        found += bool(all_of_them.worse())
        uncorrected += any(each.low > all_of_them.overall for each in all_of_them.slices)
    assert found <= 4  # 5 % of 20, and what 20 draws make of it
    assert uncorrected > 10  # what a reader of the intervals alone would have believed


def test_small_slices_are_counted_and_not_shown() -> None:
    inside = np.arange(100) < 19
    found = slices(outcomes(np.arange(100) % 4 == 0), [Trait("x", {"few": inside}), *noise(100, 1, 0)], least=20)
    assert found.left_out == 1 and "x" not in {each.trait for each in found.slices}
    assert "Left out, with fewer than 20 items: 1." in found.notes()[0]
    with pytest.raises(DoesNotApply, match="nothing divides the 100 items of the test split into slices of 20 or more"):
        slices(outcomes(np.ones(100, dtype=bool)), [Trait("x", {"few": inside})], least=20)


def test_a_picture_s_traits(state: State, answers: Answers) -> None:
    found = {each.name: each for each in traits(state, answers)}
    assert list(found) == ["class", "brightness", "contrast"]
    assert list(found["class"].members) == list(answers.classes)
    for each in found.values():
        assert (np.stack(list(each.members.values())).sum(0) == 1).all()
    figure = slices(answers, list(found.values())).figure()
    assert figure is not None and figure.axes[0].get_xlabel().startswith("error (%), 95 % interval")
