"""Fields: what a class states is checked while the class is being created."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.training.conftest import Bars
from workbench import EarlyStop, Learner, Network, Norm
from workbench.errors import FieldError
from workbench.models.vision import Model
from workbench.parts import Part
from workbench.training.fields import Described


class Depth(Part):
    """A part to reach into."""

    blocks: int = 3


class Base(Described):
    """The library class of these tests."""

    depth: Depth = Depth()
    rate: float = 0.1
    names: tuple[str, ...] = ()

    def forward(self) -> int:
        """A stage."""
        return 1


def test_a_misspelt_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(FieldError) as found:

        class TrainBN(Learner):
            modle = Network("resnet8")

    assert str(found.value) == "TrainBN.modle is not a field of Learner; did you mean 'model'?"


def test_an_annotation_does_not_smuggle_a_misspelt_field_in() -> None:
    with pytest.raises(FieldError, match=r"TrainBN.modle is no field of Learner; did you mean 'model'"):

        class TrainBN(Learner):
            modle: Model = Network("resnet8")


def test_a_subclass_may_add_a_field_of_its_own() -> None:
    class Focal(Base):
        gamma: float = 2.0

    assert list(Focal.fields()) == ["depth", "rate", "names", "gamma"]
    assert Focal.but(gamma=3.0).flatten()["gamma"] == 3.0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rate", "fast", r"Arm.rate is 'fast'; it takes a number"),
        ("rate", True, r"Arm.rate is True; it takes a number"),
        ("depth", 3, r"Arm.depth is 3; it takes Depth"),
        ("names", ("a", 1), r"Arm.names is \('a', 1\); it takes a tuple of texts"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        type("Arm", (Base,), {field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("model", "resnet8", "did you mean Network('resnet8')?"),
        ("model", "resnet9", "did you mean Network('resnet8')?"),
        ("model", "lstm", "did you mean TextNetwork('lstm')?"),
        ("model", "data/own.pth", "did you mean Pretrained('data/own.pth')?"),
        ("model", Network, "did you mean Network(...)?"),
        ("model", 3, "it takes 'auto', or Model, such as Network("),
        ("data", "data/adult.csv", "Arm.data is 'data/adult.csv'; did you mean Table('data/adult.csv', 'LABEL')?"),
        ("data", Path("x.zip"), "did you mean ImageFolder('x.zip')?"),
        ("data", pd.DataFrame({"a": [1]}), "Arm.data is of type DataFrame; did you mean Table.of(frame, 'LABEL')?"),
        ("data", np.zeros(3), "did you mean ImageArrays.of(images, labels)?"),
        ("data", "x", "it takes Data, such as Table(...)"),
        ("fit", "onecycle", "did you mean OneCycle()?"),
        ("diagnostics", "views", "Arm.diagnostics is 'views'; write ['views']"),
    ],
)
def test_the_part_that_was_meant_is_named(field: str, value: Any, message: str) -> None:
    with pytest.raises(FieldError) as caught:
        type("Arm", (Bars,), {field: value})
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_value_where_a_stage_belongs_is_answered_with_the_stage() -> None:
    with pytest.raises(FieldError) as caught:
        type("Arm", (Bars,), {"callbacks": [EarlyStop(1)]})
    said = "Arm.callbacks is a value, and 'callbacks' is a method of Learner. Write: def callbacks(self): return ..."
    assert str(caught.value) == said


def test_a_misspelt_choice_is_refused_with_the_nearest() -> None:
    with pytest.raises(FieldError, match="level is 'strickt'; did you mean 'strict'"):
        Bars.but(level="strickt")


def test_a_stage_one_letter_off_is_refused_and_a_helper_is_not() -> None:
    with pytest.raises(FieldError, match=r"Arm.forwad is no stage of Base; did you mean 'forward'"):

        class Arm(Base):
            def forwad(self) -> int:
                return 2

    class Helped(Base):
        def forward(self) -> int:
            return self.scaled() + self._forwar()

        def scaled(self) -> int:
            return 2

        def _forwar(self) -> int:
            return 3

    assert Helped().forward() == 5


def test_a_stage_of_the_learner_one_letter_off_is_refused() -> None:
    with pytest.raises(FieldError, match=r"Arm.metric is no stage of Learner; did you mean 'metrics'"):

        class Arm(Bars):
            def metric(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
                return {}


def test_what_a_class_does_not_state_it_inherits() -> None:
    class Child(Base):
        rate = 1

    class Grandchild(Child):
        names = ["x"]

    assert Grandchild.fields() == {"depth": Depth(), "rate": 1, "names": ("x",)}
    assert Base.fields() == {"depth": Depth(), "rate": 0.1, "names": ()}


def test_a_field_without_a_value_is_named_when_it_is_needed() -> None:
    class Empty(Learner):
        """No data, no model."""

    with pytest.raises(FieldError, match=r"Empty has no 'data'\. Add `data = ...` to the class"):
        Empty(0)


def test_but_changes_one_thing_on_a_subclass() -> None:
    arm = Bars.but("Stale", model__norm__stats="batch")
    assert (arm.__name__, issubclass(arm, Bars), arm.__doc__) == ("Stale", True, Bars.__doc__)
    changed = {path for path, value in arm.flatten().items() if Bars.flatten().get(path) != value}
    assert changed == {"model.norm.stats"}


def test_but_takes_a_part_and_a_path_into_it_together() -> None:
    assert Bars.but(model=Network("resnet20"), model__norm=Norm(kind="group")).model == Network(
        "resnet20", norm=Norm(kind="group")
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("modle", "'modle' is not a field of Bars; did you mean 'model'"),
        ("model__nrom", "'nrom' is not a field of Network; did you mean 'norm'"),
        ("level__norm", "Bars.level is 'seeded', which has no field 'norm'"),
    ],
)
def test_but_refuses_a_path_that_leads_nowhere(path: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        Bars.but(**{path: 1})


def test_vary_gives_every_combination_with_a_name_that_tells_it() -> None:
    arms = Base.vary(depth__blocks=[1, 2], rate=[0.1, 0.5])
    assert [arm.__name__ for arm in arms] == [
        "Base[blocks=1,rate=0.1]",
        "Base[blocks=1,rate=0.5]",
        "Base[blocks=2,rate=0.1]",
        "Base[blocks=2,rate=0.5]",
    ]
    assert [(arm.depth.blocks, arm.rate) for arm in arms] == [(1, 0.1), (1, 0.5), (2, 0.1), (2, 0.5)]


def test_flatten_holds_plain_values_under_dotted_paths() -> None:
    assert Base.flatten() == {"depth": "Depth", "depth.blocks": 3, "rate": 0.1, "names": []}
