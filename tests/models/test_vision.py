"""Networks are built bit-equal from their streams, and weights load whole or not at all."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models
from torchvision.models.vision_transformer import interpolate_embeddings

from workbench.data.signature import Signature
from workbench.data.targets import MultiLabel, Rating, Regression, SingleLabel, Target
from workbench.errors import DataError, FieldError
from workbench.models.heads import VisionModel
from workbench.models.norm import Norm
from workbench.models.vision import Model, Network, Pretrained, _expected
from workbench.streams import Seeds

IMAGENET_MEAN = (0.485, 0.456, 0.406)


def build(part: Model, root: Path = Path(), seed: int = 0, **changes: Any) -> VisionModel:
    sizes = {"channels": changes.pop("channels", 3), "size": changes.pop("size", 0)}
    signature = Signature("image", changes.pop("classes", 5), **sizes)
    model = part.build(signature, **{"seeds": Seeds.of(seed), "root": root, **changes})
    assert isinstance(model, VisionModel)
    return model


def save(path: Path, model: VisionModel, *, norm: Norm | None = None, **changes: Any) -> Path:
    """As training/checkpoint.py writes weights."""
    meta = {
        "arch": model.arch,
        "norm": (norm or Norm()).flatten(),
        "mean": [0.3] * model.channels,
        "std": [0.2] * model.channels,
        "classes": list("abcde"),
        **changes,
    }
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, str(path), metadata={"workbench": json.dumps(meta)})
    return path


def same(one: nn.Module, two: nn.Module) -> bool:
    other = two.state_dict()
    return all(torch.equal(value, other[name]) for name, value in one.state_dict().items())


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    torch.manual_seed(0)
    torch.save(models.get_model("mobilenet_v2", weights=None).state_dict(), root / "mobilenet_v2.pth")
    return root


@pytest.mark.parametrize("arch", ["resnet8", "mobilenet_v2"])
def test_bit_equal_on_repeat_and_global_state_untouched(arch: str) -> None:
    before = torch.get_rng_state()
    one, two, other = (build(Network(arch), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert same(one, two) and not torch.equal(one.head.weight, other.head.weight)  # type: ignore[arg-type]
    first = next(name for name, value in one.state_dict().items() if value.ndim == 4)
    assert not torch.equal(one.state_dict()[first], other.state_dict()[first])
    assert all(value.dtype == torch.float32 for value in one.parameters())


def test_only_the_init_seed_matters() -> None:
    one = build(Network("resnet8"), seeds=Seeds(init=3))
    assert same(one, build(Network("resnet8"), seeds=Seeds(subset=9, init=3, order=9, augment=9, source=9)))


def test_what_the_network_takes() -> None:
    assert build(Network("resnet8"), channels=1).channels == 1
    model = build(Network("resnet18"), channels=1)
    assert model.channels == 3 and model.mean is None and model.arch == "resnet18"
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize("kind", ["group", "none"])
@pytest.mark.parametrize("arch", ["mobilenet_v2", "resnet18"])
def test_torchvision_with_another_norm(arch: str, kind: str) -> None:
    model = build(Network(arch, norm=Norm(kind=kind)))  # type: ignore[arg-type]
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert any(isinstance(layer, nn.GroupNorm) for layer in model.modules()) == (kind == "group")
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Network("mobilenet_v22"), "did you mean 'mobilenet_v2'"),
        (Network("vgg11", norm=Norm(kind="group")), "cannot be built with norm.kind 'group'"),
        (Network("swin_t", norm=Norm(kind="group")), r"takes no pictures of 64 pixels with norm.kind 'group' \("),
        (Network("vit_b_16"), r"a multiple of 16 pixels, and they have 40. Set size=32 in the data"),
        (Network("alexnet"), r"'alexnet' takes no pictures of 40 pixels \(.*\)\. Set size=224"),
        (Network("maxvit_t"), r"'maxvit_t' takes no pictures of 40 pixels \(.*\)\. Set size=224"),
    ],
)
def test_architectures_that_cannot_be(part: Network, words: str) -> None:
    with pytest.raises(FieldError, match=words):
        build(part, size=64 if part.arch == "swin_t" else 40)


@pytest.mark.parametrize(
    ("arch", "size"), [("googlenet", 64), ("inception_v3", 96), ("squeezenet1_0", 64), ("vit_b_32", 64)]
)
def test_architectures_of_a_form_of_their_own(tmp_path: Path, arch: str, size: int) -> None:
    """They train in their groups, and torchvision's weights give torchvision's features."""
    sized = {"image_size": 224} if arch == "vit_b_32" else {}
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, about initial weights
        network = models.get_model(arch, weights=None, num_classes=7, **sized).eval()
    torch.save(network.state_dict(), tmp_path / f"{arch}.pth")
    model = build(Pretrained(f"{arch}.pth"), tmp_path, size=224)
    features: list[torch.Tensor] = []
    last = network.get_submodule({"squeezenet1_0": "classifier.1", "vit_b_32": "heads.head"}.get(arch, "fc"))
    last.register_forward_hook(lambda layer, inputs, output: features.append(inputs[0]))
    x = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    network.transform_input = arch in ("googlenet", "inception_v3")
    with torch.no_grad():
        network((x - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor((0.229, 0.224, 0.225))[:, None, None])
        assert model.mean is not None and model.std is not None
        mine = model.eval().body((x - torch.tensor(model.mean)[:, None, None]) / torch.tensor(model.std)[:, None, None])
    theirs = features[0].mean((2, 3)) if features[0].ndim == 4 else features[0]
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)
    fresh = build(Network(arch), size=size)
    assert fresh.training and fresh(torch.zeros(2, 3, size, size)).shape == (2, 5) and len(fresh.groups()) > 9
    path = save(tmp_path / "w.safetensors", fresh)
    again = build(Pretrained("experiments/x"), size=size, sources={"experiments/x": path})
    assert same(again.body, fresh.body)


def test_places_of_a_transformer_are_fitted_to_the_pictures(tmp_path: Path) -> None:
    network = models.get_model("vit_b_32", weights=None, image_size=96)
    nn.init.normal_(network.encoder.pos_embedding)
    torch.save(network.state_dict(), tmp_path / "vit_b_32.pth")
    assert same(build(Pretrained("vit_b_32.pth"), tmp_path, size=96).body.blocks, network.encoder.layers)  # type: ignore[arg-type]
    model = build(Pretrained("vit_b_32.pth"), tmp_path, size=160)
    state = interpolate_embeddings(160, 32, network.state_dict())  # type: ignore[arg-type]
    assert torch.equal(model.state_dict()["body.stem.places"], state["encoder.pos_embedding"])


def test_a_file_is_normalised_as_the_architectures_weights_expect() -> None:
    assert _expected("resnet18")["mean"] == list(IMAGENET_MEAN)
    assert _expected("efficientnet_v2_l") == {"mean": [0.5] * 3, "std": [0.5] * 3} == _expected("googlenet")


def test_width_only_where_it_is_free() -> None:
    assert build(Network("resnet8", width=24)).head.in_features == 96
    with pytest.raises(FieldError, match="fixed width"):
        Network("resnet18", width=24)
    with pytest.raises(FieldError, match="width is 0"):
        Network("resnet8", width=0)


def test_torchvision_weights(theirs: Path) -> None:
    part = Pretrained("mobilenet_v2.pth")
    model = build(part, theirs, channels=1)
    stored = torch.load(theirs / "mobilenet_v2.pth", weights_only=True)
    own = model.body.state_dict()
    assert set(stored) - set(own) == {"classifier.1.weight", "classifier.1.bias"}
    assert all(torch.equal(value, stored[name]) for name, value in own.items())
    assert model.head.out_features == 5 and model.mean == IMAGENET_MEAN and model.channels == 3
    assert part.files() == ("mobilenet_v2.pth",) and part.source() is None
    assert torch.equal(model.head.weight, build(part, theirs).head.weight)  # type: ignore[arg-type]


def test_same_output_as_torchvision(theirs: Path) -> None:
    network = models.get_model("mobilenet_v2", weights=None)
    network.load_state_dict(torch.load(theirs / "mobilenet_v2.pth", weights_only=True))
    model = build(Pretrained("mobilenet_v2.pth"), theirs)
    model.head = network.classifier[1]
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.eval()(x), network.eval()(x))


def test_torchvision_name_with_a_hash_and_other_classes(tmp_path: Path) -> None:
    state = models.get_model("resnet18", weights=None, num_classes=7).state_dict()
    torch.save(state, tmp_path / "resnet18-f37072fd.pth")
    assert build(Pretrained("resnet18-f37072fd.pth"), tmp_path).arch == "resnet18"


def test_architecture_that_does_not_match(theirs: Path) -> None:
    with pytest.raises(FieldError, match=r"do not fit 'resnet18': \d+ tensors missing, \d+ left over"):
        build(Pretrained("mobilenet_v2.pth", arch="resnet18"), theirs)
    with pytest.raises(FieldError, match="not an architecture"):
        build(Pretrained("mobilenet_v2.pth", arch="mobilenet"), theirs)


def test_name_that_tells_no_architecture(theirs: Path) -> None:
    (theirs / "best.pth").write_bytes((theirs / "mobilenet_v2.pth").read_bytes())
    with pytest.raises(FieldError, match=r"best\.pth: 'best' is not an architecture.*Set arch"):
        build(Pretrained("best.pth"), theirs)


def test_norm_of_the_weights(theirs: Path) -> None:
    with pytest.raises(FieldError, match=r"norm.kind is 'group', but the weights were trained with 'batch'"):
        build(Pretrained("mobilenet_v2.pth", norm=Norm(kind="group")), theirs)


@pytest.mark.parametrize("kind", ["batch", "group", "none"])
@pytest.mark.parametrize("arch", ["resnet8", "mobilenet_v2"])
def test_weights_of_another_experiment(tmp_path: Path, arch: str, kind: Any) -> None:
    norm = Norm(kind=kind)
    source = build(Network(arch, norm=norm), channels=1, seed=4)
    path = save(tmp_path / "w.safetensors", source, norm=norm)
    part = Pretrained("experiments/fashion:Twin", norm=norm)
    assert part.source() == "experiments/fashion:Twin" and part.files() == ()
    model = build(part, channels=1, classes=10, sources={"experiments/fashion:Twin": path})
    assert same(source.body, model.body) and model.head.out_features == 10 and model.arch == arch
    assert model.mean == (0.3,) * model.channels and model.std == (0.2,) * model.channels
    other: Any = "group" if kind == "batch" else "batch"
    with pytest.raises(FieldError, match=f"trained with '{kind}'"):
        build(part.but(norm=Norm(kind=other)), sources={"experiments/fashion:Twin": path})


def test_width_and_channels_come_from_the_source(tmp_path: Path) -> None:
    source = build(Network("resnet8", width=24), channels=1)
    sources = {"experiments/x": save(tmp_path / "w.safetensors", source)}
    model = build(Pretrained("experiments/x"), channels=1, sources=sources)
    assert model.head.in_features == 96 and model.channels == 1
    with pytest.raises(FieldError, match="channels=1"):
        build(Pretrained("experiments/x"), channels=3, sources=sources)


def test_source_that_was_not_given() -> None:
    with pytest.raises(DataError, match="wb run experiments/x"):
        build(Pretrained("experiments/x:Arm"))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("keep", [0, 100, -100])
def test_damaged_weights(tmp_path: Path, name: str, keep: int) -> None:
    model = build(Network("resnet8"))
    if name == "w.pth":
        torch.save(model.state_dict(), tmp_path / name)
    else:
        save(tmp_path / name, model)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:keep])
    with pytest.raises(DataError, match="cannot be read"):
        build(Pretrained(name, arch="resnet18"), tmp_path)


def test_missing_or_strange_weights(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.pth: there is no such file"):
        build(Pretrained("none.pth"), tmp_path)
    torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / "nested.pth")
    with pytest.raises(DataError, match="plain state dict"):
        build(Pretrained("nested.pth"), tmp_path)
    with pytest.raises(FieldError, match=r"\.pth or \.safetensors"):
        Pretrained("fashion_source")


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "whole.pth")
    with pytest.raises(DataError, match="cannot be read"):
        build(Pretrained("whole.pth"), tmp_path)


def test_weights_that_do_not_say_the_mean(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", build(Network("resnet8")), mean=None)
    with pytest.raises(DataError, match="do not say 'mean'"):
        build(Pretrained("experiments/x"), sources={"experiments/x": path})


def test_weights_by_torchvisions_own_name(
    carried: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    kept = tmp_path / "hub/checkpoints/mobilenet_v2-b0353104.pth"
    kept.symlink_to(carried("data/mobilenet_v2.pth"))
    part = Pretrained("torchvision/mobilenet_v2:IMAGENET1K_V1")
    model = build(part, tmp_path)
    assert same(model, build(Pretrained("data/mobilenet_v2.pth"), carried("data/mobilenet_v2.pth").parent.parent))
    assert part.files() == () and part.source() is None and model.mean == IMAGENET_MEAN
    kept.unlink()
    kept.write_bytes(b"cut short")
    with pytest.raises(DataError, match="is damaged: its SHA-256 begins with"):
        build(part, tmp_path)


def test_torchvision_has_no_such_weights() -> None:
    with pytest.raises(FieldError, match="'resnet19' is not an architecture; did you mean 'resnet18'"):
        build(Pretrained("torchvision/resnet19"))
    with pytest.raises(FieldError, match="'IMAGENET1K_V9' are no weights of 'resnet18'; did you mean 'IMAGENET1K_V1'"):
        build(Pretrained("torchvision/resnet18:IMAGENET1K_V9"))
    with pytest.raises(FieldError, match="Leave arch out"):
        Pretrained("torchvision/resnet18", arch="resnet34")
    with pytest.raises(FieldError, match="or 'torchvision/ARCHITECTURE'"):
        Pretrained("resnet18")


@pytest.mark.parametrize("target", [SingleLabel(), MultiLabel(), Regression(), Rating()])
@pytest.mark.parametrize("arch", ["resnet8", "mobilenet_v2"])
def test_heads_fit_every_target(arch: str, target: Target) -> None:
    classes = 1 if isinstance(target, Rating) else 3
    model = build(Network(arch), classes=target.width(classes))
    y = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]])[:, :classes]
    bound = target.fitted(y)
    truth = torch.tensor([0, 2]) if isinstance(target, SingleLabel) else y
    output = model.eval()(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert output.shape == (2, classes) and bool(bound.loss(output, truth).isfinite())
