"""One trained network on the small pictures, that the tests of this folder only look at."""

from pathlib import Path

import pytest

from workbench import Augment, ImageArrays, Learner, Network, Norm, OneCycle
from workbench.interpret.answers import Answers, answer
from workbench.training.result import Result
from workbench.training.state import State


class Bars(Learner):
    """The smallest complete learner."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=3, batch=32, lr=1e-2)


@pytest.fixture(scope="session")
def bars() -> type[Bars]:
    """The learner of this folder's tests."""
    return Bars


@pytest.fixture(scope="session")
def ended(pictures: Path) -> tuple[Bars, Result]:
    """The learner after its run, and the result."""
    learner = Bars(0, device="cpu", root=pictures)
    return learner, learner.run()


@pytest.fixture(scope="session")
def state(ended: tuple[Bars, Result]) -> State:
    """The state that the run ended with."""
    found = ended[0].state
    assert found is not None
    return found


@pytest.fixture(scope="session")
def answers(state: State) -> Answers:
    """What it answers on the test split."""
    return answer(state, "test")
