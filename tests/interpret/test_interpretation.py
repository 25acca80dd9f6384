"""All of it in one place: from a learner, for a folder, without touching the run."""

from pathlib import Path

import pytest

from workbench import Learner
from workbench.errors import FieldError
from workbench.interpret.interpretation import Interpretation
from workbench.interpret.view import DoesNotApply
from workbench.training.checkpoint import weights_hash
from workbench.training.result import Result

APPLY = ["summary", "curves", "activations", "confusion", "top_losses", "calibration", "slices", "features"]


def test_every_view_and_why_not(ended: tuple[Learner, Result]) -> None:
    opened = Interpretation.of(*ended)
    found = dict(opened.views())
    assert [name for name, view in found.items() if not isinstance(view, DoesNotApply)] == APPLY
    assert "between tokens" in str(found["attention"]) and "no embeddings" in str(found["embeddings"])
    assert opened.split == "test" and opened.answers() is opened.answers("test")
    assert repr(opened).startswith("Bars: test/error ") and "top_losses" in repr(opened)


def test_an_item_that_is_not_there_is_refused_first(ended: tuple[Learner, Result]) -> None:
    with pytest.raises(FieldError, match=r"no item 120 in the split 'test'; the last one is 119"):
        next(Interpretation.of(*ended).views(120))


def test_writing_leaves_files_and_nothing_else(
    ended: tuple[Learner, Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learner, result = ended
    before = weights_hash(result.model)
    left_out = Interpretation.of(learner).write(tmp_path)
    assert set(left_out) == {"attention", "embeddings"}
    assert {each.stem for each in tmp_path.iterdir()} == set(APPLY)
    assert {each.stem for each in tmp_path.glob("*.png")} == set(APPLY) - {"summary"}
    assert weights_hash(result.model) == before and capsys.readouterr().out == ""


def test_a_learner_that_has_not_run(bars: type[Learner], pictures: Path) -> None:
    with pytest.raises(FieldError, match=r"Bars has not been run. Call run\(\) first"):
        Interpretation.of(bars(0, device="cpu", root=pictures))


def test_a_run_of_choosing_is_looked_at_on_validation(bars: type[Learner], pictures: Path) -> None:
    learner = bars.but(fit__epochs=1)(0, device="cpu", root=pictures)
    result = learner.run(choosing=True)
    opened = Interpretation.of(learner, result)
    assert opened.split == "validation"
    error = opened.answers().scores["error"].mean()
    assert float(error) == pytest.approx(result.metrics["validation/error"])
    assert "validation items" in opened.calibration("test").fitted_on
    assert "each half of the validation items" in opened.calibration().fitted_on
