"""What experiments/regression adds to the library: turned pictures and a bounded output."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from workbench import ImageTable, Network
from workbench.study.experiment import Experiment
from workbench.study.spec import load_spec


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_spec(Path(__file__).resolve().parents[2], "regression").experiment


def test_a_picture_is_laid_on_itself_in_all_eight_ways(experiment: Experiment) -> None:
    augment = experiment.arm("Turned").data.augment
    index = torch.arange(800)
    picture = torch.arange(27.0).reshape(1, 3, 3, 3) / 27
    turned = augment.apply(picture.expand(800, -1, -1, -1), index, seed=1, epoch=0)
    ways, counts = torch.unique(turned, dim=0, return_counts=True)
    quarters = [torch.rot90(each, turn, (1, 2)) for each in (picture[0], picture[0].flip(2)) for turn in range(4)]
    assert {tuple(each.flatten().tolist()) for each in ways} == {tuple(each.flatten().tolist()) for each in quarters}
    assert counts.min() > 60
    one = augment.apply(picture.expand(2, -1, -1, -1), index[5:7], seed=1, epoch=0)
    assert torch.equal(one, turned[5:7]) and not torch.equal(
        turned, augment.apply(picture.expand(800, -1, -1, -1), index, seed=1, epoch=1)
    )


def test_a_bounded_output_ends_a_tenth_beyond_what_occurs(experiment: Experiment, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["image,probability,type"]
    for number in range(40):
        Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8)).save(tmp_path / f"{number}.png")
        rows.append(f"{number}.png,{number % 4 / 3},mono")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    data = ImageTable(".", "probability", size=32)
    arm = experiment.arm("Bounded").but(data=data, model=Network("resnet8"))(seeds=0, root=tmp_path)
    arm.begin()
    raw = torch.tensor([[-99.0], [0.0], [99.0]])
    values = arm.expects.target.values(arm.forward(torch.nn.Identity(), raw))
    assert values.flatten().tolist() == pytest.approx([-0.1, 0.5, 1.1], abs=1e-5)
