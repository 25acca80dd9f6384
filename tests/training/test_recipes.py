"""Recipes refuse what makes no sense, by the field's name; what they thaw is a function of progress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.conftest import Bars
from tests.training.test_resuming import Saves, interrupted, undisturbed
from workbench import Callback, Constant, FineTune, Norm, OneCycle
from workbench.errors import FieldError
from workbench.training.checkpoint import save_weights
from workbench.training.recipes import GradualUnfreeze, Recipe, Restarts
from workbench.training.schedules import SCHEDULES, restarts
from workbench.training.state import State


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "OneCycle.epochs is 0; it takes a whole number from 1"),
        ({"batch": -1}, "OneCycle.batch is -1"),
        ({"micro": 0}, "OneCycle.micro is 0"),
        ({"epochs": 1.5}, "OneCycle.epochs is 1.5"),
        ({"lr": 0.0}, "OneCycle.lr is 0.0; it takes a number above 0 and below 100"),
        ({"lr": "1e-3"}, "OneCycle.lr is '1e-3'; write 1e-3 without quotes"),
        ({"lr": float("nan")}, "OneCycle.lr is nan"),
        ({"lr": "atuo"}, "OneCycle.lr is 'atuo'; did you mean 'auto'"),
        ({"smoothing": 1.0}, "OneCycle.smoothing is 1.0"),
        ({"weight_decay": -0.1}, "OneCycle.weight_decay is -0.1; it takes a number from 0"),
        ({"clip": 0.0}, "OneCycle.clip is 0.0; it takes a number above 0, or None"),
        ({"clip": float("nan")}, "OneCycle.clip is nan; it takes a number above 0"),
        ({"weight_decay": float("nan")}, "OneCycle.weight_decay is nan"),
        ({"body_lr": float("inf")}, "OneCycle.body_lr is inf; it takes a number from 0"),
        ({"schedule": "onecycle"}, "did you mean 'one_cycle'"),
        ({"optimizer": "adam"}, "did you mean 'adamw'"),
        ({"layer_decay": 0.0}, "OneCycle.layer_decay is 0.0; it takes a number above 0 and up to 1"),
        ({"micro": "atuo"}, "did you mean 'auto'"),
        ({"momentum": 0.9}, "'momentum' is not a field of OneCycle"),
    ],
)
def test_a_value_without_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        OneCycle(**fields)


def test_each_recipe_differs_from_the_first_in_its_one_default() -> None:
    plain = {name: getattr(OneCycle(), name) for name in OneCycle.fields()}
    differences = {FineTune: "body_lr", GradualUnfreeze: "body_lr", Constant: "schedule", Restarts: "schedule"}
    for recipe, field in ((cls(), field) for cls, field in differences.items()):
        assert [name for name in plain if getattr(recipe, name) != plain[name]] == [field]


@pytest.mark.parametrize(
    ("recipe", "fields", "message"),
    [
        (Restarts, {"cycles": 0}, r"Restarts\.cycles is 0; it takes a whole number from 1"),
        (Restarts, {"growth": 0.0}, r"Restarts\.growth is 0\.0"),
        (Restarts, {"schedule": "cosine"}, r"'cosine', which has no cycles\. Use OneCycle\(schedule='cosine'\)"),
        (Restarts, {"epochs": 0}, r"Restarts\.epochs is 0"),
        (GradualUnfreeze, {"every": 0.0}, r"GradualUnfreeze\.every is 0\.0; it takes a share"),
        (GradualUnfreeze, {"scope": "head"}, r"its scope grows .* Use FineTune\(scope='head'\)"),
        (GradualUnfreeze, {"body_lr": -1.0}, r"GradualUnfreeze\.body_lr is -1\.0; it takes a number from 0"),
    ],
)
def test_a_recipes_own_fields_are_checked_too(recipe: type[Recipe], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        recipe(**fields)


def test_the_factor_is_the_schedules_with_the_recipes_own_cycles() -> None:
    for name, schedule in SCHEDULES.items():
        assert [OneCycle(schedule=name).factor(at / 7) for at in range(8)] == [schedule(at / 7) for at in range(8)]
    assert Restarts(cycles=5, growth=1.0).factor(0.3) == restarts(0.3, cycles=5, growth=1.0) != restarts(0.3)


def test_most_recipes_train_their_scope_throughout() -> None:
    assert [FineTune(scope="last").trained(at, 7) for at in (0.0, 0.5, 1.0)] == ["last"] * 3


@pytest.mark.parametrize(
    ("every", "groups", "found"),
    [(0.1, 20, list(range(1, 11))), (0.1, 4, [1, 2, 3, *[4] * 7]), (None, 6, [1, 2, 3, 4, 5, *[6] * 5])],
)
def test_one_group_more_trains_after_every_share(every: float | None, groups: int, found: list[int]) -> None:
    recipe = GradualUnfreeze(every=every)
    assert [recipe.trained(step / 10, groups) for step in range(10)] == found


def test_a_model_of_one_group_trains_from_the_start() -> None:
    assert GradualUnfreeze().trained(0.0, 1) == 1


class Thaws(Bars):
    """Everything trains from the middle of the run on; frozen statistics stay."""

    model = Bars.model.but(norm=Norm(stats="running", affine=False))
    fit = GradualUnfreeze(epochs=3, batch=32, lr=1e-2, layer_decay=0.8)


class Watches(Callback):
    """Which groups had moved after every step, and which normalised by the batch."""

    def __init__(self) -> None:
        self.before: dict[str, torch.Tensor] = {}
        self.moved: list[set[str]] = []
        self.live: list[set[str]] = []

    def step_begin(self, state: State) -> None:
        """The weights before it."""
        self.before = {name: value.detach().clone() for name, value in state.model.named_parameters()}

    def step_end(self, state: State) -> None:
        """What is not what it was."""
        owner = {
            id(each): group
            for group, modules in state.model.groups()
            for module in modules
            for each in module.parameters()
        }
        named = dict(state.model.named_parameters())
        moved = {owner[id(each)] for name, each in named.items() if not torch.equal(each, self.before[name])}
        self.moved.append(moved)
        layers = [each for each in state.model.modules() if isinstance(each, nn.BatchNorm2d) and each.training]
        self.live.append({owner[id(each.weight)] for each in layers})


def test_groups_thaw_from_the_head_downwards_in_the_middle_of_an_epoch_too(pictures: Path) -> None:
    watches = Watches()
    learner = Thaws(0, root=pictures, device="cpu")
    learner.run(callbacks=[watches])
    assert learner.state is not None
    names = [group for group, _ in learner.state.model.groups()][::-1]
    expected = [names[: min(len(names), 1 + int(step / 24 / (0.5 / (len(names) - 1)) + 1e-9))] for step in range(24)]
    assert watches.moved == [set(each) for each in expected]
    assert watches.live == [set(each) - {"head"} for each in expected]
    assert len(names) > 3 and any(len(expected[step]) != len(expected[step - 1]) for step in range(24) if step % 8)


@pytest.mark.parametrize(
    ("step", "event"), [*((step, "step_end") for step in (1, 3, 4, 8, 11)), (8, "epoch_begin"), (8, "epoch_end")]
)
def test_thawing_resumes_bit_for_bit(step: int, event: str, pictures: Path, tmp_path: Path) -> None:
    rest = interrupted(Thaws, pictures, Saves(tmp_path / "c.safetensors", step, event))
    assert rest == undisturbed(Thaws, pictures)


@pytest.mark.parametrize("optimizer", ["sgd", "muon"])
def test_thawing_does_so_with_every_optimizer(optimizer: str, pictures: Path, tmp_path: Path) -> None:
    arm = Thaws.but(fit__optimizer=optimizer, fit__layer_decay=1.0)
    whole = undisturbed(arm, pictures)
    assert interrupted(arm, pictures, Saves(tmp_path / "c.safetensors", 8, "step_end")) == whole
    assert max(step for key, step, _ in whole[2] if key == "train/loss") == 24


def test_what_is_measured_after_a_run_that_was_resumed_at_its_end_is_the_same(pictures: Path, tmp_path: Path) -> None:
    arm = Thaws.but(diagnostics=("train_mode",))  # where it matters which groups trained last
    rest = interrupted(arm, pictures, Saves(tmp_path / "c.safetensors", 24, "epoch_end"))
    assert rest == (whole := undisturbed(arm, pictures))
    save_weights(tmp_path / "w.safetensors", arm(0, root=pictures, device="cpu").run().model, {})
    given = arm(0, root=pictures, device="cpu").run(trained=tmp_path / "w.safetensors")
    assert given.metrics == whole[1]


def test_restarts_resume_bit_for_bit(pictures: Path, tmp_path: Path) -> None:
    arm = Bars.but(fit=Restarts(epochs=2, batch=32, lr=1e-2, cycles=3, layer_decay=0.5))
    rest = interrupted(arm, pictures, Saves(tmp_path / "c.safetensors", 7, "step_end"))
    assert rest == undisturbed(arm, pictures)
