"""The learner that this folder's tests train on the small pictures."""

from __future__ import annotations

import pytest

from workbench import Augment, ImageArrays, Learner, Network, Norm, OneCycle


class Bars(Learner):
    """The smallest complete learner."""

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=3, batch=32, lr=1e-2)


@pytest.fixture
def bars() -> type[Bars]:
    """The learner of this folder's tests."""
    return Bars
