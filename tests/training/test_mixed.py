"""Mixing in the loop: neither micro batches nor a resumed run change what is seen, and it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.conftest import Bars
from workbench import Augment, ImageArrays, Norm, OneCycle
from workbench.data.loading import Batch
from workbench.data.mixing import Mix
from workbench.errors import FieldError
from workbench.training.checkpoint import weights_hash
from workbench.training.learner import Learner
from workbench.training.mixed import mixed

FIT = OneCycle(epochs=2, batch=32, lr=1e-2, mix=Mix(mixup=0.2, cutmix=1.0))


class Mixed(Bars):
    """The bars, mixed; without batch normalisation, so that micro batches see the same network."""

    fit = FIT
    model = Bars.model.but(norm=Norm(kind="group"))


class Seen(Mixed):
    """Keeps what its loss is given."""

    def loss(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        self.seen = [*getattr(self, "seen", []), batch]
        return super().loss(output, batch)


def test_targets_are_mixed_and_add_up_to_one(pictures: Path) -> None:
    learner = Seen.but(fit__epochs=1)(0, root=pictures)
    learner.run()
    soft = torch.cat([batch.y for batch in learner.seen])
    assert soft.dtype == torch.float32 and soft.shape[1] == 4
    torch.testing.assert_close(soft.sum(1), torch.ones(len(soft)))
    assert float((soft.amax(1) < 1).float().mean()) > 0.3


def test_pieces_see_what_the_whole_batch_sees(pictures: Path) -> None:
    learner = Mixed(0, root=pictures)
    state = learner.begin()
    items = state.data.train
    index = torch.randperm(len(items), generator=torch.Generator().manual_seed(0))[:32]
    state.batch = Batch(items.inputs[index], items.targets[index], index)
    state.epoch = 1

    def look(piece: Batch) -> tuple[torch.Tensor, Batch]:
        return mixed(learner, FIT.mix, learner.inputs(piece, training=True, epoch=1), piece, state)

    x, batch = look(state.batch)
    parts = [look(piece) for piece in state.batch.split(12)]
    assert torch.equal(x, torch.cat([part for part, _ in parts]))
    assert torch.equal(batch.y, torch.cat([piece.y for _, piece in parts]))


def test_micro_batches_change_only_the_rounding(pictures: Path) -> None:
    whole, pieces = Seen(0, root=pictures), Seen.but(fit__micro=8)(0, root=pictures)
    one, other = whole.run(), pieces.run()
    assert torch.equal(torch.cat([b.y for b in whole.seen]), torch.cat([b.y for b in pieces.seen]))
    assert other.metrics["test/loss"] == pytest.approx(one.metrics["test/loss"], rel=1e-3)


def test_mixing_changes_training_and_still_learns(pictures: Path) -> None:
    arm = Mixed.but(fit__epochs=6)
    result = arm(0, root=pictures).run()
    constant = result.metrics["test/error"]
    assert constant < 0.3  # three of four are wrong for a constant
    assert weights_hash(result.model) != weights_hash(arm.but(fit__mix=None)(0, root=pictures).run().model)


def test_numbers_cannot_be_mixed() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)

    class Ages(Learner):
        """Numbers, mixed."""

        data = ImageArrays.of(images, np.linspace(1, 9.5, 20), augment=Augment(flip=True))
        model = Bars.model
        fit = FIT

    with pytest.raises(FieldError, match=r"Regression targets cannot be mixed\. Leave fit\.mix out"):
        Ages(0).run()
