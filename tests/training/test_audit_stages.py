"""Bugs planted in stages and parts that a user overrides, and the checks that find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.training.audited import Digits, Planted, digits, found, looked
from workbench import Augment, Learner, Network, OneCycle, Seeds
from workbench.data.items import Items
from workbench.data.loading import Batch
from workbench.data.signature import Signature
from workbench.data.tables import Table
from workbench.models.heads import VisionModel
from workbench.models.tabular import TabularNetwork

Carried = Callable[[str], Path]


@pytest.fixture(autouse=True)
def here(carried: Carried) -> None:
    carried("data/mnist.npz")


# ---- 2: the training order ------------------------------------------------------------------------------------------


def test_items_sorted_by_class() -> None:
    class ByClass(Planted):
        """The order of every epoch is that of the labels, as files in class folders have it."""

        def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
            chance = super().order(items, seed=seed, epoch=epoch, batch=batch)
            return chance[items.targets[chance].argsort(stable=True)]

    finding = found(digits(ByClass), "training order")
    assert finding.state == "wrong" and "runs of 66.6 in the mean, 1.1 are expected" in finding.found


def test_items_as_they_are_stored() -> None:
    class Stored(Planted):
        """Never shuffled."""

        def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
            return torch.arange(len(items))

    findings = [each for each in looked(digits(Stored)) if each.name == "training order"]
    assert len(findings) == 1 and "anew" not in findings[0].found  # what is the same is not called shuffled as well
    (finding,) = findings
    assert finding.state == "wrong" and "as they are stored" in finding.found and "depend on epoch" in finding.hint


def test_an_order_that_forgets_items() -> None:
    class Short(Planted):
        """The last incomplete batch is dropped from training."""

        def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
            return super().order(items, seed=seed, epoch=epoch, batch=batch)[: len(items) // batch * batch]

    finding = found(digits(Short), "training order")
    assert finding.state == "note" and "leaves out 24 of 600" in finding.found


def test_numbers_sorted_by_size(carried: Carried) -> None:
    frame = pd.read_csv(carried("data/california_housing.csv"), nrows=1000)

    class BySize(Table):
        """Cheap houses first."""

        def order(self, items: Items, *, seed: int, epoch: int, batch: int) -> torch.Tensor:
            return items.targets[:, 0].argsort()

    class Houses(Learner):
        """What a house costs."""

        data = BySize.of(frame, "MedHouseVal")
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    finding = found(Houses, "training order")
    assert finding.state == "wrong" and "as they are stored" not in finding.found
    told = [each.found for each in looked(Houses) if each.name == "training order"]
    assert len(told) == 2 and "the same 800 items" in told[0] and "neighbours' targets correlate by 0.9" in told[1]


# ---- 4: evaluation --------------------------------------------------------------------------------------------------


def evaluated(change: Callable[[Learner, torch.Tensor, Batch, int], torch.Tensor]) -> type[Digits]:
    """A learner whose ``inputs`` changes what evaluation sees."""

    class Changed(Digits):
        """Changes pictures in evaluation too."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            x = super().inputs(batch, training=training, epoch=epoch)
            return x if training else change(self, x, batch, epoch)

    return Changed


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda learner, x, batch, epoch: x[torch.randperm(len(x))], "prepared twice"),
        (lambda learner, x, batch, epoch: x + 0.1 * torch.randn_like(x), "prepared twice"),
        (lambda learner, x, batch, epoch: Digits.inputs(learner, batch, training=True, epoch=epoch), "another epoch"),
        (lambda learner, x, batch, epoch: Digits.inputs(learner, batch, training=True), "another position"),
        (lambda learner, x, batch, epoch: x - x.mean(), "in other batches"),
        (lambda learner, x, batch, epoch: x[: len(x) // 8 * 8 - 8], "rows for 16 items"),
    ],
    ids=["shuffled", "noisy", "augmented", "augmented once for all", "normalised by the batch", "last ones dropped"],
)
def test_evaluation_that_changes_items(change: Any, how: str) -> None:
    """The library's evaluation takes items in their order and augments nothing, so the bug is in ``inputs``."""
    finding = found(evaluated(change), "evaluation inputs")
    assert finding.state == "wrong" and how in finding.found and finding.hint
    if "rows for" in how:
        later = {each.name: each for each in looked(evaluated(change))}
        assert {"augmentation by epoch", "first steps"}.isdisjoint(later)


def test_metrics_that_count_a_small_batch_as_a_whole_one() -> None:
    class Mean(Digits):
        """The batch's mean error."""

        def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"error": (output.argmax(1) != y).float().mean()}

    finding = found(Mean, "target and head")
    assert finding.state == "wrong" and "'error' of shape ()" in finding.found and "last batch" in finding.found


# ---- 5 and 8: augmentation ------------------------------------------------------------------------------------------


