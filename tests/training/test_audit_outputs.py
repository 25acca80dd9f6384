"""A planted bug in what a network puts out, or in how it begins, is found by its check."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.training.audited import Digits, Planted, digits, found, looked, replaced
from workbench import ImageArrays, Learner, MultiLabel, Network, OneCycle, Regression, Seeds
from workbench.data.items import Datasets, Items
from workbench.data.loading import Batch
from workbench.data.signature import Signature
from workbench.data.tables import Table
from workbench.models.heads import VisionModel
from workbench.models.tabular import TabularNetwork

Carried = Callable[[str], Path]


@pytest.fixture(autouse=True)
def here(carried: Carried) -> None:
    carried("data/mnist.npz")


# ---- 11: target and head --------------------------------------------------------------------------------------------


class Narrow(Network):
    """A head for two classes."""

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> VisionModel:
        built = super().network(signature, seeds=seeds, root=root, sources=sources)
        built.head = nn.Linear(built.head.in_features, 2)
        return built


def test_a_head_with_too_few_outputs() -> None:
    finding = found(Digits.but(model=Narrow("resnet8", width=4)), "target and head")
    assert finding.state == "wrong" and "shape (3, 2) for 3 items, not (3, 10)" in finding.found


def test_labels_beyond_the_outputs() -> None:
    class FromOne(Planted):
        """Labels that begin at 1."""

        def spoil(self, data: Datasets) -> Datasets:
            moved = Items(data.train.inputs, data.train.targets + 1, data.train.keys)
            return replaced(data, train=moved, classes=(*data.classes, "10"))

    finding = found(digits(FromOne), "target and head")
    assert finding.state == "wrong" and "reach from 1 to 10, and there are 10 outputs" in finding.found


def test_class_numbers_as_quantities() -> None:
    """ "auto" takes few whole numbers for classes; it takes the same as decimals for quantities, and says so."""
    frame = pd.DataFrame({"x": np.linspace(0, 1, 300), "kind": np.tile([0.0, 1.0, 2.0], 100)})

    class Kinds(Learner):
        """Three kinds, numbered."""

        data = Table.of(frame, "kind")
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    finding = found(Kinds, "target and head")
    assert finding.state == "note" and finding.found == "Regression on 3 different whole numbers"
    assert "SingleLabel()" in finding.hint
    told = Kinds.but(data=Kinds.data.but(target=Regression()))
    assert found(told, "target and head").state == "ok"


def test_one_label_an_item_taken_for_several() -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 1, 300), **{f"is {n}": (np.arange(300) % 3 == n) * 1 for n in range(3)}})

    class OneHot(Learner):
        """Three columns of which always one is 1."""

        data = Table.of(frame, ("is 0", "is 1", "is 2"))
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    finding = found(OneHot, "target and head")
    assert finding.state == "note" and "has exactly one of 3 labels" in finding.found


def test_one_column_for_several_labels() -> None:
    """Values with one label an item are refused as MultiLabel, so the bug needs data that make their own targets."""

    class OneColumn(Planted):
        """Whether a digit is a nine, as a column."""

        def spoil(self, data: Datasets) -> Datasets:
            train, test = (
                Items(each.inputs, (each.targets == 9).float()[:, None], each.keys) for each in (data.train, data.test)
            )
            signature = dataclasses.replace(data.signature, outputs=1)
            return replaced(
                data,
                train=train,
                test=test,
                validation=None,
                classes=("nine",),
                target=MultiLabel(),
                signature=signature,
            )

    finding = found(digits(OneColumn), "target and head")
    assert finding.state == "note" and "one label, which an item has or has not" in finding.found


# ---- 12: the first steps --------------------------------------------------------------------------------------------


def test_a_loss_that_no_weight_changes() -> None:
    class Detached(Digits):
        """A forward stage that cuts the gradient off."""

        def forward(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
            output = model(x)
            return output.detach() + 0 * output

    finding = found(Detached, "first steps")
    assert finding.state == "wrong" and "is at best 100% of it after 30 steps" in finding.found
    assert "loss()" in finding.hint


def test_a_loss_that_has_no_gradient_is_named_and_nothing_falls_over() -> None:
    class OfAnswers(Digits):
        """The loss of answers, which torch cannot derive."""

        def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
            return (output.argmax(1) != batch.y).float().mean()

    class Frozen(Digits):
        """Every weight frozen by hand."""

        def groups(self, model: nn.Module) -> Any:
            found = super().groups(model)
            model.requires_grad_(False)
            return found

    for cls in (OfAnswers, Frozen):
        finding = found(cls, "first steps")
        assert finding.state == "wrong" and "depends on no weight that trains" in finding.found
        assert "fit.scope" in finding.hint


def test_a_head_that_begins_far_too_sure() -> None:
    class Loud(Digits):
        """Outputs a hundred times too large."""

        def forward(self, model: nn.Module, x: torch.Tensor) -> torch.Tensor:
            return 100 * model(x)

    finding = found(Loud, "first steps")
    assert finding.state in ("note", "wrong") and "times that of an output of zeros" in finding.found


def test_an_answer_among_the_inputs() -> None:
    class Told(Digits):
        """The label travels with the picture."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> Any:
            return super().inputs(batch, training=training, epoch=epoch), batch.y

        def forward(self, model: nn.Module, x: Any) -> torch.Tensor:
            return model(x[0]) + 9 * functional.one_hot(x[1], 10)

    findings = [str(each) for each in looked(Told) if each.name == "first steps"]
    assert any("Is the target among the inputs?" in each for each in findings)


def test_a_rate_for_a_long_run_is_no_bug() -> None:
    finding = found(Digits.but(fit__lr=1e-6), "first steps")
    assert finding.state == "ok" and "at rate 0.003" in finding.found


def test_a_network_that_learns_slowly_is_a_note() -> None:
    from workbench import Norm

    plain = Digits.but(model=Network("resnet20", width=4, norm=Norm(kind="none")), fit__lr=1e-3)
    assert found(plain, "first steps").state in ("note", "wrong")
    assert isinstance(plain.data, ImageArrays)
