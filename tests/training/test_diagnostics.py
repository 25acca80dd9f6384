"""Diagnostics: extra numbers about a trained model, which itself stays bit-equal."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training.conftest import Bars
from workbench import Augment, FineTune, ImageFolder, Learner, Norm, Pretrained
from workbench.training.checkpoint import weights_hash
from workbench.training.diagnostics import DIAGNOSTICS, forced, recalibrated, several_views, training_inputs
from workbench.training.state import State

ALL = ("train", "train_mode", "recalibrated", "views")


@pytest.mark.parametrize("norm", [Norm(), Norm(stats="batch")])
def test_asking_changes_neither_the_weights_nor_the_other_numbers(pictures: Path, norm: Norm) -> None:
    arm = Bars.but(model__norm=norm, fit__epochs=1)
    plain, asked = arm(0, root=pictures).run(), arm.but(diagnostics=ALL)(0, root=pictures).run()
    assert weights_hash(asked.model) == weights_hash(plain.model)
    assert plain.metrics.items() <= asked.metrics.items()
    new = {f"{room}/{name}" for room in ALL for name in ("error", "loss")} | {"statistics/distance"}
    assert asked.metrics.keys() - plain.metrics.keys() == new


def test_what_is_measured_on_one_copy_depends_on_no_order(pictures: Path) -> None:
    learner = Bars(0, root=pictures)
    state = learner.begin()
    forwards = {name: DIAGNOSTICS[name](learner, state) for name in ALL}
    backwards = {name: DIAGNOSTICS[name](learner, state) for name in reversed(ALL)}
    assert forwards == backwards


def test_a_model_without_batch_statistics_has_none_to_recalibrate(pictures: Path) -> None:
    learner = Bars.but(model__norm=Norm(kind="group"))(0, root=pictures)
    assert recalibrated(learner, learner.begin()) == {}


def test_pictures_are_never_fed_a_true_token(pictures: Path) -> None:
    learner = Bars(0, root=pictures)
    assert forced(learner, learner.begin()) == {}


def seen(pictures: Path, batch: int, items: int = 240) -> list[int]:
    """The sizes of the batches that statistics are estimated on."""
    learner = Bars.but(data__train=items, fit__batch=batch)(0, root=pictures)
    state: State = learner.begin()
    batches = list(training_inputs(learner, state))
    assert all(each.dtype == torch.float32 and each.shape[1:] == (1, 12, 12) for each in batches)
    return [len(each) for each in batches]


def test_statistics_are_estimated_on_batches_of_at_least_64(pictures: Path) -> None:
    assert seen(pictures, batch=8) == [64, 64, 64, 48]
    assert seen(pictures, batch=100) == [100, 100, 40]


def test_a_last_batch_of_one_item_does_not_weigh_as_much_as_the_others(pictures: Path) -> None:
    assert seen(pictures, batch=32, items=193) == [64, 64, 64]
    assert seen(pictures, batch=32, items=129) == [64, 64]


def test_several_views_of_a_picture_give_one_answer(pictures: Path) -> None:
    learner = Bars.but(diagnostics=("views",))(0, root=pictures)
    result = learner.run()
    assert result.metrics["views/error"] != 0.75 and result.metrics["views/loss"] != result.metrics["test/loss"]
    assert learner.state is not None
    assert several_views(learner, learner.state) == {
        name: value for name, value in result.metrics.items() if name.startswith("views/")
    }


def seen_twelve_times(stored: torch.Tensor) -> list[torch.Tensor]:
    """Pictures uint8 (n, 3, h, h) as they are, moved by a sixteenth, and enlarged by 8/7; each mirrored as well."""
    side = stored.shape[-1]
    step, inner = round(side / 16), round(side * 7 / 8)
    wide = np.pad(stored.numpy(), ((0, 0), (0, 0), (step, step), (step, step)), mode="reflect")
    cut = slice((side - inner) // 2, (side - inner) // 2 + inner)
    large = functional.interpolate(stored[..., cut, cut].float(), size=(side, side), mode="bilinear")
    looks = [stored.numpy(), large.round().numpy()]
    looks += [wide[..., down : down + side, right : right + side] for down in (0, 2 * step) for right in (0, 2 * step)]
    return [torch.from_numpy(each.copy()).float() for look in looks for each in (look, look[..., ::-1])]


def test_views_of_photos_are_averaged_as_probabilities(carried: Callable[[str], Path], tmp_path: Path) -> None:
    kinds = ("Conference", "Orange", "Watermelon")
    with zipfile.ZipFile(carried("data/grocery.zip")) as archive:
        for side, kind in itertools.product(("train", "test"), kinds):
            names = [each for each in archive.namelist() if each.startswith(f"{side}/{kind}/") and each[-4:] == ".jpg"]
            archive.extractall(tmp_path / "data/fruit", names[:20])
    (tmp_path / "data/mobilenet_v2.pth").symlink_to(carried("data/mobilenet_v2.pth"))

    class Fruit(Learner):
        """Three kinds of fruit on the features of ImageNet."""

        data = ImageFolder("data/fruit", size=64, augment=Augment(flip=True))
        model = Pretrained("data/mobilenet_v2.pth", norm=Norm(stats="running"))
        fit = FineTune(epochs=2, batch=16, lr=1e-2, scope="head")
        diagnostics = ("views",)

    learner = Fruit(0, device="cpu", root=tmp_path)
    found = learner.run().metrics
    assert learner.state is not None
    model, test = learner.state.model.eval(), learner.state.data.test
    mean, std = (torch.tensor(each)[:, None, None] for each in (model.mean, model.std))
    edge = (test.inputs.shape[-1] - 64) // 2
    with torch.no_grad():
        looks = [
            model((each[..., edge : edge + 64, edge : edge + 64] / 255 - mean) / std).softmax(1)
            for each in seen_twelve_times(test.inputs)
        ]
    expected = torch.stack(looks).mean(0)
    true = expected[torch.arange(len(test)), test.targets]
    assert len(looks) == 12 and len(test) > 30
    assert found["views/loss"] == pytest.approx(float(-true.log().mean()), rel=1e-4)
    assert found["views/error"] == pytest.approx(float((expected.argmax(1) != test.targets).float().mean()))
    assert found["views/loss"] != pytest.approx(found["test/loss"], rel=1e-3)
    shown = [learner.state.data.encoder.show(test.inputs, place) for place in range(len(test))]
    sure = [each.confidence for each in learner.predict(shown, views=True)]
    assert sure == pytest.approx(expected.max(1).values.tolist(), abs=1e-4)
