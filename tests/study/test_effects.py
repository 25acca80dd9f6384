from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.study import effects, statistics
from workbench.study.outcomes import load
from workbench.study.units import CellValues, gather

MakeStudy = Callable[..., dict[str, Any]]
BASE, ARM = [0.10, 0.12, 0.11, 0.09], [0.60, 0.58, 0.66, 0.55]


@pytest.fixture
def cell(tmp_path: Path, make_study: MakeStudy) -> Callable[..., CellValues]:
    def make(arms: dict[str, Any], **options: Any) -> CellValues:
        study = make_study(tmp_path, {"main": arms}, **options)
        return gather(study["cells"][0], load(tmp_path, study))

    return make


def test_effects_are_the_paired_estimates(cell: Callable[..., CellValues]) -> None:
    made = cell({"Base": BASE, "Arm": ARM})
    assert effects.difference(made, "Arm", "Base").estimate == statistics.paired_difference(ARM, BASE)
    ratio = effects.ratio(made, "Arm", "Base")
    assert ratio.estimate == statistics.ratio(ARM, BASE) and ratio.by == "seeds"
    assert ratio.units == pytest.approx(np.log(ARM) - np.log(BASE))


def test_the_examples_decide_when_theirs_is_the_wider_interval(cell: Callable[..., CellValues]) -> None:
    made = cell({"Base": [0.1] * 4, "Arm": [0.2] * 4}, predictions=True)
    found = effects.ratio(made, "Arm", "Base")
    assert found.by == "examples"
    assert found.estimate.low < 1.9 < 2.1 < found.estimate.high
    # On this test set every resample shares the examples that both get wrong.
    spread = effects.difference(made, "Arm", "Base").estimate
    assert spread.high - spread.low == pytest.approx(2 * 1.96 * np.sqrt(0.1 * 0.9 / 1000), rel=0.05)


def test_sources_are_averaged_inside_the_seed(cell: Callable[..., CellValues]) -> None:
    made = cell({"Base": [0.1, 0.1, 0.1, 0.1], "Arm": [0.2, 0.8, 0.4, 0.4]}, sources=2)
    found = effects.ratio(made, "Arm", "Base")
    assert found.estimate.n == 2 and np.exp(found.units) == pytest.approx([4, 4])
    assert effects.difference(made, "Arm", "Base").units == pytest.approx([0.4, 0.3])


def test_the_share_of_excess_that_is_removed(cell: Callable[..., CellValues]) -> None:
    fixed = [0.15, 0.16, 0.17, 0.13]
    made = cell({"Base": BASE, "Bad": ARM, "Fixed": fixed}, predictions=True)
    found = effects.share(made, "Fixed", "Bad", "Base", 0.9)
    removed, excess = np.subtract(ARM, fixed), np.subtract(ARM, BASE)
    assert found.estimate.value == pytest.approx(removed.mean() / excess.mean())
    assert found.units == pytest.approx(removed - 0.9 * excess)


def test_unpaired_arms_are_compared_by_welch(cell: Callable[..., CellValues]) -> None:
    made = cell({"Base": BASE, "Arm": ARM[:3]})
    plain, ratio, p = effects.unpaired(made, "Arm", "Base")
    theirs, expected = statistics.welch(ARM[:3], BASE)
    assert (plain, p) == (theirs, expected)
    assert ratio.value == pytest.approx(np.exp(np.log(ARM[:3]).mean() - np.log(BASE).mean()))
    assert ratio.low < ratio.value < ratio.high
