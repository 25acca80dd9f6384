"""The summary counts what there is."""

import pytest
import torch
from torch import nn

from workbench import Learner
from workbench.interpret.summary import summarise
from workbench.models.norm import Norm
from workbench.training.state import State


def test_layers_shapes_and_totals(state: State) -> None:
    found = summarise(state)
    by_name = {each.name: each for each in found.layers}
    assert found.parameters == sum(each.numel() for each in state.model.parameters()) == found.trainable
    assert found.buffers == sum(each.numel() for each in state.model.buffers())
    stem = by_name["body.stem.0"]
    assert (stem.kind, stem.output, stem.parameters, stem.group) == ("Conv2d", "b x 4 x 6 x 6", 36, "stem")
    assert by_name["head"].output == "b x 4" and by_name["head"].group == "head"
    assert by_name["body.stem.1"].trains == "yes, statistics by the batch"


def test_operations_of_one_item_by_hand(state: State) -> None:
    convolutions = {each.name: each for each in summarise(state).layers if each.kind in ("Conv2d", "Linear")}
    total = 0
    for each in convolutions.values():
        places = 1
        for size in each.output.split(" x ")[2:]:
            places *= int(size)
        weights = state.model.get_submodule(each.name).weight
        total += 2 * places * weights.numel()
    assert summarise(state).flops == total


def test_what_is_frozen_is_said(bars: type[Learner], state: State) -> None:
    frozen = bars.but(fit__scope="head", model__norm=Norm(stats="running", affine=False))
    learner = frozen(0, device="cpu", root=state.learner.root)
    found = summarise(learner.begin())
    by_name = {each.name: each for each in found.layers}
    assert by_name["body.stem.0"].trains == "no" and by_name["body.stem.1"].trains == "no, statistics fixed"
    assert found.trainable == by_name["head"].parameters == by_name["head"].trainable
    assert "68 train, 4,972 are frozen" in found.notes()[0]


def test_shared_weights_count_once_and_unused_layers_have_no_shape(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.never = nn.Linear(144, 144), nn.Linear(144, 144), nn.Linear(2, 2)
            self.two.weight = self.one.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            output: torch.Tensor = self.two(self.one(x.flatten(1)))
            return output

        def groups(self) -> list[tuple[str, list[nn.Module]]]:
            return [("head", [self.one, self.two, self.never])]

    monkeypatch.setattr(state, "model", Tied())
    found = summarise(state)
    assert [each.parameters for each in found.layers] == [144 * 144 + 144, 144, 6]
    assert [each.output for each in found.layers] == ["b x 144", "b x 144", ""]
