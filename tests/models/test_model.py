"""A network is refused for data that it does not take, with the one that fits; one of your own is built as ours are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from workbench import Learner
from workbench.data.signature import Signature
from workbench.errors import FieldError
from workbench.models.model import Model
from workbench.models.vision import Network
from workbench.streams import Seeds

PAGE = Path(__file__).parents[2] / "docs" / "own_network.md"


class Net(nn.Module):
    """Two layers, and what is said of them."""

    def __init__(self, grouped: tuple[str, ...]) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(4, 3), nn.Linear(3, 2)
        self.grouped = grouped

    def groups(self) -> list[tuple[str, list[nn.Module]]]:
        return [(name, [self.get_submodule(name)]) for name in self.grouped]


class Own(Model):
    """That network."""

    grouped: tuple[str, ...] = ("body", "head")

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> nn.Module:
        return Net(self.grouped) if self.grouped else nn.Linear(4, 2)


def build(part: Model, seed: int = 0) -> nn.Module:
    return part.build(Signature("image", 2, channels=1), seeds=Seeds.of(seed), root=Path())


def test_a_network_for_pictures_refuses_a_table() -> None:
    with pytest.raises(FieldError, match=r"Network takes pictures, and the data are tables. Use model = Tabular"):
        Network("resnet8").build(Signature("table", 2, numbers=3), seeds=Seeds.of(0), root=Path())


def test_a_network_of_ones_own_draws_from_the_stream_and_leaves_the_global_one() -> None:
    before = torch.get_rng_state()
    one, two, other = (build(Own(), seed).state_dict()["body.weight"] for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("grouped", "words"),
    [
        ((), r"Linear has no method groups\(\)\. Add one that returns its layers"),
        (("head",), r"Net.groups\(\) has the parameter 'body.weight' in no group, or in more than one"),
        (("body", "head", "head"), "'head.weight' in no group, or in more than one"),
    ],
)
def test_groups_that_leave_a_parameter_out_are_refused(grouped: tuple[str, ...], words: str) -> None:
    with pytest.raises(FieldError, match=words):
        build(Own(grouped=grouped))


@pytest.mark.parametrize("module", [nn.Sequential(nn.Linear(4, 2)), nn.Linear])
def test_a_module_in_place_of_a_model_is_told_where_to_go(module: Any) -> None:
    with pytest.raises(FieldError, match=r"^.*\.model is .*docs/own_network.md$") as told:
        type("Wrong", (Learner,), {"model": module})
    assert "\n" not in str(told.value)


def test_the_page_on_ones_own_network_trains(pictures: Path) -> None:
    spoken: dict[str, Any] = {"__name__": "page"}
    exec(PAGE.read_text().split("```python\n")[1].split("```")[0], spoken)
    arm = spoken["Digits"].but(data__path="data/small.npz", data__train=None, fit__epochs=1)
    result = arm(root=pictures).run()
    assert 0 <= result.metrics["test/error"] <= 1
    assert sum(each.numel() for each in result.model.parameters()) == 9 * 32 + 32 + 2 * 32 + 4 * 32 + 4
