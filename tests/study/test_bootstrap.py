import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.study import bootstrap as b


def drawn(rate: float, models: int = 3, n_test: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((models, n_test)) < rate


def test_resampled_errors_spread_like_the_binomial_and_repeat() -> None:
    wrong = drawn(0.2, models=2, n_test=1000)
    errors = b.resampled_errors(wrong, 2000)
    rate = wrong.mean(axis=1)
    assert errors.shape == (2000, 2)
    assert errors.mean(axis=0) == pytest.approx(rate, abs=0.002)
    assert errors.std(axis=0) == pytest.approx(np.sqrt(rate * (1 - rate) / 1000), rel=0.08)
    assert np.array_equal(errors, b.resampled_errors(wrong, 2000))


def test_all_models_see_the_same_examples() -> None:
    wrong = drawn(0.3, models=1)
    errors = b.resampled_errors(np.concatenate([wrong, wrong, ~wrong]), 500)
    assert np.array_equal(errors[:, 0], errors[:, 1])
    assert errors[:, 0] + errors[:, 2] == pytest.approx(np.ones(500), abs=1e-6)


def test_the_chunk_size_does_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b.resampled_errors(drawn(0.3), 300)
    monkeypatch.setattr(b, "_CELLS_A_CHUNK", 400 * 7)
    assert np.array_equal(whole, b.resampled_errors(drawn(0.3), 300))


def test_intervals_agree_with_a_plain_loop() -> None:
    arm, baseline = drawn(0.5, seed=1), drawn(0.2, seed=2)
    draw, ratios, differences = np.random.default_rng(9), [], []
    for _ in range(1500):
        picks = draw.integers(0, 400, 400)
        high, low = arm[:, picks].mean(axis=1), baseline[:, picks].mean(axis=1)
        ratios.append(np.exp(np.mean(np.log(high) - np.log(low))))
        differences.append(np.mean(high - low))
    errors = b.resampled_errors(np.concatenate([arm, baseline]), 4000)
    ratio = b.ratio_interval(errors[:, :3], errors[:, 3:], 400)
    difference = b.difference_interval(errors[:, :3], errors[:, 3:])
    assert (ratio.low, ratio.high) == pytest.approx(tuple(np.quantile(ratios, [0.025, 0.975])), rel=0.03)
    assert (difference.low, difference.high) == pytest.approx(
        tuple(np.quantile(differences, [0.025, 0.975])), abs=0.006
    )


def test_zero_errors_stay_finite() -> None:
    errors = b.resampled_errors(np.zeros((2, 50), dtype=bool), 100)
    assert b.ratio_interval(errors[:, :1], errors[:, 1:], 50).high == 1.0


def test_a_share_is_unbounded_where_the_excess_is_not_clear() -> None:
    bad, good = drawn(0.6, seed=1), drawn(0.2, seed=2)
    errors = b.resampled_errors(np.concatenate([bad, good]), 500)
    assert b.share_interval(errors[:, :3], errors[:, 3:], errors[:, 3:]).low == pytest.approx(1.0)
    assert np.isinf(b.share_interval(errors[:, :3], errors[:, 3:], errors[:, :3]).low)


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(UsageError, match="not bool"):
        b.resampled_errors(np.zeros((2, 5)))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not pairs"):
        b.difference_interval(np.zeros((5, 2), np.float32), np.zeros((5, 3), np.float32))
