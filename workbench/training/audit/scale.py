"""Checks 6 and 7: pictures and numbers that come in another scale than the network expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from workbench.data.values import Rows
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject

_NORMAL, _RANGE = "normalisation", "input range"

LOOKED = 128
"""Training items whose mean is taken: the mean of so many pictures is known to a few hundredths of a deviation."""

NEAR, FAR = (0.02, 1.05), (0.1, 1.3)
"""Largest difference of means (in units of x / 255) and ratio of deviations between what weights expect and what they
get: where the prepared pictures have the stored pixels, rounding alone; where a stage has scaled them, which changes
their spread, four times what it does to photos at half their side."""

CENTRED, SPREAD = 0.5, (0.5, 2.0)
"""Where nothing is expected by weights: how far from mean 0 and deviation 1 the inputs may be, in deviations. Networks
learn from there; what is wrong is off by factors of 4 (twice normalised MNIST) to 255."""

COLUMN, ROWS = (1.0, 3.0), 4096
"""The same of a table's columns, over so many rows. Only what is too large: a column with a long tail, whose tail is
bent (see ``Scale``), or a rare flag may have a deviation of a tenth."""

BEYOND = 4.0
"""How many times further out than any stored value can come a value has to be: 255 times is what was not divided."""


TRAINED = (0.5, 1.8)
"""Largest change of a channel's mean (in deviations), and ratio of deviations, from evaluation to training. The
strongest crops of digits (8 % of the area) move the mean by 0.28, nine tenths of brightness and contrast change the
deviation of photos by 1.47; a normalisation that one of the two lacks changes it by 3 to 4."""


@dataclass(frozen=True)
class _Pictures:
    """Channel means and deviations of stored pictures in units of x / 255, of the same when prepared for evaluation,
    and for training."""

    stored: tuple[torch.Tensor, torch.Tensor]
    given: tuple[torch.Tensor, torch.Tensor]
    trained: tuple[torch.Tensor, torch.Tensor]
    lowest: float
    highest: float
    same_pixels: bool
    expected: tuple[torch.Tensor, torch.Tensor]
    weights: bool

    @property
    def as_if(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation that the pictures were normalised by, as far as their own moments tell."""
        std = self.stored[1] / self.given[1].clamp(min=1e-12)
        return self.stored[0] - self.given[0] * std, std


def normalisation(subject: Subject) -> Iterator[Finding]:
    """What comes out of the preparation against the weights' own statistics, else against mean 0 and deviation 1."""
    kind = subject.data.signature.kind
    if kind == "table":
        yield from _columns(subject)
    if kind == "image" and (seen := _pictures(subject)) is not None:
        found = [*(_against_weights(seen) if seen.weights else _against_unit(seen)), *_in_training(seen)]
        wrong = [each for each in found if each.state == "wrong"]
        yield from wrong or found


def input_range(subject: Subject) -> Iterator[Finding]:
    """Bytes from 0 to 255 for a network that expects 0 to 1, or numbers divided by 255 twice."""
    if subject.data.signature.kind != "image" or (seen := _pictures(subject)) is None:
        return
    mean, std = seen.expected
    reach = float((torch.maximum(mean, 1 - mean) / std).max())
    most = max(abs(seen.lowest), abs(seen.highest))
    between = f"inputs lie between {seen.lowest:.3g} and {seen.highest:.3g}"
    if most > BEYOND * reach:
        found = f"{between}, and pictures from 0 to 1 come to {reach:.3g} at most: they seem to be from 0 to 255"
        yield Finding(_RANGE, "wrong", found, "Divide by 255 once in inputs(), or call super().inputs().")
    elif seen.highest - seen.lowest < reach / 32:
        found = f"{between}, and pictures from 0 to 1 come to {reach:.3g}: they seem to be divided by 255 twice"
        yield Finding(_RANGE, "wrong", found, "Divide by 255 once in inputs(), or call super().inputs().")
    else:
        yield Finding(_RANGE, "ok", f"{between}; at most {reach:.3g} from 0 is to be expected")


