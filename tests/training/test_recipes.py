"""Recipes refuse what makes no sense, by the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from workbench import Constant, FineTune, OneCycle
from workbench.errors import FieldError
from workbench.training.recipes import GradualUnfreeze, Recipe, Restarts
from workbench.training.schedules import SCHEDULES, restarts


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "OneCycle.epochs is 0; it takes a whole number from 1"),
        ({"batch": -1}, "OneCycle.batch is -1"),
        ({"micro": 0}, "OneCycle.micro is 0"),
        ({"epochs": 1.5}, "OneCycle.epochs is 1.5"),
        ({"lr": 0.0}, "OneCycle.lr is 0.0; it takes a number above 0"),
        ({"lr": float("nan")}, "OneCycle.lr is nan"),
        ({"lr": "atuo"}, "OneCycle.lr is 'atuo'; did you mean 'auto'"),
        ({"smoothing": 1.0}, "OneCycle.smoothing is 1.0"),
        ({"weight_decay": -0.1}, "weight_decay and body_lr take numbers from 0"),
        ({"clip": 0.0}, "clip a number above 0"),
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
        (GradualUnfreeze, {"body_lr": -1.0}, "body_lr take numbers from 0"),
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
