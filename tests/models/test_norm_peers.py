"""What Keras, Lightning, fastai and torchvision do with batch norm in frozen layers: run, and met by one of our cells.

Each way of freezing is put through the framework's own training on pictures whose statistics (mean 3, deviation 5) are
far from the running ones. Four things are observed: whether running statistics normalise while training, whether they
move, whether the affine weights train, whether training and evaluation then agree. Frameworks that are not installed
are skipped; `pip install fastai lightning keras` beside the project's packages runs them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from workbench.models.norm import Norm, apply_norm

PICTURES = 3 + 5 * torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(64) % 2


class Observed(NamedTuple):
    """What batch norm in the frozen part did."""

    running: bool
    moved: bool
    affine: bool
    agree: bool


class Net(nn.Module):
    """A convolution and its batch norm, frozen in every test, and a head that trains."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(4)
        self.backbone = nn.Sequential(nn.Conv2d(1, 4, 3), self.bn, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(4, 2)
        assert self.bn.running_mean is not None and self.bn.running_var is not None
        self.bn.running_mean.fill_(0.5)
        self.bn.running_var.fill_(3.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.head(self.backbone(x))
        return output

    def groups(self) -> list[tuple[str, list[nn.Module]]]:
        return [("backbone", [self.backbone]), ("head", [self.head])]


def observed(train: Callable[[Net], object]) -> Observed:
    """Lets a framework train a fresh network and watches its batch norm from outside."""
    torch.manual_seed(0)
    net = Net()
    before = {name: value.clone() for name, value in net.bn.state_dict().items()}
    used: list[bool] = []

    def watch(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if not net.head.training:
            return
        kept = net.bn.running_mean, net.bn.running_var, net.bn.weight, net.bn.bias
        used.append(torch.allclose(output, nn.functional.batch_norm(inputs[0], *kept), atol=1e-4))

    net.bn.register_forward_hook(watch)
    train(net)
    assert used, "the framework never trained it"
    changed = {name: not torch.equal(value, before[name]) for name, value in net.bn.state_dict().items()}
    running = used[0]
    return Observed(running, changed["running_mean"], changed["weight"], agree=running)


def by_workbench(norm: Norm) -> Observed:
    """The same observations of our own policy."""

    def train(net: Net) -> None:
        def train_mode() -> None:
            net.train()
            apply_norm(net, norm, "head")

        by_hand(net, train_mode)

    return observed(train)


def by_hand(net: Net, train_mode: Callable[[], object]) -> None:
    train_mode()
    optimizer = torch.optim.SGD([each for each in net.parameters() if each.requires_grad], lr=0.1)
    for cut in range(0, 64, 16):
        nn.functional.cross_entropy(net(PICTURES[cut : cut + 16]), LABELS[cut : cut + 16]).backward()
        optimizer.step()
        optimizer.zero_grad()


def by_fastai(*, train_bn: bool, frozen_by_callback: bool = False) -> Callable[[Net], object]:
    def train(net: Net) -> None:
        learner = pytest.importorskip("fastai.learner")
        from fastai.callback.training import BnFreeze
        from fastai.data.core import DataLoaders
        from fastai.data.load import DataLoader

        def split(model: Net) -> list[list[nn.Parameter]]:
            return [list(model.backbone.parameters()), list(model.head.parameters())]

        items = list(zip(PICTURES, LABELS, strict=True))
        loaders = DataLoaders(DataLoader(items, bs=16, num_workers=0), DataLoader(items, bs=16, num_workers=0))
        trainer = learner.Learner(
            loaders, net, loss_func=nn.CrossEntropyLoss(), splitter=split, train_bn=train_bn,
            cbs=[BnFreeze()] if frozen_by_callback else [],
        )  # fmt: skip
        trainer.freeze()
        with trainer.no_bar(), trainer.no_logging():
            trainer.fit(1, 0.1)

    return train


def by_lightning(*, train_bn: bool, how: str) -> Callable[[Net], object]:
    def train(net: Net) -> None:
        lightning = pytest.importorskip("lightning")
        from lightning.pytorch.callbacks import BackboneFinetuning, BaseFinetuning

        class Module(lightning.LightningModule):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.net, self.backbone = net, net.backbone
                if how == "freeze":
                    BaseFinetuning.freeze(self.backbone, train_bn=train_bn)
                if how == "eval":
                    self.backbone.eval()

            def training_step(self, batch: Any, _: int) -> torch.Tensor:
                return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

            def configure_optimizers(self) -> torch.optim.Optimizer:
                # as the callback asks: what trains at the start
                return torch.optim.SGD([each for each in self.parameters() if each.requires_grad], lr=0.1)

        class Freezing(BackboneFinetuning):  # type: ignore[misc]
            pass

        loader = torch.utils.data.DataLoader(list(zip(PICTURES, LABELS, strict=True)), batch_size=16)
        trainer = lightning.Trainer(
            max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Freezing(unfreeze_backbone_at_epoch=10, train_bn=train_bn)] if how == "callback" else [],
        )  # fmt: skip
        trainer.fit(Module(), loader)

    return train


def by_torchvision(net: Net) -> None:
    from torchvision.ops import FrozenBatchNorm2d

    frozen = FrozenBatchNorm2d(4)
    frozen.load_state_dict(net.bn.state_dict())
    assert not list(frozen.parameters())
    net.bn.requires_grad_(False)
    net.backbone.requires_grad_(False)

    def train_mode() -> None:
        net.train()
        net.bn.eval()  # what the replaced module computes; the hook watches this one
        assert torch.allclose(frozen(PICTURES[:, :, :4, :4].expand(-1, 4, -1, -1)),
                              net.bn(PICTURES[:, :, :4, :4].expand(-1, 4, -1, -1)), atol=1e-4)  # fmt: skip

    by_hand(net, train_mode)


def by_keras(*, trainable: bool, training: bool | None, functional: bool = True) -> Observed:
    """Keras's own layers and fit, on its torch backend: ``trainable`` of the body, ``training`` of its call.

    The body is called while a functional model is being built, else in the ``call`` of a model's class.
    """
    os.environ["KERAS_BACKEND"] = "torch"
    keras = pytest.importorskip("keras")
    import numpy as np

    norm = keras.layers.BatchNormalization()
    body = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), norm, keras.layers.GlobalMaxPooling2D()]
    )
    norm.set_weights([np.ones(4), np.zeros(4), np.full(4, 0.5), np.full(4, 3.0)])
    body.trainable = trainable
    told = {} if training is None else {"training": training}

    class Written(keras.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = body, keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.head(self.body(x, **told))

    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(2)(body(inputs, **told))) if functional else Written()
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [np.array(each) for each in norm.get_weights()]
    x = PICTURES.permute(0, 2, 3, 1).numpy()
    in_training = np.array(keras.ops.convert_to_numpy(model(x[:16], training=True)))
    norm.set_weights(before)
    in_evaluation = np.array(keras.ops.convert_to_numpy(model(x[:16], training=False)))
    model.fit(x, LABELS.numpy(), batch_size=16, epochs=1, verbose=0)
    gamma, _, mean, _ = (np.array(each) for each in norm.get_weights())
    same = bool(np.allclose(in_training, in_evaluation, atol=1e-4))
    return Observed(same, not np.array_equal(mean, before[2]), not np.array_equal(gamma, before[0]), same)


