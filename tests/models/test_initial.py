"""Initial weights come from the stream and leave the global random state alone."""

import pytest
import torch
from torch import nn

from workbench.models.initial import initial_weights


def test_stream_decides_and_global_state_stays() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with initial_weights(7, "init"):
        one = nn.Linear(20, 20).weight
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    with initial_weights(7, "init"):
        two = nn.Linear(20, 20).weight
    with initial_weights(7, "head"):
        three = nn.Linear(20, 20).weight
    assert torch.equal(one, two) and not torch.equal(one, three)


def test_global_state_comes_back_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(KeyError), initial_weights(7, "init"):
        nn.Linear(2, 2)
        raise KeyError
    assert torch.equal(before, torch.get_rng_state())
