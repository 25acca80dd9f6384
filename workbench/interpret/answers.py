"""What the network answers on a split, item by item: what confusion, top losses, calibration and slices are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from workbench.data.items import Items
from workbench.data.targets.base import Target
from workbench.data.targets.multi_label import MultiLabel
from workbench.data.targets.single_label import SingleLabel
from workbench.data.values import Padded
from workbench.interpret.looking import batches, items_of, looking, output_of
from workbench.interpret.view import DoesNotApply
from workbench.training.evaluation import joined
from workbench.training.state import State


@dataclass(frozen=True, eq=False)
class Answers:
    """A split's answers, in the split's order.

    Attributes:
        split: "train", "validation" or "test".
        items: the split itself; classes, target: as in :class:`workbench.data.items.Datasets`.
        scores: float32 (n,) for each of the learner's metrics; the first one is the measure, smaller is better.
        prediction: of the shape of the targets; sequences are padded.
        confidence: float32 (n,), NaN where the target has none.
        outputs: float32 (n, k), the network's own outputs for single and multi labels; None for other targets.
    """

    split: str
    items: Items
    classes: tuple[str, ...]
    target: Target
    scores: dict[str, np.ndarray]
    prediction: np.ndarray
    confidence: np.ndarray
    outputs: np.ndarray | None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def measure(self) -> str:
        """The metric that counts."""
        return next(iter(self.scores))

    @property
    def loss(self) -> np.ndarray:
        """The loss of every item, or the measure where the learner's metrics have no loss."""
        return self.scores.get("loss", self.scores[self.measure])

    @property
    def truth(self) -> np.ndarray:
        """The targets; sequences are padded."""
        targets = self.items.targets
        if isinstance(targets, torch.Tensor):
            return np.asarray(targets.cpu())
        padded: Padded = targets[torch.arange(len(self))]
        return np.asarray(padded.ids.cpu())

    def logits(self, what: str) -> np.ndarray:
        """``outputs`` for a look at ``what``; raises :class:`DoesNotApply` for targets that have no classes."""
        if self.outputs is None:
            raise DoesNotApply(f"{what} needs classes or labels, and the target is {type(self.target).__name__}")
        return self.outputs

    def probabilities(self, what: str) -> np.ndarray:
        """float64 (n, k): softmax for single labels, a sigmoid for each of several."""
        from scipy.special import expit, softmax

        logits = self.logits(what).astype(np.float64)
        found: np.ndarray = softmax(logits, axis=1) if isinstance(self.target, SingleLabel) else expit(logits)
        return found


def answer(state: State, split: str) -> Answers:
    """One pass over a split, as evaluation makes it: the means of its scores are the run's own numbers."""
    learner = state.learner
    target = learner.expects.target
    scores: dict[str, list[torch.Tensor]] = {}
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    kept: list[torch.Tensor] = []
    items = items_of(state, split)
    with looking(state) as model:
        for batch in batches(state, split):
            output = output_of(state, model, batch)
            for name, values in learner.metrics(output, batch.y).items():
                scores.setdefault(name, []).append(values)
            found.append(target.predict(output))
            if isinstance(target, SingleLabel | MultiLabel):
                kept.append(output.float())
    prediction, confidence = (joined(column).cpu().numpy() for column in zip(*found, strict=True))
    return Answers(
        split=split,
        items=items,
        classes=state.data.classes,
        target=target,
        scores={name: torch.cat(values).cpu().numpy() for name, values in scores.items()},
        prediction=prediction,
        confidence=confidence,
        outputs=torch.cat(kept).cpu().numpy() if kept else None,
    )
