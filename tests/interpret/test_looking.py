"""Looking changes nothing."""

import pytest
import torch
from torch import nn

from workbench.errors import FieldError
from workbench.interpret.looking import batches, group_names, item_at, items_of, layers, looking, tensors, watched
from workbench.training.checkpoint import weights_hash
from workbench.training.state import State


def test_modes_threads_and_random_state_are_put_back(state: State) -> None:
    state.model.train()
    state.model.body.eval()
    modes = [module.training for module in state.model.modules()]
    weights, random = weights_hash(state.model), torch.get_rng_state()
    threads = torch.get_num_threads()
    with looking(state) as model:
        assert not any(module.training for module in model.modules()) and not torch.is_grad_enabled()
        torch.rand(3)
    assert [module.training for module in state.model.modules()] == modes
    assert weights_hash(state.model) == weights and torch.equal(torch.get_rng_state(), random)
    assert torch.get_num_threads() == threads
    state.model.eval()


def test_hooks_are_gone_also_after_an_error(state: State) -> None:
    seen = []
    with pytest.raises(RuntimeError, match="stop"), watched(layers(state.model), lambda *given: seen.append(given)):
        state.model(torch.zeros(2, 1, 12, 12))
        raise RuntimeError("stop")
    count = len(seen)
    assert count > 5
    state.model(torch.zeros(2, 1, 12, 12))
    assert len(seen) == count


def test_layers_have_no_children_or_weights_of_their_own() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.MultiheadAttention(4, 2), nn.Sequential(nn.ReLU()))
    assert [name for name, _ in layers(model)] == ["0", "1", "1.out_proj", "2.0"]


def test_tensors_are_found_wherever_they_are() -> None:
    one, two = torch.zeros(1), torch.ones(2)
    assert [len(each) for each in tensors({"a": (one, [two]), "b": "text"})] == [1, 2]
    assert tensors(None) == []


def test_every_layer_with_weights_has_its_group(state: State) -> None:
    names = group_names(state)
    owners = [module for _, module in layers(state.model) if list(module.parameters(recurse=False))]
    assert owners and {names[id(module)] for module in owners} == {"stem", "block1", "block2", "block3", "head"}


def test_a_split_is_cut_or_refused(state: State) -> None:
    assert [len(batch) for batch in batches(state, "test", most=50)] == [50]
    assert sum(len(batch) for batch in batches(state, "train")) == 240
    with pytest.raises(FieldError, match="the split 'validation' is not there; there is 'train', 'test'"):
        items_of(state, "validation")


def test_one_stored_item(state: State) -> None:
    last = len(state.data.test) - 1
    assert torch.equal(item_at(state, "test", last), state.data.test.inputs[-1:])
    for position in (-1, last + 1):
        with pytest.raises(FieldError, match=rf"no item {position} in the split 'test'; the last one is {last}"):
            item_at(state, "test", position)
