"""The loop: bit-equal repetition and resumption, accumulation, stages, stopping, divergence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from workbench import Callback, Norm, Seeds
from workbench.data.loading import Batch
from workbench.errors import DivergedError, FieldError
from workbench.training.checkpoint import save_checkpoint, weights_hash
from workbench.training.optim import Groups
from workbench.training.state import State


class Keep(Callback):
    """Saves a checkpoint after one step and stops there."""

    def __init__(self, path: Path, step: int) -> None:
        self.path, self.step = path, step

    def step_end(self, state: State) -> None:
        if state.step == self.step:
            state.flush()
            save_checkpoint(self.path, state)
            state.stop = "the test wants it"


def test_it_learns_and_repeats_bit_for_bit(pictures: Path, bars: type[Bars]) -> None:
    first, second = (bars(3, root=pictures).run() for _ in range(2))
    assert first.metrics["test/error"] < 0.3
    assert first.metrics == second.metrics
    assert weights_hash(first.model) == weights_hash(second.model)
    assert [(p.key, p.step, p.value) for p in first.history] == [(p.key, p.step, p.value) for p in second.history]


def test_another_seed_gives_another_run(pictures: Path, bars: type[Bars]) -> None:
    hashes = {weights_hash(bars(seed, root=pictures).run().model) for seed in (0, 1)}
    assert len(hashes) == 2


@pytest.mark.parametrize("seed", ["init", "order", "augment"])
def test_each_seed_of_the_tuple_matters_alone(pictures: Path, bars: type[Bars], seed: str) -> None:
    plain = weights_hash(bars(Seeds(), root=pictures).run().model)
    assert weights_hash(bars(Seeds(**{seed: 1}), root=pictures).run().model) != plain


@pytest.mark.parametrize("step", [1, 7, 8, 9, 17])
def test_resuming_is_exact_in_mid_epoch(pictures: Path, bars: type[Bars], tmp_path: Path, step: int) -> None:
    whole = bars(0, root=pictures).run()
    path = tmp_path / "checkpoint.safetensors"
    part = bars(0, root=pictures).run(callbacks=[Keep(path, step)])
    rest = bars(0, root=pictures).run(resume=path)
    assert weights_hash(rest.model) == weights_hash(whole.model)
    assert rest.metrics == whole.metrics
    losses = {p.step: p.value for p in [*part.history, *rest.history] if p.key == "train/loss"}
    assert losses == {p.step: p.value for p in whole.history if p.key == "train/loss"}


def test_the_callers_random_state_is_left_alone(pictures: Path, bars: type[Bars]) -> None:
    torch.manual_seed(5)
    before = torch.rand(3)
    torch.manual_seed(5)
    bars(0, root=pictures).run()
    assert torch.equal(torch.rand(3), before)


def test_micro_batches_add_up_to_the_batch_without_batch_statistics(pictures: Path, bars: type[Bars]) -> None:
    group = bars.but(model__norm=Norm(kind="group"))
    whole = group(0, root=pictures).run()
    pieces = group.but(fit__micro=7)(0, root=pictures).run()
    for one, other in zip(whole.model.parameters(), pieces.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=5e-2, atol=5e-4)


def test_a_stage_that_is_overridden_is_the_one_that_runs(pictures: Path) -> None:
    class Zero(Bars):
        """A loss that asks for nothing."""

        def loss(self, output: torch.Tensor, batch: object) -> torch.Tensor:
            return output.sum() * 0.0

    start = weights_hash(Bars.but(fit__lr=1e-12)(0, root=pictures).run().model)
    assert Zero(0, root=pictures).run().metrics["test/error"] > 0.5
    assert start
    assert set(Zero.stages()) == {"loss"}
    assert Bars.stages() == {}


def test_a_callback_stops_the_run_without_an_exception(pictures: Path, bars: type[Bars]) -> None:
    class Stop(Callback):
        """After the second step."""

        def step_end(self, state: State) -> None:
            if state.step == 2:
                state.stop = "enough"

    result = bars(0, root=pictures).run(callbacks=[Stop()])
    assert max(p.step for p in result.history) == 2


def test_events_come_in_order(pictures: Path, bars: type[Bars]) -> None:
    seen: list[str] = []
    events = (
        "begin",
        "epoch_begin",
        "step_begin",
        "after_loss",
        "after_backward",
        "step_end",
        "epoch_end",
        "evaluated",
        "end",
    )
    body = {name: (lambda self, state, name=name: seen.append(name)) for name in events}
    bars.but(fit__epochs=1, fit__batch=240)(0, root=pictures).run(callbacks=[type("All", (Callback,), body)()])
    assert seen == list(events)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_step(pictures: Path, bars: type[Bars]) -> None:
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf) at step \d+ of 24"):
        bars.but(fit__lr=99.0, fit__optimizer="sgd", model__norm=Norm(kind="none"))(0, root=pictures).run()


def test_weights_of_an_identical_training_replace_it(pictures: Path, bars: type[Bars], tmp_path: Path) -> None:
    from workbench.training.checkpoint import save_weights

    trained = bars(0, root=pictures).run()
    save_weights(tmp_path / "w.safetensors", trained.model, {})
    again = bars(0, root=pictures).run(trained=tmp_path / "w.safetensors")
    assert again.metrics == trained.metrics


def test_choosing_never_evaluates_the_test_items(pictures: Path, bars: type[Bars]) -> None:
    result = bars(0, root=pictures).run(choosing=True)
    assert set(result.metrics) == {"validation/error", "validation/loss"}
    assert 40 <= len(result.predictions.index) <= 56


def test_diagnostics_tell_stale_statistics(pictures: Path, bars: type[Bars]) -> None:
    asked = bars.but(diagnostics=("train", "train_mode", "recalibrated"))
    live = asked(0, root=pictures).run().metrics
    stale = asked.but(model__norm=Norm(stats="batch"))(0, root=pictures).run().metrics
    assert stale["test/error"] > stale["recalibrated/error"] + 0.2
    assert stale["train/error"] > stale["train_mode/error"] + 0.2
    assert stale["statistics/distance"] > 4 * live["statistics/distance"]


def test_recalibrating_after_training_changes_statistics_only(pictures: Path, bars: type[Bars]) -> None:
    stale = bars.but(model__norm=Norm(stats="batch"))
    before = stale(0, root=pictures).run().model
    after = stale.but(recalibrate="after")(0, root=pictures).run().model
    for one, other in zip(before.parameters(), after.parameters(), strict=True):
        assert torch.equal(one, other)
    assert weights_hash(before) != weights_hash(after)


def test_frozen_parts_keep_their_weights_and_the_optimizer_keeps_them(pictures: Path, bars: type[Bars]) -> None:
    learner = bars.but(fit__scope="head", model__norm=Norm(stats="running", affine=False))(0, root=pictures)
    state = learner.begin()
    held = sum(len(group["params"]) for group in state.optimizer.param_groups)
    assert held == len(list(state.model.parameters()))
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    after = learner.run().model.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head"}


def test_labels_are_smoothed_as_the_recipe_says(pictures: Path, bars: type[Bars]) -> None:
    seen: list[tuple[float, float, float]] = []

    class Looks(Bars):
        """Notes each loss beside torch's own, smoothed and plain."""

        def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
            loss = super().loss(output, batch)
            own = (nn.functional.cross_entropy(output, batch.y, label_smoothing=each) for each in (0.3, 0.0))
            seen.append((loss.item(), *(each.item() for each in own)))
            return loss

    Looks.but(fit__smoothing=0.3, fit__epochs=1)(0, root=pictures).run()
    assert len(seen) == 8
    assert all(loss == pytest.approx(smoothed, rel=1e-6) != pytest.approx(plain) for loss, smoothed, plain in seen)


