"""workbench: change one thing in a training run, and know whether it really helped.

The names below are loaded on first use (PEP 562), so that ``import workbench`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.data.arrays import ImageArrays
    from workbench.data.augment import Augment
    from workbench.data.folders import ImageFolder
    from workbench.data.image_table import ImageTable
    from workbench.data.mixing import Mix
    from workbench.data.targets import MultiLabel, Regression, SingleLabel
    from workbench.data.targets.token_sequence import TokenSequence
    from workbench.data.texts import Texts
    from workbench.errors import WorkbenchError
    from workbench.models.norm import Norm
    from workbench.models.text import TextNetwork
    from workbench.models.vision import Network, Pretrained
    from workbench.parts import Part
    from workbench.streams import Seeds
    from workbench.study.claims import Claim
    from workbench.study.experiment import Cell, Choice, Experiment, Tier
    from workbench.training.callbacks import Callback
    from workbench.training.learner import Learner
    from workbench.training.recipes import Constant, FineTune, OneCycle

__all__ = [
    "Augment",
    "Callback",
    "Cell",
    "Choice",
    "Claim",
    "Constant",
    "Experiment",
    "FineTune",
    "ImageArrays",
    "ImageFolder",
    "ImageTable",
    "Learner",
    "Mix",
    "MultiLabel",
    "Network",
    "Norm",
    "OneCycle",
    "Part",
    "Pretrained",
    "Regression",
    "Seeds",
    "SingleLabel",
    "TextNetwork",
    "Texts",
    "Tier",
    "TokenSequence",
    "WorkbenchError",
]

_MODULES = {
    "Augment": "data.augment",
    "Callback": "training.callbacks",
    "Cell": "study.experiment",
    "Choice": "study.experiment",
    "Claim": "study.claims",
    "Constant": "training.recipes",
    "Experiment": "study.experiment",
    "FineTune": "training.recipes",
    "ImageArrays": "data.arrays",
    "ImageFolder": "data.folders",
    "ImageTable": "data.image_table",
    "Learner": "training.learner",
    "Mix": "data.mixing",
    "MultiLabel": "data.targets",
    "Network": "models.vision",
    "Norm": "models.norm",
    "OneCycle": "training.recipes",
    "Part": "parts",
    "Pretrained": "models.vision",
    "Regression": "data.targets",
    "Seeds": "streams",
    "SingleLabel": "data.targets",
    "TextNetwork": "models.text",
    "Texts": "data.texts",
    "Tier": "study.experiment",
    "TokenSequence": "data.targets.token_sequence",
    "WorkbenchError": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(_no_such_name(name))
    value = getattr(importlib.import_module(f"workbench.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _no_such_name(name: str) -> str:
    from workbench.errors import nearest

    return f"module 'workbench' has no name '{name}'{nearest(name, __all__)}"
