from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import UsageError
from workbench.study.outcomes import Outcome, load
from workbench.study.units import CellValues, gather, is_error, natural, worst_score

MakeStudy = Callable[..., dict[str, Any]]


def cell_of(home: Path, study: dict[str, Any], **options: Any) -> CellValues:
    return gather(study["cells"][0], load(home, study), **options)


def test_values_are_lined_up_by_seed_and_source(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2, 0.3, 0.4]}}, sources=2, first_seed=9)
    study["runs"].reverse()
    arm = cell_of(tmp_path, study).arms["Base"]
    assert arm.seeds == ("9", "10") and arm.sources == (0, 1)
    assert np.array_equal(arm.values, [[0.1, 0.2], [0.3, 0.4]])


def test_a_failed_run_is_the_worst_score_and_counted(tmp_path: Path, make_study: MakeStudy) -> None:
    cell = cell_of(tmp_path, make_study(tmp_path, {"main": {"Base": [0.1, 0.1], "Arm": [0.2, None]}}))
    assert cell.arms["Arm"].values.ravel().tolist() == [0.2, 1.0]
    assert cell.arms["Arm"].failed.ravel().tolist() == [False, True]


def test_a_finished_run_whose_measure_is_not_a_number_failed() -> None:
    outcome = Outcome("main", "A", "0", 0, "finished", {"test/error": float("nan")})
    described = {"name": "main", "measure": "test/error", "baseline": "A", "arms": [{"name": "A"}]}
    assert gather(described, [outcome]).arms["A"].values.tolist() == [[1.0]]


def test_a_seed_that_lacks_a_source_is_missing(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2, 0.3, 0.4]}}, sources=2, unfinished=1)
    cell = cell_of(tmp_path, study)
    assert cell.arms["Base"].seeds == ("100",) and cell.arms["Base"].missing == 1
    assert cell.planned(["Base"]) == 2


def test_arms_meet_at_the_seeds_that_both_have(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2, 0.3], "Arm": [0.4, 0.5]}})
    base, arm = cell_of(tmp_path, study).together(["Base", "Arm"])
    assert base.seeds == arm.seeds == ("100", "101")
    assert base.values.ravel().tolist() == [0.1, 0.2]


def test_predictions_give_resampled_errors(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2], "Arm": [0.5, None]}}, predictions=True)
    arms = cell_of(tmp_path, study).arms
    assert arms["Base"].resampled is not None and arms["Arm"].resampled is not None
    assert arms["Base"].resampled.mean(axis=0).ravel() == pytest.approx([0.1, 0.2], abs=0.001)
    assert np.all(arms["Arm"].resampled[:, 1] == 1.0)
    assert cell_of(tmp_path, study, resample=False).arms["Base"].resampled is None


def test_predictions_that_are_not_the_measure_are_not_resampled(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2]}}, predictions=True)
    assert cell_of(tmp_path, study, measure="train_mode/error").arms["Base"].resampled is None


def test_predictions_on_other_examples_are_not_resampled(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2]}}, predictions=True)
    file = tmp_path / "runs" / study["runs"][1]["id"] / "predictions.npz"
    with np.load(file) as old:
        arrays = dict(old)
    np.savez(file, **{**arrays, "index": arrays["index"] + 1})
    assert cell_of(tmp_path, study).arms["Base"].resampled is None
    file.write_bytes(b"torn")
    assert cell_of(tmp_path, study).arms["Base"].resampled is None


def test_the_order_of_predictions_does_not_matter(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2]}}, predictions=True)
    before = cell_of(tmp_path, study).arms["Base"].resampled
    file = tmp_path / "runs" / study["runs"][1]["id"] / "predictions.npz"
    with np.load(file) as old:
        turned = {name: values[::-1] for name, values in old.items()}
    np.savez(file, **turned)
    assert np.array_equal(before, cell_of(tmp_path, study).arms["Base"].resampled)  # type: ignore[arg-type]


def test_a_measure_that_no_run_has_is_refused(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1]}})
    with pytest.raises(UsageError, match="did you mean 'test/error'"):
        cell_of(tmp_path, study, measure="test/eror")


def test_the_worst_score() -> None:
    runs = [Outcome("main", "A", "0", 0, "finished", {"test/loss": 3.0})]
    assert worst_score("test/error", 0.5, runs) == 1.0
    assert worst_score("test/loss", 2.3, runs) == 3.0
    assert worst_score("test/loss", 4.0, runs) == 4.0


def test_words_of_measures_and_seeds() -> None:
    assert is_error("test/error") and is_error("recalibrated/error") and not is_error("test/loss")
    assert sorted(["10", "9", "9.1.9.9"], key=natural) == ["9", "9.1.9.9", "10"]