def test_augmentation_that_is_frozen() -> None:
    """Draws are keyed by the epoch, so the bug is a stage that passes none, as a cache of augmented items would."""

    class Frozen(Digits):
        """Forgets the epoch."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            return super().inputs(batch, training=training)

    finding = found(Frozen, "augmentation by epoch")
    assert finding.state == "wrong" and "32 of 32" in finding.found and "in epoch 2 as in epoch 1" in finding.found


def test_augmentation_that_is_never_done() -> None:
    class Forgotten(Digits):
        """Prepares training items like test items."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            return super().inputs(batch, training=False)

    finding = found(Forgotten, "augmentation by epoch")
    assert finding.state == "wrong" and "none of 32 training items" in finding.found


def test_one_draw_for_a_whole_batch() -> None:
    class Together(Digits):
        """Shifts all pictures of a batch by the same number of pixels."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            x = super().inputs(batch, training=False)
            return x.roll(int(torch.randint(1, 9, ())), 3) if training else x

    finding = found(Together, "augmentation by item")
    assert finding.state == "wrong" and "32 copies of one item in a batch are all augmented alike" in finding.found


def test_workers_that_draw_the_same() -> None:
    """There are no workers here whose generators could be copies (pytorch#7068): the bug is one seeded in a stage."""

    class Seeded(Digits):
        """Begins the same numbers anew in every batch of an epoch."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            x = super().inputs(batch, training=False)
            draw = torch.from_numpy(np.random.default_rng(epoch).normal(0, 0.1, (len(x), 1, 1, 1))).float()
            return x + draw if training else x

    assert found(Seeded, "augmentation by epoch").state == "ok"
    finding = found(Seeded, "augmentation by item")
    assert finding.state == "wrong" and "place by place" in finding.found


# ---- 6 and 7: scales ------------------------------------------------------------------------------------------------


class Weighted(Network):
    """A network whose weights expect their own statistics."""

    def network(self, signature: Signature, *, seeds: Seeds, root: Path, sources: Mapping[str, Path]) -> VisionModel:
        built = super().network(signature, seeds=seeds, root=root, sources=sources)
        built.mean, built.std = (0.5,), (0.25,)
        return built


class OwnStatistics(Digits):
    """Normalised by what the weights expect."""

    model = Weighted("resnet8", width=4)


class ByTraining(OwnStatistics):
    """Normalised by the training items all the same."""

    def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
        x = super().inputs(batch, training=training, epoch=epoch)
        return (x * 0.25 + 0.5 - 0.1307) / 0.3081


class Twice(OwnStatistics):
    """Normalised by the data, and again by a stage."""

    def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
        return (super().inputs(batch, training=training, epoch=epoch) - 0.5) / 0.25


def test_the_weights_own_statistics() -> None:
    assert found(OwnStatistics, "normalisation").state == "ok"
    other = found(ByTraining, "normalisation")
    assert other.state == "wrong" and "by mean [0.131] and deviation [0.308] in all" in other.found
    assert "the weights' own [0.5] and [0.25] are expected" in other.found
    twice = found(Twice, "normalisation")
    assert twice.state == "wrong" and "normalised twice" in twice.found


def test_pictures_normalised_twice_for_fresh_weights() -> None:
    class Again(Digits):
        """Normalised by the data, and again by a stage."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            return (super().inputs(batch, training=training, epoch=epoch) - 0.1307) / 0.3081

    finding = found(Again, "normalisation")
    assert finding.state == "wrong" and "0 and 1 are expected" in finding.found


@pytest.mark.parametrize("where", [True, False], ids=["training", "evaluation"])
def test_pictures_that_are_normalised_in_one_of_two_places(where: bool) -> None:
    class Halfway(Digits):
        """The other place gets them from 0 to 1."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            x = super().inputs(batch, training=training, epoch=epoch)
            return x if training == where else x * 0.3081 + 0.1307

    finding = found(Halfway, "normalisation")
    assert finding.state == "wrong"
    told = [each.found for each in looked(Halfway) if each.name == "normalisation"]
    assert any("in training pictures have mean" in each and "the same ones in evaluation" in each for each in told)


def test_strong_augmentation_is_no_other_normalisation() -> None:
    strong = Augment(flip=True, crop=0.08, shift=0.3, rotate=180, brightness=0.5, contrast=0.5)
    assert found(Digits.but(data__augment=strong), "normalisation").state == "ok"


def test_a_table_whose_numbers_are_as_written(carried: Carried) -> None:
    """Tables scale their numbers themselves, so the bug is a stage that undoes it."""
    frame = pd.read_csv(carried("data/adult.csv"), nrows=1000)

    class Raw(Learner):
        """Ages in years."""

        data = Table.of(frame, "income")
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> Any:
            rows = super().inputs(batch, training=training, epoch=epoch)
            return type(rows)(rows.categories, rows.numbers * 13 + 38)

    finding = found(Raw, "normalisation")
    assert finding.state == "wrong" and "'age' 3" in finding.found


@pytest.mark.parametrize(("scale", "words"), [(1.0, "from 0 to 255"), (1 / 255**2, "divided by 255 twice")])
def test_bytes_where_fractions_are_expected(scale: float, words: str) -> None:
    class Bytes(Digits):
        """Pictures without the preparation."""

        def inputs(self, batch: Batch, *, training: bool, epoch: int = 0) -> torch.Tensor:
            return batch.x.float() * scale

    finding = found(Bytes, "input range")
    assert finding.state == "wrong" and words in finding.found
