"""Groups: every parameter in exactly one, and scopes freeze what their names say."""

from pathlib import Path

import pytest
import torch
from torch import nn

from workbench.data.signature import Signature
from workbench.errors import FieldError
from workbench.models.groups import body_groups, frozen_modules, ungrouped
from workbench.models.heads import VisionModel
from workbench.models.vision import Network
from workbench.streams import Seeds

ARCHS = [
    "resnet8",
    "resnet20",
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "shufflenet_v2_x0_5",
    "regnet_x_400mf",
    "densenet121",
    "convnext_tiny",
    "vgg11_bn",
    "googlenet",
    "inception_v3",
    "squeezenet1_0",
    "maxvit_t",
    "vit_b_32",
]


def build(arch: str) -> VisionModel:
    return Network(arch).build(Signature("image", 5, channels=3), seeds=Seeds.of(0), root=Path())


@pytest.mark.parametrize("arch", ARCHS)
def test_every_parameter_is_in_exactly_one_group(arch: str) -> None:
    model = build(arch)
    groups = model.groups()
    assert ungrouped(model, groups) == []
    assert groups[0][0] == "stem" and groups[-1] == ("head", [model.head])
    assert len({name for name, _ in groups}) == len(groups)
    assert all(any(True for module in modules for _ in module.parameters()) for _, modules in groups)


def test_groups_follow_the_input_to_the_head() -> None:
    model = build("mobilenet_v2")
    order = [name for name, _ in model.named_parameters()]
    place = {id(parameter): order.index(name) for name, parameter in model.named_parameters()}
    places = [place[id(p)] for _, modules in model.groups() for module in modules for p in module.parameters()]
    assert places == sorted(places)


def test_last_block_of_mobilenet_has_the_convolution_after_it() -> None:
    model = build("mobilenet_v2")
    _, last = model.groups()[-2]
    assert model.body.features[17] in last and model.body.features[18] in last  # type: ignore[index, operator]
    assert len(model.groups()) == 1 + 17 + 1


def test_stem_and_blocks_of_a_resnet() -> None:
    model = build("resnet18")
    names = dict(model.groups())
    assert model.body.conv1 in names["stem"] and model.body.bn1 in names["stem"]
    assert len(names) == 1 + 8 + 1 and names["block8"][0] is model.body.layer4[1]  # type: ignore[index]


@pytest.mark.parametrize(
    ("arch", "blocks"), [("googlenet", 9), ("inception_v3", 11), ("maxvit_t", 6), ("vit_b_32", 12)]
)
def test_blocks_that_lie_in_no_sequence(arch: str, blocks: int) -> None:
    assert len(build(arch).groups()) == 1 + blocks + 1


@pytest.mark.parametrize(("scope", "free"), [("all", 5), ("last", 2), ("head", 1)])
def test_scopes(scope: str, free: int) -> None:
    model = build("resnet8")
    frozen = {id(p) for module in frozen_modules(model, scope) for p in module.parameters()}  # type: ignore[arg-type]
    trained = [
        name
        for name, modules in model.groups()
        if not any(id(p) in frozen for module in modules for p in module.parameters())
    ]
    assert trained == ["stem", "block1", "block2", "block3", "head"][-free:]


def test_unknown_scope_and_model_without_groups() -> None:
    with pytest.raises(FieldError, match="scope is 'body'"):
        frozen_modules(build("resnet8"), "body")  # type: ignore[arg-type]
    with pytest.raises(FieldError, match=r"Linear has no groups\(\)"):
        frozen_modules(nn.Linear(2, 2), "head")
    assert frozen_modules(nn.Linear(2, 2), "all") == []


def test_parameter_outside_of_the_blocks_is_refused() -> None:
    class Loose(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1))
            self.stem = nn.Linear(2, 2)

    body = Loose()
    assert ungrouped(body, body_groups(body)) == ["token"]
    with pytest.raises(FieldError, match="'token' outside"):
        VisionModel(body, nn.Linear(2, 2), body_groups(body), arch="loose", channels=3)
