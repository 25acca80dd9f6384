"""A stage that gives what a step cannot go on with is named, with what it should give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.training.conftest import Bars
from workbench.errors import FieldError


def ran(pictures: Path, stage: str, method: Callable[..., Any], **changes: Any) -> str:
    """What a run says of the learner with that stage."""
    arm = type("Arm", (Bars.but(fit__epochs=1, **changes),), {"__doc__": "A test's.", stage: method})
    with pytest.raises(FieldError) as caught:
        arm(0, root=pictures, device="cpu").run()
    return str(caught.value)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda _, output, batch: None, r"Arm.loss(): it gives None. Return the batch's mean loss, a scalar tensor"),
        (lambda _, output, batch: 0.5, "Arm.loss(): it gives a float. Return the batch's mean loss, a scalar tensor"),
        (
            lambda _, output, batch: functional.cross_entropy(output, batch.y, reduction="none"),
            "Arm.loss(): it gives a tensor of shape (32,), and a step needs one number. Return its .mean()",
        ),
        (
            lambda _, output, batch: functional.cross_entropy(output, batch.y).detach(),
            "Arm.loss(): it has no gradient. Compute it from `output` in torch, without argmax(), detach(), item() or "
            "no_grad()",
        ),
    ],
    ids=["nothing", "a number", "a vector", "detached"],
)
def test_a_loss_that_is_no_mean_with_a_gradient(loss: Callable[..., Any], said: str, pictures: Path) -> None:
    assert ran(pictures, "loss", loss) == said


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda _, model, x: None, "it gives None for 32 items"),
        (lambda _, model, x: (model(x), x), "it gives a tuple for 32 items"),
        (lambda _, model, x: model(x)[:, :1], "it gives a tensor of shape (32, 1) for 32 items"),
        (lambda _, model, x: model(x)[:, 0], "it gives a tensor of shape (32,) for 32 items"),
        (lambda _, model, x: model(x)[:1], "for 32 items"),
    ],
    ids=["nothing", "a tuple", "too narrow", "no outputs", "of one item"],
)
def test_an_output_of_another_shape_than_the_targets(forward: Callable[..., Any], said: str, pictures: Path) -> None:
    text = ran(pictures, "forward", forward)
    assert text.startswith("Arm.forward(): it gives ") and said in text
    assert text.endswith("SingleLabel needs 4 outputs. Return (32, 4): build the head from signature.outputs")


def test_an_output_without_a_gradient(pictures: Path) -> None:
    text = ran(pictures, "forward", lambda _, model, x: model(x).detach())
    assert text == "Arm.forward(): its output has no gradient. Leave out detach() and no_grad()"


def test_no_groups_and_no_optimizer(pictures: Path) -> None:
    named = "Return [(name, [module, ...]), ...], input to head"
    assert ran(pictures, "groups", lambda _, model: None) == f"Arm.groups(): it gives None. {named}"
    assert ran(pictures, "groups", lambda _, model: [model]) == f"Arm.groups(): it gives a list. {named}"
    text = ran(pictures, "optimizer", lambda _, groups: None)
    assert text == "Arm.optimizer(): it gives None. Return a torch.optim.Optimizer"


@pytest.mark.parametrize("rate", [1e-2, "auto"])
def test_a_step_that_leaves_no_loss_and_inputs_that_are_none(rate: Any, pictures: Path) -> None:
    said = "Arm.step(): it leaves None in state.loss. Set state.loss to the batch's mean loss, a scalar tensor"
    assert ran(pictures, "step", lambda _, state, hooks: None, fit__lr=rate) == said
    said = "Arm.inputs(): it gives None. Return what the network sees"
    assert ran(pictures, "inputs", lambda _, batch, training, epoch=0: None, fit__lr=rate) == said


def test_groups_may_come_one_by_one(pictures: Path) -> None:
    """A generator is used up by the first that looks; the optimizer would get no parameters."""

    class Yields(Bars):
        """The same groups."""

        fit = Bars.fit.but(epochs=1)

        def groups(self, model: torch.nn.Module) -> Any:
            yield from super().groups(model)

    plain = Bars.but(fit__epochs=1)(0, root=pictures, device="cpu").run()
    assert Yields(0, root=pictures, device="cpu").run().metrics == plain.metrics
