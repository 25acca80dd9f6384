"""The worst items first, shown and found again."""

import numpy as np
import pytest

from workbench.data.encoding import Encoder
from workbench.interpret.answers import Answers
from workbench.interpret.top_losses import top_losses
from workbench.training.state import State


def test_the_largest_losses_with_their_pictures(state: State, answers: Answers) -> None:
    found = top_losses(answers, state.data.encoder, most=5)
    losses = [each.loss for each in found.losses]
    assert losses == sorted(losses, reverse=True) and losses[0] == pytest.approx(float(answers.loss.max()))
    for each in found.losses:
        assert each.key == answers.items.keys[each.place]
        assert each.truth == answers.classes[answers.truth[each.place]]
        assert each.answer == answers.classes[answers.prediction[each.place]]
        assert np.array_equal(each.shown[..., 0], answers.items.inputs[each.place, 0].numpy())
    figure = found.figure()
    assert figure is not None and len([axes for axes in figure.axes if axes.images]) == 5
    assert found.losses[0].truth in figure.axes[0].get_title(loc="left")
    assert "shown" not in found.table().headers


def test_texts_stand_in_the_table(state: State, answers: Answers) -> None:
    class Told(type(state.data.encoder)):  # type: ignore[misc]
        def show(self, inputs: object, position: int) -> str:
            return f"text {position}"

    encoder: Encoder = Told(12, 1)
    found = top_losses(answers, encoder, most=2)
    assert found.figure() is None and found.table().rows[0][-1] == f"text {found.losses[0].place}"


def test_a_loss_that_is_no_number_comes_first(state: State, answers: Answers) -> None:
    loss = answers.scores["loss"].copy()
    loss[7] = np.nan
    broken = Answers(**{**vars(answers), "scores": {**answers.scores, "loss": loss}})
    assert top_losses(broken, state.data.encoder, most=1).losses[0].place == 7


def test_words_above_a_picture_are_cut_with_a_mark_and_never_a_number(state: State, answers: Answers) -> None:
    long = tuple(f"{name}, a class with an endless name" for name in answers.classes)
    figure = top_losses(Answers(**{**vars(answers), "classes": long}), state.data.encoder, most=4).figure()
    assert figure is not None
    lines = figure.axes[0].get_title(loc="left").split("\n")
    assert "…" in lines[0] and lines[0].endswith("%)") and lines[1].startswith("is ") and lines[1].endswith("…")
    assert lines[2].startswith("loss ") and max(map(len, lines)) <= 32
