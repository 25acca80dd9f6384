"""What is predicted: a target owns the head's width, the loss, the metrics, decoding and the constant predictor."""

from __future__ import annotations

from workbench.data.targets.base import Target as Target
from workbench.data.targets.multi_label import MultiLabel as MultiLabel
from workbench.data.targets.rating import Rating as Rating
from workbench.data.targets.regression import Regression as Regression
from workbench.data.targets.single_label import SingleLabel as SingleLabel
from workbench.data.targets.token_sequence import TokenSequence as TokenSequence