def _pictures(subject: Subject) -> _Pictures | None:
    """None where the network gets something else than pictures with a picture's channels."""
    items = subject.data.train
    batch = subject.batch(items, subject.some(items, LOOKED))
    side = subject.data.signature.size
    x = subject.inputs(batch, training=False)
    batch = subject.batch(items, subject.some(items, LOOKED))
    if not isinstance(x, torch.Tensor) or x.ndim != 4 or x.shape[1] not in (1, 3):
        return None
    cut = [(each - side) // 2 for each in batch.x.shape[-2:]]
    pixels = batch.x[..., cut[0] : cut[0] + side, cut[1] : cut[1] + side].double().cpu() / 255
    pixels = pixels.expand(-1, x.shape[1], -1, -1) if pixels.shape[1] == 1 else pixels
    if pixels.shape[1] != x.shape[1]:
        return None
    given = x.detach().double().cpu()
    trained = subject.inputs(subject.batch(items, subject.some(items, LOOKED)), training=True)
    if not isinstance(trained, torch.Tensor) or trained.shape[:2] != given.shape[:2]:
        return None
    model = subject.state.model if subject.state else None
    own = getattr(model, "mean", None), getattr(model, "std", None)
    weights = None not in own
    moments = own if weights else items.channel_statistics()
    mean, std = (torch.tensor(each, dtype=torch.float64).expand(x.shape[1]) for each in moments)
    return _Pictures(
        stored=_moments(pixels),
        given=_moments(given),
        trained=_moments(trained.detach().double().cpu()),
        lowest=float(given.min()),
        highest=float(given.max()),
        same_pixels=pixels.shape == given.shape,
        expected=(mean, std),
        weights=weights,
    )


def _moments(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return pictures.mean((0, 2, 3)), pictures.std((0, 2, 3), correction=0)


def _against_weights(seen: _Pictures) -> Iterator[Finding]:
    (mean, std), (got_mean, got_std) = seen.expected, seen.as_if
    off, ratio = NEAR if seen.same_pixels else FAR
    between = torch.maximum(got_std / std, std / got_std)
    values = f"by mean {_shown(got_mean)} and deviation {_shown(got_std)}"
    wanted = f"the weights' own {_shown(mean)} and {_shown(std)}"
    if float((got_mean - mean).abs().max()) <= off and float(between.max()) <= ratio:
        yield Finding(_NORMAL, "ok", f"pictures are normalised {values}; {wanted}")
        return
    twice = bool(((got_mean - (mean + mean * std)).abs() <= 2 * off).all() and (got_std / std**2 < ratio).all())
    how = "twice: " if twice else ""
    yield Finding(
        _NORMAL,
        "wrong",
        f"pictures are normalised {how}{values} in all, but {wanted} are expected",
        "Normalise once: leave it to the data's preparation, and call super().inputs() in an override.",
    )


def _against_unit(seen: _Pictures) -> Iterator[Finding]:
    mean, std = seen.given
    found = f"inputs have mean {_shown(mean)} and deviation {_shown(std)}; 0 and 1 are expected"
    fits = float(mean.abs().max()) <= CENTRED and SPREAD[0] <= float(std.min()) and float(std.max()) <= SPREAD[1]
    hint = "Normalise once, by the training items' statistics: leave it to the data's preparation."
    yield Finding(_NORMAL, "ok", found) if fits else Finding(_NORMAL, "wrong", found, hint)


def _in_training(seen: _Pictures) -> Iterator[Finding]:
    """Normalised in training only, or in evaluation only, as fastai once was (#3281)."""
    (mean, std), (other_mean, other_std) = seen.trained, seen.given
    off = float(((mean - other_mean) / other_std.clamp(min=1e-12)).abs().max())
    ratio = float(torch.maximum(std / other_std.clamp(min=1e-12), other_std / std.clamp(min=1e-12)).max())
    if off > TRAINED[0] or ratio > TRAINED[1]:
        yield Finding(
            _NORMAL,
            "wrong",
            f"in training pictures have mean {_shown(mean)} and deviation {_shown(std)}, the same ones in evaluation "
            f"{_shown(other_mean)} and {_shown(other_std)}",
            "Normalise in training and in evaluation alike: call super().inputs() in an override.",
        )


def _columns(subject: Subject) -> Iterator[Finding]:
    """Numerical columns as the network gets them, over training items."""
    items = subject.data.train
    x: Any = subject.inputs(subject.batch(items, subject.some(items, ROWS)), training=False)
    if not isinstance(x, Rows) or not x.numbers.shape[1]:
        return
    numbers = x.numbers.detach().double().cpu()
    mean, std = numbers.mean(0), numbers.std(0, correction=0)
    names = subject.data.signature.columns[-numbers.shape[1] :] or tuple(map(str, range(numbers.shape[1])))
    still = [name for name, each in zip(names, (items.inputs.numbers.std(0) == 0).tolist(), strict=True) if each]
    off = [
        f"'{name}' {middle:.3g} +- {spread:.3g}"
        for name, middle, spread in zip(names, mean.tolist(), std.tolist(), strict=True)
        if abs(middle) > COLUMN[0] or spread > COLUMN[1]
    ]
    if off:
        found = f"numbers are not scaled to mean 0 and deviation 1: {', '.join(off[:5])}"
        yield Finding(_NORMAL, "wrong", found, "Scale them once, by the training items: leave it to the data.")
    if still:
        found = f"columns that never change in training: {', '.join(still[:5])}"
        yield Finding(_NORMAL, "note", found, "Leave them out: nothing can be learnt from them.")
    if not off and not still:
        most = int(mean.abs().argmax())
        found = f"{len(names)} columns of numbers: means up to {abs(float(mean[most])):.2g} ('{names[most]}') from 0"
        yield Finding(_NORMAL, "ok", f"{found}, deviations up to {float(std.max()):.2g}")


def _shown(values: torch.Tensor) -> str:
    return "[" + ", ".join(f"{each:.3g}" for each in values.tolist()) + "]"
