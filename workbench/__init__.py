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
    from workbench.data.ratings import Ratings
    from workbench.data.split import Split
    from workbench.data.tables import Table
    from workbench.data.targets import MultiLabel, Rating, Regression, SingleLabel
    from workbench.data.text_pairs import TextPairs
    from workbench.data.texts import Texts
    from workbench.data.vision_dataset import VisionDataset
    from workbench.errors import WorkbenchError
    from workbench.models.collab import Collab
    from workbench.models.forcing import TeacherForcing
    from workbench.models.norm import Norm
    from workbench.models.seq2seq import Seq2Seq
    from workbench.models.tabular import TabularNetwork
    from workbench.models.text import TextNetwork
    from workbench.models.vision import Network, Pretrained
    from workbench.parts import Part
    from workbench.streams import Seeds
    from workbench.study.claims import Claim
    from workbench.study.experiment import Cell, Choice, Experiment, Tier
    from workbench.training.averaging import Averaging
    from workbench.training.callbacks import Callback
    from workbench.training.learner import Learner
    from workbench.training.recipes import Constant, FineTune, GradualUnfreeze, OneCycle, Restarts
    from workbench.training.stopping import EarlyStop

__all__ = [
    "Augment",
    "Averaging",
    "Callback",
    "Cell",
    "Choice",
    "Claim",
    "Collab",
    "Constant",
    "EarlyStop",
    "Experiment",
    "FineTune",
    "GradualUnfreeze",
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
    "Rating",
    "Ratings",
    "Regression",
    "Restarts",
    "Seeds",
    "Seq2Seq",
    "SingleLabel",
    "Split",
    "Table",
    "TabularNetwork",
    "TeacherForcing",
    "TextNetwork",
    "TextPairs",
    "Texts",
    "Tier",
    "VisionDataset",
    "WorkbenchError",
]

_MODULES = {
    "Augment": "data.augment",
    "Averaging": "training.averaging",
    "Callback": "training.callbacks",
    "Cell": "study.experiment",
    "Choice": "study.experiment",
    "Claim": "study.claims",
    "Collab": "models.collab",
    "Constant": "training.recipes",
    "EarlyStop": "training.stopping",
    "Experiment": "study.experiment",
    "FineTune": "training.recipes",
    "GradualUnfreeze": "training.recipes",
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
    "Rating": "data.targets",
    "Ratings": "data.ratings",
    "Regression": "data.targets",
    "Restarts": "training.recipes",
    "Seeds": "streams",
    "Seq2Seq": "models.seq2seq",
    "SingleLabel": "data.targets",
    "Split": "data.split",
    "Table": "data.tables",
    "TabularNetwork": "models.tabular",
    "TeacherForcing": "models.forcing",
    "TextNetwork": "models.text",
    "TextPairs": "data.text_pairs",
    "Texts": "data.texts",
    "Tier": "study.experiment",
    "VisionDataset": "data.vision_dataset",
    "WorkbenchError": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(_no_such_name(name))
    value = getattr(importlib.import_module(f"workbench.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """What users import, not what this file does."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def _no_such_name(name: str) -> str:
    from workbench.errors import nearest

    return f"module 'workbench' has no name '{name}'{nearest(name, __all__)}"
