"""Answers made by hand, for the arithmetic of what is drawn from them."""

from collections.abc import Sequence

import numpy as np
import torch

from workbench.data.items import Items
from workbench.data.targets.base import Target
from workbench.data.targets.single_label import SingleLabel
from workbench.interpret.answers import Answers


def keys(count: int) -> tuple[str, ...]:
    """Content hashes that are spread evenly."""
    return tuple(f"{(each * 0x9E3779B97F4A7C15) % 2**64:016x}" for each in range(count))


def answers(
    logits: Sequence[Sequence[float]] | np.ndarray,
    truth: Sequence[int] | np.ndarray | torch.Tensor,
    *,
    classes: tuple[str, ...] = (),
    target: Target | None = None,
    split: str = "test",
) -> Answers:
    """What a network that gave these outputs would have answered; errors and losses are the target's own."""
    outputs, y = torch.as_tensor(np.asarray(logits, dtype=np.float32)), torch.as_tensor(truth)
    target = target or SingleLabel()
    prediction, confidence = target.predict(outputs)
    scores = {name: values.numpy() for name, values in target.metrics(outputs, y).items()}
    names = classes or tuple("abcdefghijklmnopqrstuvwxyz"[: outputs.shape[1]])
    items = Items(torch.zeros(len(y), 1, 2, 2, dtype=torch.uint8), y, keys(len(y)))
    return Answers(split, items, names, target, scores, prediction.numpy(), confidence.numpy(), outputs.numpy())