def test_pictures_and_kernels_are_channels_last_in_memory(pictures: Path) -> None:
    seen: list[torch.Tensor] = []

    class Looks(Bars):
        """Notes what the network is given."""

        def forward(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return super().forward(model, x)

    # with one channel both orders are the same
    model = Looks.but(data__channels=3, fit__epochs=1)(0, root=pictures, device="cpu").run().model
    assert {each.shape[1] for each in seen} == {3}
    kernels = [each.weight for each in model.modules() if isinstance(each, nn.Conv2d) and each.kernel_size != (1, 1)]
    assert kernels and len(seen) > 8
    for each in (*seen, *kernels):
        assert each.is_contiguous(memory_format=torch.channels_last) and not each.is_contiguous()


def test_an_unknown_diagnostic_is_refused_with_the_nearest(bars: type[Bars]) -> None:
    with pytest.raises(FieldError, match="did you mean 'recalibrated'"):
        bars.but(diagnostics=("recalibratd",))(0)


def test_dropout_is_a_function_of_the_step(pictures: Path, bars: type[Bars], tmp_path: Path) -> None:
    class Dropping(Bars):
        """Drops features in the forward stage."""

        def forward(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
            return model(nn.functional.dropout(x, 0.3, training=model.training))

    path = tmp_path / "c.safetensors"
    whole = Dropping(0, root=pictures).run()
    Dropping(0, root=pictures).run(callbacks=[Keep(path, 10)])
    assert weights_hash(Dropping(0, root=pictures).run(resume=path).model) == weights_hash(whole.model)


@pytest.mark.parametrize("seeds", [[0, 1], "zero", 1.5])
def test_seeds_that_are_none_are_refused(seeds: Any, bars: type[Bars]) -> None:
    with pytest.raises(FieldError, match="it takes a whole number, or Seeds"):
        bars(seeds)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"thread": 2}, "'thread' is not an argument of Bars; did you mean 'threads'?"),
        ({"devise": "cpu"}, "'devise' is not an argument of Bars; did you mean 'device'?"),
        ({"threads": 0}, "threads is 0; it takes a whole number from 1"),
        ({"device": torch.device("cpu")}, "Bars.device is device(type='cpu'); it takes a text"),
        ({"sources": ["x"]}, r"Bars.sources is ['x']; it takes a dictionary, or None"),
    ],
)
def test_a_wrong_argument_is_named(given: dict[str, Any], said: str, bars: type[Bars]) -> None:
    with pytest.raises(FieldError) as caught:
        bars(0, **given)
    assert str(caught.value) == said


