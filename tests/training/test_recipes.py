"""Recipes refuse what makes no sense, by the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from workbench import Constant, FineTune, OneCycle
from workbench.errors import FieldError


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
        ({"momentum": 0.9}, "'momentum' is not a field of OneCycle"),
    ],
)
def test_a_value_without_sense_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        OneCycle(**fields)


def test_each_recipe_differs_from_the_first_in_its_one_default() -> None:
    plain = {name: getattr(OneCycle(), name) for name in OneCycle.fields()}
    for recipe, field in ((FineTune(), "body_lr"), (Constant(), "schedule")):
        assert [name for name in plain if getattr(recipe, name) != plain[name]] == [field]
