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
    assert str(result) == "  ".join(f"{name} {value:.4g}" for name, value in result.metrics.items())
    assert not any(module.training for module in result.model.modules())
