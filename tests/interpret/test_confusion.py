"""Counts by hand, and the run's own error."""

import numpy as np
import pytest
import torch

from tests.interpret.made import answers as made
from workbench.data.targets.multi_label import MultiLabel
from workbench.interpret.answers import Answers
from workbench.interpret.confusion import Confusion, Labels, confusion
from workbench.interpret.intervals import wilson
from workbench.interpret.view import DoesNotApply


def test_single_labels() -> None:
    outputs = np.eye(3)[[0, 0, 1, 2, 2, 1]]
    found = confusion(made(outputs, [0, 0, 0, 1, 1, 2]))
    assert isinstance(found, Confusion)
    assert found.counts.tolist() == [[2, 1, 0], [0, 0, 2], [0, 1, 0]]
    assert found.pairs() == [("b", "c", 2, 2), ("a", "b", 1, 3), ("c", "b", 1, 1)]
    assert found.table().rows[0] == ("b", "c", 2, 1.0, *wilson(2, 2))
    assert found.notes()[0].startswith("4 of 6 items of the test split are wrong (66.67%)")


def test_the_matrix_holds_the_run_s_error(answers: Answers) -> None:
    found = confusion(answers)
    assert isinstance(found, Confusion)
    assert 1 - np.trace(found.counts) / found.counts.sum() == pytest.approx(float(answers.scores["error"].mean()))
    axes = found.figure().axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer", "truth")
    assert [each.get_text() for each in axes.get_yticklabels()] == list(answers.classes)


def test_of_many_classes_the_worst_are_drawn() -> None:
    truth = np.arange(200) % 40
    given = np.where(truth == 39, 0, truth)
    found = confusion(made(np.eye(40)[given], truth, classes=tuple(f"class {k}" for k in range(40))))
    figure = found.figure()
    assert figure is not None
    shown = [each.get_text() for each in figure.axes[0].get_yticklabels()]
    assert len(shown) == 25 and {"class 0", "class 39"} <= set(shown)
    assert "25 of 40 classes" in figure.axes[0].get_title(loc="left")


def test_several_labels() -> None:
    outputs = np.array([[2.0, -2, -2], [2, 2, -2], [-2, 2, -2]])
    truth = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    found = confusion(made(outputs, truth, target=MultiLabel()))
    assert isinstance(found, Labels)
    assert found.counts.tolist() == [[1, 1, 1, 0], [2, 0, 0, 1], [0, 0, 0, 3]]
    rows = {row[0]: row for row in found.table().rows}
    assert rows["a"][1:7] == (2, 1, 1, 1, 0.5, 0.5) and rows["b"][-1] == 1.0
    assert rows["c"][5] is None and rows["c"][-1] is None and found.table().rows[-1][0] == "c"
    assert found.figure().axes[0].get_xlabel().startswith("share")


def test_numbers_have_no_confusion(answers: Answers) -> None:
    from workbench.data.targets.regression import Regression

    with pytest.raises(DoesNotApply, match="the target is Regression"):
        confusion(Answers(**{**vars(answers), "target": Regression()}))