PEERS: list[tuple[str, Callable[[], Observed], Norm]] = [
    ("fastai freeze()", lambda: observed(by_fastai(train_bn=True)), Norm()),
    ("fastai train_bn=False", lambda: observed(by_fastai(train_bn=False)), Norm(affine=False)),
    (
        "fastai train_bn=False, BnFreeze",
        lambda: observed(by_fastai(train_bn=False, frozen_by_callback=True)),
        Norm(stats="running", affine=False),
    ),
    ("Lightning freeze()", lambda: observed(by_lightning(train_bn=True, how="freeze")), Norm()),
    (
        "Lightning freeze(train_bn=False)",
        lambda: observed(by_lightning(train_bn=False, how="freeze")),
        Norm(stats="batch", affine=False),
    ),
    ("Lightning BackboneFinetuning", lambda: observed(by_lightning(train_bn=False, how="callback")), Norm()),
    (
        "Lightning, body.eval() before fit",
        lambda: observed(by_lightning(train_bn=True, how="eval")),
        Norm(stats="running"),
    ),
    ("Keras trainable=False", lambda: by_keras(trainable=False, training=None), Norm(stats="running", affine=False)),
    # the guide's way once the body is unfrozen: in Keras 3.15.1 the training=True of fit() wins over the call's False
    ("Keras functional, body(x, training=False)", lambda: by_keras(trainable=True, training=False), Norm()),
    (
        "Keras call(), body(x, training=False)",
        lambda: by_keras(trainable=True, training=False, functional=False),
        Norm(stats="running"),
    ),
    ("Keras as it is", lambda: by_keras(trainable=True, training=None), Norm()),
    ("torchvision FrozenBatchNorm2d", lambda: observed(by_torchvision), Norm(stats="running", affine=False)),
    (
        "requires_grad_(False)",
        lambda: observed(lambda net: (net.backbone.requires_grad_(False), by_hand(net, net.train))),
        Norm(affine=False),
    ),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # what peers warn about is theirs
@pytest.mark.parametrize(("peer", "ours"), [each[1:] for each in PEERS], ids=[each[0] for each in PEERS])
def test_a_policy_does_what_the_framework_does(peer: Callable[[], Observed], ours: Norm) -> None:
    assert peer() == by_workbench(ours)


def main() -> None:
    """Prints what each does, where it is installed: the table of docs/batch_norm.md."""
    for name, peer, ours in PEERS:
        try:
            seen = peer()
        except pytest.skip.Exception:
            print(f"| {name} | not installed |")
            continue
        words = ["running" if seen.running else "batch", *("yes" if each else "no" for each in seen[1:])]
        print(f"| {name} | {' | '.join(words)} | `{ours!r}` |")


if __name__ == "__main__":
    main()
