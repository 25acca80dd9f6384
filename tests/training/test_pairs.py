"""Sentence pairs through the whole loop: number words, which are real language with rules, in place of a corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from workbench import Callback, Learner, OneCycle, Seq2Seq, TeacherForcing, TextPairs
from workbench.data.forced import Forced
from workbench.data.sources.french_numbers import french as words
from workbench.data.values import Padded
from workbench.training.checkpoint import save_checkpoint, weights_hash
from workbench.training.state import State

FRAME = pd.DataFrame({"french": map(words, range(600)), "digits": map(str, range(600))})


class Numbers(Learner):
    """soixante et onze -> 71."""

    data = TextPairs.of(FRAME, min_count=1)
    model = Seq2Seq(width=32, dropout=0.1, forcing=TeacherForcing(end=0.5))
    fit = OneCycle(epochs=2, batch=32, lr=1e-2)


class Seen(Callback):
    """What the network was given."""

    def __init__(self) -> None:
        self.shares: list[float] = []

    def begin(self, state: State) -> None:
        state.model.register_forward_pre_hook(self.look)

    def look(self, model: torch.nn.Module, given: tuple[Padded | Forced]) -> None:
        self.shares.append(given[0].share if isinstance(given[0], Forced) else -1.0)


def test_training_is_forced_by_the_schedule_and_evaluation_is_free() -> None:
    seen = Seen()
    result = Numbers(0).run(callbacks=[seen])
    steps = 2 * 15
    assert seen.shares[:steps] == [1 - 0.5 * n / steps for n in range(steps)]
    assert set(seen.shares[steps:]) == {-1.0}
    assert {"test/error", "test/sequence_error", "test/loss", "test/bleu", "test/token_error"} <= set(result.metrics)
    assert result.predictions.prediction.shape[0] == 120


def test_it_learns_the_rules_and_beats_the_best_fixed_answer() -> None:
    """A fixed answer is wrong on 0.6 of the digits; four epochs of 480 numbers leave a fraction of that."""
    learner = Numbers.but(fit__epochs=8, model__width=64)(0)
    result = learner.run()
    assert learner.state is not None
    data = learner.state.data
    constant = data.target.constant(data.train.targets, data.test.targets)
    assert constant["error"] > 0.5 > 2 * result.metrics["test/error"]
    answers = learner.forward(result.model.eval(), data.encoder.encode(["soixante et onze"])[torch.tensor([0])])
    text, sure = data.target.decode(answers, data.classes)[0]
    assert text.isdigit() and 0 < sure <= 1


@pytest.mark.parametrize("unit", ["token", "step", "sequence"])
def test_pieces_of_a_batch_are_fed_as_the_whole(unit: str) -> None:
    arm = Numbers.but(model__forcing=TeacherForcing(start=0.6, end=0.2, unit=unit), model__dropout=0.0)  # type: ignore[arg-type]
    whole, pieces = arm(0).run(), arm.but(fit__micro=8)(0).run()
    for name, value in whole.model.state_dict().items():
        assert torch.allclose(value, pieces.model.state_dict()[name], atol=2e-3), name


@pytest.mark.parametrize("start", [1.0, 0.0])
def test_the_true_tokens_are_fed_where_that_is_asked_for(start: float) -> None:
    """One sentence at a time, by hand, however often training forced."""
    arm = Numbers.but(model__forcing=TeacherForcing(start=start, end=start))
    plain, learner = arm(0).run(), arm.but(diagnostics=("forced",))(0)
    asked = learner.run()
    assert weights_hash(asked.model) == weights_hash(plain.model)
    assert plain.metrics.items() <= asked.metrics.items()
    assert asked.metrics.keys() - plain.metrics.keys() == {"forced/error", "forced/loss"}
    assert learner.state is not None
    test, errors, losses = learner.state.data.test, [], []
    with torch.no_grad():
        for place in range(len(test)):
            one = torch.tensor([place])
            target = test.targets[one]
            fed = Forced(test.inputs[one], target, keep=torch.ones(target.ids.shape) / 2, share=1.0)
            sure = asked.model.eval()(fed)[0].log_softmax(-1)
            errors.append(float((sure.argmax(-1) != target.ids[0]).float().mean()))
            losses.append(float(-sure.gather(1, target.ids[0][:, None]).mean()))
    assert asked.metrics["forced/error"] == pytest.approx(np.mean(errors))
    assert asked.metrics["forced/loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    # with the truth before it the next token is easier than the whole answer
    assert 0 < asked.metrics["forced/error"] < asked.metrics["test/error"]


def test_a_resumed_run_is_fed_the_same_tokens(tmp_path: Path) -> None:
    class Keeps(Callback):
        def step_end(self, state: State) -> None:
            if state.step == 19:
                save_checkpoint(tmp_path / "kept", state)

    whole = Numbers(0).run(callbacks=[Keeps()])
    again = Numbers(0).run(resume=tmp_path / "kept")
    assert weights_hash(whole.model) == weights_hash(again.model)
    assert np.array_equal(whole.predictions.prediction, again.predictions.prediction)


def test_a_network_is_found_for_pairs() -> None:
    class Bare(Learner):
        """The shortest program."""

        data = Numbers.data

    learner = Bare.but(fit=OneCycle(epochs=1, batch=64, lr=1e-3))(0)
    state = learner.begin()
    assert learner.network == Seq2Seq()
    output = learner.forward(state.model.eval(), state.data.test.inputs[torch.arange(3)])
    assert output.shape[:1] == (3,) and output.shape[2] == len(state.data.classes)
