"""Where two records of the same run part: first step of the history, weights, predictions, final numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from workbench.record.journal import RunView, read_run


def divergence(one: Path, other: Path) -> list[str]:
    """One line for each kind of thing that is not bit-equal in two run folders, none when everything is.

    Compared are how the run ended, the whole history point by point (nothing twice, nothing missing), the weights'
    hash and each tensor, final metrics, and every item's prediction.
    """
    first, second = read_run(one), read_run(other)
    lines = [*_ends(first, second), *_histories(first, second), *_metrics(first, second)]
    if {first.state, second.state} == {"finished"}:
        lines += [*_weights(one, other, first, second), *_predictions(one, other)]
    return lines


def _ends(first: RunView, second: RunView) -> list[str]:
    ends = [(view.state, (view.result or {}).get("why", "")) for view in (first, second)]
    if ends[0] == ends[1]:
        return []
    return [f"it ended as {' '.join(ends[0]).strip()}, and resumed as {' '.join(ends[1]).strip()}"]


def _histories(first: RunView, second: RunView) -> list[str]:
    lines = []
    points = [{(key, step): repr(value) for key, step, value in _points(view)} for view in (first, second)]
    twice = [point for point, count in Counter((key, step) for key, step, _ in _points(second)).items() if count > 1]
    if twice:
        lines.append(f"{twice[0][0]} stands twice in the history at step {twice[0][1]}")
    apart = [point for point in points[0].keys() | points[1].keys() if points[0].get(point) != points[1].get(point)]
    if apart:
        key, step = min(apart, key=lambda point: (point[1], point[0]))
        here, there = (found.get((key, step), "nothing") for found in points)
        lines.append(f"first at step {step}: {key} is {here}, resumed {there}")
    order = [[(key, step) for key, step, _ in _points(view)] for view in (first, second)]
    if not lines and order[0] != order[1]:
        lines.append("the history has the same points in another order")
    return lines


def _points(view: RunView) -> list[tuple[str, int, float]]:
    return [(key, step, value) for key, found in view.metrics.items() for step, value, _ in found]


def _metrics(first: RunView, second: RunView) -> list[str]:
    one, other = first.final(), second.final()
    apart = [name for name in {**one, **other} if repr(one.get(name)) != repr(other.get(name))]
    return [f"{name} is {one.get(name)}, resumed {other.get(name)}" for name in apart[:1]]


def _weights(one: Path, other: Path, first: RunView, second: RunView) -> list[str]:
    import torch

    from workbench.training.checkpoint import read_tensors

    before, after = (read_tensors(folder / "weights.safetensors")[0] for folder in (one, other))
    apart = [name for name in before if name not in after or not _same_bits(before[name], after[name])]
    if apart:
        worst = max((float((before[name].double() - after[name].double()).abs().max()), name) for name in apart)
        return [f"{len(apart)} of {len(before)} tensors of the weights differ, {worst[1]} most, by {worst[0]:.2g}"]
    hashes = [(view.result or {}).get("weights") for view in (first, second)]
    assert all(isinstance(value, torch.Tensor) for value in before.values())
    return [] if hashes[0] == hashes[1] else ["the weights' hashes differ"]


def _same_bits(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.numpy().tobytes() == other.numpy().tobytes())


def _predictions(one: Path, other: Path) -> list[str]:
    import numpy as np

    with np.load(one / "predictions.npz") as before, np.load(other / "predictions.npz") as after:
        apart = [name for name in before if before[name].tobytes() != after[name].tobytes()]
        if not apart:
            return []
        name = apart[-1]
        count = int((before[name] != after[name]).sum()) if before[name].shape == after[name].shape else -1
    return [f"{count} of the predictions differ in their {name}"]
