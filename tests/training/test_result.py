"""Results: predictions in the split's order that agree with the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import Bars


def test_predictions_agree_with_the_error_and_the_stored_targets(pictures: Path) -> None:
    learner = Bars.but(fit__epochs=1)(0, root=pictures)
    result = learner.run()
    found, items = result.predictions, learner.data.load(learner.seeds, pictures).test
    assert found.index.tolist() == list(range(len(items)))
    assert found.target.tolist() == items.targets.tolist()
    assert result.metrics["test/error"] == pytest.approx(float(np.mean(found.prediction != found.target)))
    assert found.confidence.min() >= 1 / len(result.classes)
    assert found.confidence.max() <= 1.0
    majority = np.bincount(learner.data.load(learner.seeds, pictures).train.targets).argmax()
    assert result.constant["test/error"] == pytest.approx(float(np.mean(found.target != majority)))
    first = f"test/error {result.metrics['test/error']:.4g} (constant {result.constant['test/error']:.4g})  test/loss"
    assert str(result).startswith(first) and repr(result) == str(result)
    assert not any(module.training for module in result.model.modules())
