"""Activations against torch's own numbers; the step on a copy against one made by hand."""

import copy
import dataclasses
import math

import pytest
import torch

from workbench.interpret import activations as module
from workbench.interpret.activations import BINS, activations
from workbench.interpret.looking import batches
from workbench.training.checkpoint import weights_hash
from workbench.training.state import State


def test_numbers_are_those_of_the_whole_pass(state: State) -> None:
    found = {each.name: each for each in activations(state, "test").layers}
    kept = []
    handle = state.model.body.stem.register_forward_hook(lambda module, given, output: kept.append(output))
    with torch.no_grad():
        for batch in batches(state, "test"):
            state.model(state.learner.inputs(batch, training=False))
    handle.remove()
    output = torch.cat(kept).double()
    stem = found["body.stem.2"]
    assert stem.mean == pytest.approx(float(output.mean()))
    assert stem.deviation == pytest.approx(float(output.std(correction=0)))
    limit = 0.01 * output.square().mean().sqrt()
    assert stem.near_zero == pytest.approx(float((output.abs() <= limit).double().mean()), abs=1e-3)
    assert sum(stem.counts) == output.numel() and len(stem.counts) == BINS


def test_a_dead_unit_is_found(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    model = copy.deepcopy(state.model)
    with torch.no_grad():
        model.body.stem[1].weight[1], model.body.stem[1].bias[1] = 0.0, -1.0
    monkeypatch.setattr(state, "model", model)
    assert {each.name: each.dead for each in activations(state).layers}["body.stem.2"] == pytest.approx(1 / 4)


def test_gradients_are_those_of_the_first_batch_and_the_network_stays(state: State) -> None:
    before = weights_hash(state.model)
    found = {each.name: each for each in activations(state).layers}
    assert weights_hash(state.model) == before
    assert all(parameter.grad is None for parameter in state.model.parameters())
    head = found["head"]
    weight = torch.cat([each.detach().flatten() for each in state.model.head.parameters()])
    assert head.weight == pytest.approx(float(weight.norm()))
    # the first step of AdamW: the rate for every weight, and the decay
    rate = float(state.learner.recipe.lr)
    assert head.update == pytest.approx(rate * len(weight) ** 0.5, rel=0.05)
    assert head.ratio == head.update / head.weight and head.gradient > 0
    assert math.isnan(found["body.stem.2"].gradient) and math.isnan(found["body.stem.2"].ratio)


def test_it_draws_and_says_what_the_columns_mean(state: State) -> None:
    found = activations(state, most=40)
    assert found.items == 40 and "over 40 items of the train split" in found.notes()[0]
    figure = found.figure()
    assert len(figure.axes) == 4 and figure.axes[3].get_yscale() == "log"
    row = dict(zip(found.table().headers, found.table().rows[2], strict=True))
    assert row["gradient"] is None and row["layer"] == "body.stem.2"


def test_frozen_layers_have_no_gradient(state: State) -> None:
    frozen = type(state.learner).but(fit__scope="head")(0, device="cpu", root=state.learner.root)
    found = {each.name: each for each in activations(frozen.begin(), most=32).layers}
    assert math.isnan(found["body.stem.0"].gradient) and found["head"].gradient > 0


@pytest.mark.parametrize("middle", [0.0, 1000.0])
def test_a_large_layer_has_exact_sums_and_a_histogram_of_a_part(middle: float) -> None:
    drawn = torch.Generator().manual_seed(0)
    parts = [middle + torch.randn(16, 8, 46, 23, generator=drawn) for _ in range(2)]
    sums = module._begun(torch.nn.Identity(), parts[0])
    for each in parts:
        sums.add(each)
    flow, whole = module._flow("large", sums, (1.0, 1.0, 1.0)), torch.cat(parts).double()
    assert flow.mean == pytest.approx(float(whole.mean()), abs=1e-6)
    assert flow.deviation == pytest.approx(float(whole.std(correction=0)), rel=1e-5)
    assert flow.dead == 0 and isinstance(flow.counts[0], int)
    assert 0 < sum(flow.counts) < whole.numel() / 20


def test_the_ends_of_long_names_are_kept(state: State) -> None:
    found = activations(state, most=8)
    long = tuple(
        dataclasses.replace(each, name=f"body.features.10.convolution.block.{each.name}") for each in found.layers
    )
    labels = [each.get_text() for each in dataclasses.replace(found, layers=long).figure().axes[3].get_xticklabels()]
    assert len(set(labels)) == len(labels) and labels[-1].startswith("…") and labels[-1].endswith("head")
