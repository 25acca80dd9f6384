"""Text networks: padding changes nothing, shared weights count once, and weights go over token by token."""

from pathlib import Path
from typing import Literal

import pytest
import torch

from workbench.data.signature import Signature
from workbench.data.texts import TextEncoder
from workbench.data.tokens import Tokens
from workbench.data.values import PAD, Padded
from workbench.data.vocabulary import SPECIAL, Vocabulary
from workbench.errors import DataError, FieldError
from workbench.models.groups import ungrouped
from workbench.models.norm import Norm
from workbench.models.text import TextModel, TextNetwork
from workbench.streams import Seeds
from workbench.training.checkpoint import save_weights

TOKENS = (*SPECIAL, *"abcdefgh")
SMALL = {"width": 32, "layers": 2}
ARCHS = pytest.mark.parametrize("arch", ["lstm", "transformer"])


def signature(*, language: bool = False, tokens: tuple[str, ...] = TOKENS) -> Signature:
    outputs = len(tokens) if language else 3
    return Signature("text", outputs, vocabulary=len(tokens), each_token=language, tokens=tokens)


def build(part: TextNetwork, *, root: Path = Path("."), seed: int = 0, **sizes: object) -> TextModel:
    model = part.build(signature(**sizes), seeds=Seeds.of(seed), root=root)  # type: ignore[arg-type]
    assert isinstance(model, TextModel)
    return model.eval()


def saved(model: TextModel, path: Path, tokens: tuple[str, ...] = TOKENS) -> str:
    encoder = TextEncoder(Tokens(), Vocabulary(tokens))
    meta = {"class": "TextEncoder", "values": encoder.describe()}
    save_weights(path, model, {**model.describe(), "norm": Norm().flatten(), "encoder": meta})
    return path.name


@ARCHS
@pytest.mark.parametrize("language", [False, True])
def test_a_text_gives_the_same_alone_and_beside_longer_ones(arch: str, language: bool) -> None:
    model = build(TextNetwork(arch, **SMALL), language=language)
    short, long = [2, 4, 5, 6], [2, *[7, 8, 9, 4] * 12]
    alone, beside = model(Padded.of([short])), model(Padded.of([long, short]))
    difference = alone[0] - beside[1, : len(short)] if language else alone[0] - beside[1]
    assert float(difference.detach().abs().max()) < 1e-5
    # what stands in the padding's place is not looked at either
    other = Padded.of([long, short])
    other.ids[1, len(short) :] = 9
    assert torch.equal(model(other)[1], beside[1])


@ARCHS
def test_a_place_sees_no_later_token(arch: str) -> None:
    model = build(TextNetwork(arch, **SMALL), language=True)
    ids = torch.tensor([[2, 4, 5, 6, 7, 8]])
    changed = ids.clone()
    changed[0, 3] = 9
    one, two = model(ids), model(changed)
    assert torch.allclose(one[0, :3], two[0, :3], atol=1e-6)
    assert not torch.allclose(one[0, 3], two[0, 3], atol=1e-6)


@ARCHS
def test_behind_a_text_stands_what_follows_it(arch: str) -> None:
    model = build(TextNetwork(arch, **SMALL), language=True)
    output = model(Padded.of([[2, 4, 5, 6], [2, 4]]))
    assert torch.equal(output[1, -1], output[1, 1])


