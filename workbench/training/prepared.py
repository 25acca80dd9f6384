"""What data and model agreed on before the first step, and what of it lies beside the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.data.encoding import Encoder
from workbench.data.preparation import Preparation
from workbench.data.signature import Signature
from workbench.data.targets import Target

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.state import State


@dataclass(frozen=True)
class Prepared:
    """What data and model agreed on: what is predicted, what goes in, how it is encoded, the outputs' names."""

    target: Target
    signature: Signature
    preparation: Preparation
    encoder: Encoder
    classes: tuple[str, ...]


def weights_meta(learner: Learner, state: State) -> dict[str, Any]:
    """What a later run, or a prediction, needs beside these weights: architecture, preparation, encoder, target."""
    how = learner.expects
    return {
        **getattr(state.model, "describe", dict)(),
        "norm": learner.norm.flatten(),
        **how.preparation.describe(),
        "classes": list(state.data.classes),
        "target": how.target.flatten(),
        "encoder": {"class": type(how.encoder).__name__, "values": how.encoder.describe()},
    }
