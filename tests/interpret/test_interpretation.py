"""All of it in one place: from a learner, for a folder, without touching the run."""

from pathlib import Path

import pytest

from workbench import Callback, Learner
from workbench.errors import DivergedError, FieldError, RecordError
from workbench.interpret.interpretation import Interpretation
from workbench.interpret.view import DoesNotApply
from workbench.training.checkpoint import weights_hash
from workbench.training.result import Result
from workbench.training.state import State

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


def test_a_network_that_no_run_has_finished_answers_nothing(bars: type[Learner], pictures: Path) -> None:
    """It used to answer from the weights it began with, or from what had diverged."""
    begun, diverging, given = (
        cls(0, device="cpu", root=pictures) for cls in (bars, bars.but(fit__lr=90.0, fit__optimizer="sgd"), bars)
    )
    begun.begin()
    with pytest.raises(DivergedError):
        diverging.run()
    with pytest.raises(RecordError):
        given.run(trained=pictures / "none.safetensors")
    for learner in (begun, diverging, given):
        with pytest.raises(FieldError, match=r"Bars has not been run\. Call run\(\) first"):
            learner.interpret()
        with pytest.raises(FieldError, match="has not been run"):
            learner.predict(pictures / "some.png")
        with pytest.raises(FieldError, match="has not been run"):
            learner.save(pictures / "none.safetensors")


def test_a_callback_may_look_while_it_learns(bars: type[Learner], pictures: Path) -> None:
    class Looks(Callback):
        def epoch_end(self, state: State) -> None:
            assert state.learner.interpret().state is state

    bars.but(fit__epochs=1)(0, device="cpu", root=pictures).run(callbacks=[Looks()])


def test_a_run_of_choosing_is_looked_at_on_validation(bars: type[Learner], pictures: Path) -> None:
    learner = bars.but(fit__epochs=1)(0, device="cpu", root=pictures)
    result = learner.run(choosing=True)
    opened = Interpretation.of(learner, result)
    assert opened.split == "validation"
    error = opened.answers().scores["error"].mean()
    assert float(error) == pytest.approx(result.metrics["validation/error"])
    assert "validation items" in opened.calibration("test").fitted_on
    assert "each half of the validation items" in opened.calibration().fitted_on