@ARCHS
@pytest.mark.parametrize("language", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_every_parameter_is_in_one_group(arch: str, language: bool, tied: bool) -> None:
    model = build(TextNetwork(arch, tied=tied, **SMALL), language=language)
    assert [name for name, _ in model.groups()] == ["embedding", "layer1", "layer2", "head"]
    assert ungrouped(model, model.groups()) == []
    rows = [name for name, each in model.named_parameters() if each.shape == (len(TOKENS), 32)]
    assert len(rows) == (2 if language and not tied else 1)


@ARCHS
def test_the_same_seed_gives_the_same_weights_and_no_global_state_is_touched(arch: str) -> None:
    before = torch.get_rng_state()
    one, two, other = (build(TextNetwork(arch, **SMALL), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    pairs = [list(each.state_dict().values()) for each in (one, two, other)]
    assert all(torch.equal(a, b) for a, b in zip(pairs[0], pairs[1], strict=True))
    assert not torch.equal(pairs[0][0], pairs[2][0])


@pytest.mark.parametrize("kind", ["batch", "group", "none"])
def test_the_head_has_the_normalisation_that_was_asked_for(kind: Literal["batch", "group", "none"]) -> None:
    model = build(TextNetwork(**SMALL, norm=Norm(kind=kind)))
    found = [type(each).__name__ for each in model.head.modules()]
    names = {"batch": "BatchNorm1d", "group": "GroupNorm", "none": "Identity"}
    assert found.count(names[kind]) == 2
    assert model(Padded.of([[2, 4], [2]])).shape == (2, 3)


def test_a_normalisation_that_a_language_model_does_not_have_is_refused() -> None:
    with pytest.raises(FieldError, match=r"norm.kind is 'none', but only a classifier's head"):
        build(TextNetwork(**SMALL, norm=Norm(kind="none")), language=True)


@ARCHS
def test_dropout_follows_torchs_generator_and_is_off_in_evaluation(arch: str) -> None:
    model = build(TextNetwork(arch, **SMALL, dropout=0.3))
    x = Padded.of([[2, 4, 5, 6], [2, 7]])
    assert torch.equal(model(x), model(x))
    model.train()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(model(x))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    still = build(TextNetwork(arch, **SMALL, dropout=0.0, norm=Norm(kind="none")))
    assert torch.allclose(still.train()(x), still.eval()(x), atol=1e-6)


def test_attention_is_shown_on_request() -> None:
    model = build(TextNetwork("transformer", **SMALL))
    x = Padded.of([[2, 4, 5, 6], [2, 7]])
    layers = model.attention(x)
    assert [tuple(each.shape) for each in layers] == [(2, 1, 4, 4)] * 2
    for each in layers:
        assert torch.allclose(each.sum(-1), torch.ones(2, 1, 4)) and float(each.triu(1).abs().max()) == 0
    with pytest.raises(FieldError, match=r"'lstm' has no attention.*TextNetwork\('transformer'\)"):
        build(TextNetwork(**SMALL)).attention(x)


@ARCHS
def test_a_classifier_starts_from_a_language_model_token_by_token(arch: str, tmp_path: Path) -> None:
    source = build(TextNetwork(arch, **SMALL), language=True, seed=1)
    name = saved(source, tmp_path / "lm.safetensors")
    fewer = (*SPECIAL, "h", "new", "a")
    model = build(TextNetwork(weights=name), root=tmp_path, tokens=fewer)
    assert model.arch == arch and model.describe() == source.describe()
    old, new = source.body.embedding.weight, model.body.embedding.weight
    assert torch.equal(new[4], old[TOKENS.index("h")]) and torch.equal(new[6], old[TOKENS.index("a")])
    assert torch.allclose(new[5], old.mean(0)) and torch.equal(new[:4], old[:4])
    for key, value in model.body.layers.state_dict().items():
        assert torch.equal(value, source.body.layers.state_dict()[key])
    assert model(Padded.of([[2, 4]])).shape == (1, 3)


def test_a_language_model_goes_on_from_another_with_its_head(tmp_path: Path) -> None:
    source = build(TextNetwork(tied=False, **SMALL), language=True, seed=1)
    torch.nn.init.normal_(source.head.bias)  # type: ignore[arg-type]
    name = saved(source, tmp_path / "lm.safetensors")
    model = build(TextNetwork(weights=name), root=tmp_path, language=True)
    ids = torch.tensor([[2, 4, 5, PAD]])
    assert torch.equal(model(ids), source(ids))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    source = build(TextNetwork(**SMALL), language=True)
    name = saved(source, tmp_path / "lm.safetensors")
    with pytest.raises(FieldError, match=r"width is 64, but the weights were made with 32\. Leave width out"):
        build(TextNetwork(width=64, weights=name), root=tmp_path)
    save_weights(tmp_path / "v.safetensors", source, {"arch": "resnet8"})
    with pytest.raises(FieldError, match="not a text network's, but of arch 'resnet8'"):
        build(TextNetwork(weights="v.safetensors"), root=tmp_path)
    save_weights(tmp_path / "t.safetensors", source, source.describe())
    with pytest.raises(DataError, match="do not say their tokens"):
        build(TextNetwork(weights="t.safetensors"), root=tmp_path)
    with pytest.raises(DataError) as caught:
        build(TextNetwork(weights="experiments/lm:Arm"), root=tmp_path)
    assert str(caught.value) == (
        "experiments/lm:Arm: no trained network of this experiment was given. "
        "Pass sources={'experiments/lm:Arm': '.wb/runs/RUN/weights.safetensors'}: `wb run experiments/lm` trains one, "
        "`wb list lm` shows its studies and `wb list STUDY` the ids of their runs."
    )
    part = TextNetwork(weights="experiments/lm:Arm")
    assert part.source() == "experiments/lm:Arm" and part.files() == ()
    assert TextNetwork(weights=name).files() == (name,) and TextNetwork().files() == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"arch": "gru"}, "arch is 'gru'"),
        ({"arch": "transformer", "width": 50}, "multiple of 32. Use width=64"),
        ({"layers": 0}, "layers is 0"),
        ({"dropout": 0.9}, "dropout is 0.9"),
        ({"weights": "lm.pth"}, "takes a .safetensors file"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        TextNetwork(**fields)