def test_places_may_be_given_as_texts(pictures: Path, bars: type[Bars], tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    bars(0, root=str(pictures)).run(callbacks=[Keep(path, 10)])
    whole, rest = bars(0, root=pictures).run(), bars(0, root=pictures).run(resume=str(path))
    assert weights_hash(rest.model) == weights_hash(whole.model)
    assert rest.history[0].time < whole.history[0].time, "it began anew"


def test_an_optimizer_of_ones_own_follows_the_recipes_rate(pictures: Path) -> None:
    class Own(Bars):
        """An optimizer as torch's pages show it."""

        def optimizer(self, groups: Groups) -> torch.optim.Optimizer:
            return torch.optim.Adagrad([each for _, some in groups for module in some for each in module.parameters()])

    rates: list[float] = []

    class Reads(Callback):
        """The rate of every step."""

        def step_end(self, state: State) -> None:
            rates.append(state.optimizer.param_groups[0]["lr"])

    learner = Own(0, root=pictures, device="cpu")
    learner.run(callbacks=[Reads()])
    assert rates == [1e-2 * learner.recipe.factor(step / 24) for step in range(24)]


def test_parameters_in_no_layer_group_are_refused(pictures: Path) -> None:
    class Some(Bars):
        """Takes the head for the network."""

        def groups(self, model: nn.Module) -> Groups:
            return list(super().groups(model))[-1:]

    with pytest.raises(
        FieldError, match=r"Some\.groups\(\): 'body\.stem\.0\.weight' and \d+ more .* in no layer group"
    ):
        Some(0, root=pictures, device="cpu").run()
