"""The range test leaves nothing behind and suggests a rate that works."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import Bars
from workbench import Norm
from workbench.training.checkpoint import weights_hash
from workbench.training.range_test import RangeTest, _steepest, range_test


def test_the_run_that_follows_is_bit_equal_to_one_without_it(pictures: Path) -> None:
    plain = Bars(0, root=pictures).run()
    tested = Bars(0, root=pictures)
    drawn = torch.get_rng_state()
    range_test(tested, steps=30)
    assert torch.equal(torch.get_rng_state(), drawn)
    after = tested.run()
    assert weights_hash(after.model) == weights_hash(plain.model)
    assert after.metrics == plain.metrics
    assert [(p.key, p.step, p.value) for p in after.history] == [(p.key, p.step, p.value) for p in plain.history]


def test_the_same_learner_gets_the_same_curve_whatever_its_own_rate(pictures: Path) -> None:
    first = range_test(Bars(0, root=pictures), steps=20)
    assert first == range_test(Bars.but(fit__lr=0.5)(0, root=pictures), steps=20)
    assert first != range_test(Bars(1, root=pictures), steps=20)


def test_rates_rise_geometrically_between_the_given_ends(pictures: Path) -> None:
    found = range_test(Bars(0, root=pictures), lowest=1e-4, highest=1e-2, steps=11)
    assert found.rates == pytest.approx([1e-4 * 10 ** (n / 5) for n in range(11)])
    assert len(found.losses) == 11
    assert found.why == f"steepest fall of the loss in a range test from 0.0001 to {found.rates[-1]:.2g}"


def test_it_stops_when_the_loss_explodes(pictures: Path) -> None:
    wild: dict[str, Any] = {"fit__optimizer": "sgd", "model__norm": Norm(kind="none")}
    found = range_test(Bars.but(**wild)(0, root=pictures), highest=1e6)
    assert len(found.rates) < 60
    assert all(math.isfinite(loss) for loss in found.losses)
    assert found.losses[-1] <= 4 * min(found.losses)
    assert found.suggestion < found.rates[-1]


def test_the_suggestion_is_within_a_factor_of_3_of_the_best_of_a_grid(pictures: Path) -> None:
    grid = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]

    def loss(rate: float) -> float:
        runs = [Bars.but(fit__lr=rate)(seed, root=pictures).run() for seed in (0, 1)]
        return sum(run.metrics["test/loss"] for run in runs)

    best = min(grid, key=loss)
    found = range_test(Bars(0, root=pictures)).suggestion
    assert best / 3.01 <= found <= best * 3.01, f"{found:g} beside {best:g}"


@pytest.mark.parametrize(
    ("losses", "index"),
    [
        ([2.0, 2.0, 2.0, 2.0, 1.9, 1.2, 1.1, 1.1, 3.0], 4),
        ([2.0, 1.0, 0.99, 0.98, 0.9, 0.5, 0.45, 0.44, 0.43], 4),
    ],
    ids=["before the minimum", "not where the average settles"],
)
def test_the_steepest_fall(losses: list[float], index: int) -> None:
    rates = [10.0 ** (n - 6) for n in range(len(losses))]
    assert _steepest(rates, losses)[0] == pytest.approx(rates[index])


def test_a_loss_that_only_rises_has_no_steepest_fall() -> None:
    rates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert _steepest(rates, [1.0, 1.1, 1.2, 1.25, 1.4]) == (1e-5, "the loss never fell; this is the lowest rate tried")


@pytest.mark.parametrize(("rates", "value"), [([], 1e-5), ([1e-4, 1e-3], 1e-4)])
def test_too_short_a_curve_says_so(rates: list[float], value: float) -> None:
    found, why = _steepest(rates, [1.0] * len(rates))
    assert found == value
    assert "rose from the first steps on" in why


def test_its_figure_shows_the_curve_and_marks_the_suggestion(pictures: Path, tmp_path: Path) -> None:
    found = range_test(Bars(0, root=pictures), steps=20)
    figure = found.plot()
    (axes,) = figure.axes
    curve, line, point = axes.lines
    assert (tuple(curve.get_xdata()), tuple(curve.get_ydata())) == (found.rates, found.losses)
    assert set(line.get_xdata()) == set(point.get_xdata()) == {found.suggestion}
    assert axes.get_xscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "training loss (smoothed)")
    figure.savefig(tmp_path / "range.pdf")
    assert (tmp_path / "range.pdf").read_bytes().startswith(b"%PDF")


def test_a_range_test_that_diverged_at_once_has_a_figure_too() -> None:
    (axes,) = RangeTest((), (), 1e-5, "why").plot().axes
    assert len(axes.lines) == 1
