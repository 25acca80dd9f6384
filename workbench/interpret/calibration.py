"""Whether a confidence of 80 % is right four times in five, and the temperature that would make it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from workbench.data.targets.single_label import SingleLabel
from workbench.interpret import drawing
from workbench.interpret.answers import Answers
from workbench.interpret.intervals import wilson
from workbench.interpret.view import Table, View
from workbench.streams import numpy_generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 15  # Guo et al. 2017
_LEAST = 20  # items a bin
_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Bin:
    """Items of neighbouring confidence: how many, their mean confidence, the share that is right, its interval.

    Of several labels an item counts once a label, with the label's probability, and is right where it has the label.
    """

    items: int
    confidence: float
    right: float
    low: float
    high: float


@dataclass(frozen=True, repr=False)
class Calibration(View):
    """The reliability of confidences (Niculescu-Mizil & Caruana 2005) and their expected calibration error.

    The error is the mean over bins of |share right - mean confidence| (Naeini et al. 2015), with bins of equal mass, as
    bins of equal width are mostly empty for a confident network.

    Attributes:
        spread: how many confidences lie in each of 20 equal parts of [0, 1].
        error: the expected calibration error; by_chance: the 95 % range that it would have if every confidence were
            exactly right, from draws: with few items even perfect confidences have an error.
        temperature: the outputs' divisor that would fit best (Guo et al. 2017, "On calibration of modern neural
            networks"); it changes no answer of a single-label network.
        after: the expected calibration error with it, on items that it was not fitted on.
        loss, loss_after: mean negative log-likelihood in nats, before and after.
        fitted_on: which items the temperature comes from, in words.
        labels: whether it is about the probabilities of several labels, which may be low and right.
    """

    title: ClassVar[str] = "Calibration"
    bins: tuple[Bin, ...]
    spread: tuple[int, ...]
    error: float
    by_chance: tuple[float, float]
    temperature: float
    after: float
    loss: float
    loss_after: float
    split: str
    fitted_on: str
    labels: bool = False

    @property
    def _words(self) -> tuple[str, str, str]:
        """What is counted, what is said of it, and what is true of it."""
        many = ("items x labels", "probability", "share with the label")
        return many if self.labels else ("items", "confidence", "share right")

    def table(self) -> Table:
        """A row a bin."""
        counted, said, true = self._words
        rows = [(e.items, e.confidence, e.right, e.low, e.high) for e in self.bins]
        return Table((counted, f"mean {said}", true, "from", "to"), rows)

    def notes(self) -> list[str]:
        """The errors, what chance alone would give, and the temperature."""
        low, high = self.by_chance
        within = "within" if low <= self.error <= high else "beyond" if self.error > high else "below"
        how = "above 1: the network is too sure" if self.temperature > 1 else "below 1: it is not sure enough"
        return [
            f"Expected calibration error on the {self.split} split: {self.error:.2%}, {within} what perfect "
            f"confidences would show by chance ({low:.2%} to {high:.2%}).",
            f"Temperature {self.temperature:.3g} ({how}), from {self.fitted_on}: "
            f"error {self.error:.2%} -> {self.after:.2%}, loss {self.loss:.4f} -> {self.loss_after:.4f} nats.",
        ]

    def figure(self) -> Figure:
        """The reliability diagram, and how many items have which confidence."""
        _, said, true = self._words
        with drawing.canvas(4.6, 5.2) as made:
            upper, lower = made.subplots(2, 1, height_ratios=[4, 1], sharex=True)
            upper.plot([0, 1], [0, 1], color=drawing.FAINT, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
            at = [each.confidence for each in self.bins]
            right = np.array([each.right for each in self.bins])
            reach = np.array([[e.right - e.low, e.high - e.right] for e in self.bins]).T
            upper.errorbar(at, right, np.maximum(reach, 0), fmt="o-", markersize=3.5, linewidth=1.2, elinewidth=1,
                           color=drawing.COLOURS[0], label=f"{true}, 95 % interval")  # fmt: skip
            upper.set_ylabel(true)
            upper.set_ylim(0, 1.02)
            upper.set_title(f"Expected calibration error {self.error:.2%}")
            upper.legend(frameon=False, fontsize=7, loc="upper left")
            drawing.plain(upper, "y")
            parts = len(self.spread)
            lower.bar([(k + 0.5) / parts for k in range(parts)], self.spread, 1 / parts, color=drawing.COLOURS[4])
            lower.set_ylabel("how many")
            lower.set_xlabel(said)
            drawing.plain(lower)
        return made


def calibrate(answers: Answers, held: Answers | None = None) -> Calibration:
    """How far confidences can be believed.

    A single label's confidence is that of the answer; of several labels each one's probability counts by itself.

    Args:
        held: answers on other items (validation), which the temperature is fitted on. Without them it is fitted on
            each half of the items, told apart by content hash, and tried on the other.

    Raises:
        DoesNotApply: the target has no probabilities.
    """
    logits, truth = answers.logits("calibration").astype(np.float64), answers.truth
    single = isinstance(answers.target, SingleLabel)
    sure, right = _outcomes(logits, truth, single)
    if held is not None:
        warmth = temperature(held.logits("calibration"), held.truth, single=single)
        cooled, fitted_on = logits / warmth, f"{len(held):,} {held.split} items"
    else:
        half = np.array([int(key, 16) & 1 for key in answers.items.keys], dtype=bool)
        warmth, cooled = temperature(logits, truth, single=single), logits.copy()
        for side in (half, ~half):
            if side.any() and not side.all():
                cooled[side] /= temperature(logits[~side], truth[~side], single=single)
        fitted_on = f"each half of the {answers.split} items for the other, as no validation items were held out"
    after, hits = _outcomes(cooled, truth, single)
    bins = _bins(sure, right)
    return Calibration(
        bins=bins,
        spread=tuple(np.histogram(sure, bins=20, range=(0.0, 1.0))[0].tolist()),
        error=_error(bins),
        by_chance=_by_chance(sure),
        temperature=warmth,
        after=_error(_bins(after, hits)),
        loss=likelihood(logits, truth, single=single),
        loss_after=likelihood(cooled, truth, single=single),
        split=answers.split,
        fitted_on=fitted_on,
        labels=not single,
    )


def temperature(logits: np.ndarray, truth: np.ndarray, *, single: bool) -> float:
    """The divisor of the outputs, from 0.05 to 20, under which the truth is likeliest."""
    from scipy.optimize import minimize_scalar

    exact = logits.astype(np.float64)
    limits = (np.log(0.05), np.log(20))
    found = minimize_scalar(
        lambda log: likelihood(exact / np.exp(log), truth, single=single), bounds=limits, method="bounded"
    )
    return float(np.exp(found.x))


def likelihood(logits: np.ndarray, truth: np.ndarray, *, single: bool) -> float:
    """Mean negative log-likelihood in nats, of the true class or of every label."""
    from scipy.special import logsumexp

    if single:
        own = np.take_along_axis(logits, truth[:, None], axis=1)[:, 0]
        return float((logsumexp(logits, axis=1) - own).mean())
    return float((np.logaddexp(0, logits) - truth * logits).mean())


def _outcomes(logits: np.ndarray, truth: np.ndarray, single: bool) -> tuple[np.ndarray, np.ndarray]:
    """Confidences and hits (0 or 1), one an item, or one a label."""
    from scipy.special import expit, softmax

    if not single:
        return expit(logits).ravel(), (truth > 0.5).astype(np.float64).ravel()
    return softmax(logits, axis=1).max(1), (logits.argmax(1) == truth).astype(np.float64)


def _bins(sure: np.ndarray, right: np.ndarray) -> tuple[Bin, ...]:
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, max(1, min(BINS, len(order) // _LEAST)))
    return tuple(
        Bin(len(part), float(sure[part].mean()), float(right[part].mean()), *wilson(int(right[part].sum()), len(part)))
        for part in parts
    )


def _error(bins: tuple[Bin, ...]) -> float:
    total = sum(each.items for each in bins)
    return sum(each.items * abs(each.right - each.confidence) for each in bins) / total


def _by_chance(sure: np.ndarray) -> tuple[float, float]:
    """The 95 % range of the error of perfect confidences (Roelofs et al. 2022 on the bias of such estimates)."""
    draw, ordered = numpy_generator(0, "calibration"), np.sort(sure)
    parts = np.array_split(np.arange(len(ordered)), max(1, min(BINS, len(ordered) // _LEAST)))
    found = []
    for _ in range(_DRAWS):
        off = (draw.random(len(ordered)) < ordered) - ordered
        found.append(sum(abs(float(off[part].sum())) for part in parts) / len(ordered))
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
