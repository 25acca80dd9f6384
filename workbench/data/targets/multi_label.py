"""Any number of k labels an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch.nn import functional

from workbench.data.targets.base import Row, Target, mean_odds
from workbench.errors import FieldError


class MultiLabel(Target):
    """Any number of k labels an item: one sigmoid and binary cross-entropy a label, in nats.

    ``output`` has shape (b, k), ``y`` is float32 of shape (b, k): 1 where the item has the label, 0 where not.
    ``threshold``: the probability from which a label counts as given. ``separator``: what stands between an item's
    labels where they are one text, e.g. ";" or " "; None where they are lists or several columns of 0 and 1.

    The measure is the Hamming loss (Schapire & Singer 2000, "BoosTexter"): it is a mean over items, so that two
    networks can be compared item by item; the mean average precision, which ranks items, is none, and is reported
    beside it.

    Raises:
        FieldError: a threshold that is no probability, or an empty separator.
    """

    names: ClassVar[tuple[str, ...]] = ("hamming_loss", "subset_error", "loss")

    threshold: float = 0.5
    separator: str | None = None

    def check(self) -> None:
        """Refuse a threshold that is no probability, and an empty separator."""
        if not 0 < self.threshold < 1:
            raise FieldError(f"MultiLabel.threshold is {self.threshold!r}; it takes a probability between 0 and 1")
        if self.separator == "":
            raise FieldError("MultiLabel.separator is ''; it takes e.g. ';' or ' '")

    def width(self, classes: int) -> int:
        """One number a label."""
        return classes

    def loss(self, output: torch.Tensor, y: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean binary cross-entropy over items and labels; smoothing s turns 0 and 1 into s/2 and 1 - s/2."""
        wanted = y * (1 - smoothing) + smoothing / 2 if smoothing else y
        return functional.binary_cross_entropy_with_logits(output.float(), wanted)

    def metrics(self, output: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
        """Each item's values.

        ``hamming_loss``: share of the k labels that are wrong; ``subset_error``: 1 where any label is wrong;
        ``loss``: mean binary cross-entropy over the labels.
        """
        # a comparison with a number that is none is False, which may be right by accident
        wrong = ((output.float().sigmoid() >= self.threshold) != (y > 0.5)) | output.isnan()
        loss = functional.binary_cross_entropy_with_logits(output.float(), y, reduction="none").mean(1)
        return {"hamming_loss": wrong.float().mean(1), "subset_error": wrong.any(1).float(), "loss": loss}

    def predict(self, output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The labels (float32 of 0 and 1, (b, k)), and the probability of just these, were labels independent."""
        probability = output.float().sigmoid()
        given = probability >= self.threshold
        return given.float(), torch.where(given, probability, 1 - probability).prod(1)

    def decode(self, output: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[dict[str, float], float]]:
        """``{label: probability}`` of the labels from the threshold on, likeliest first, and as :meth:`predict`."""
        sure = self.predict(output)[1].tolist()
        rows = output.float().sigmoid().tolist()
        given = [sorted(((p, name) for p, name in zip(row, classes, strict=True)), reverse=True) for row in rows]
        labels = [{name: p for p, name in each if p >= self.threshold} for each in given]
        return list(zip(labels, sure, strict=True))

    def keep(self, output: torch.Tensor) -> torch.Tensor:
        """The probabilities, float32 of shape (b, k)."""
        return output.float().sigmoid()

    def summary(self, kept: torch.Tensor | None, y: torch.Tensor, scores: dict[str, float]) -> dict[str, float]:
        """``mAP``, ``f1_macro`` and ``f1_micro``, of which larger is better, and ``mAP_error``, 1 - mAP.

        mAP is the mean over labels of the average precision (no interpolation); a label that no item of the split
        has is left out of it, as nothing can be ranked. F1 is taken at the threshold. An experiment compares its arms
        by a measure of which less is better: that is what ``mAP_error`` is for.
        """
        if kept is None or not len(y):
            return {}
        from sklearn.metrics import average_precision_score, f1_score

        probability, truth = kept.cpu().numpy(), (y > 0.5).cpu().numpy()
        present = truth.any(0)
        found = {}
        if present.any():
            found["mAP"] = float(average_precision_score(truth[:, present], probability[:, present], average="macro"))
            found["mAP_error"] = 1 - found["mAP"]
        for average in ("macro", "micro"):
            given = (probability >= self.threshold).astype(int)
            found[f"f1_{average}"] = float(f1_score(truth.astype(int), given, average=average, zero_division=0))
        return found

    def constant(self, train: torch.Tensor, test: torch.Tensor) -> dict[str, float]:
        """Each score's best constant in training, whatever the threshold.

        ``loss``, ``mAP`` and ``mAP_error``: every label by its share of the items. ``hamming_loss``: the labels that
        half of the items have. ``subset_error``: the commonest set of labels. ``f1_macro``: all labels. ``f1_micro``:
        the commonest labels, so many that it is largest.
        """
        share = train.double().mean(0)
        output = share.clamp(0.5 / max(1, len(train)), 1 - 0.5 / max(1, len(train))).logit().float()
        sets, counts = torch.unique(train, dim=0, return_counts=True)
        found = {
            "hamming_loss": float((test != (share >= 0.5)).double().mean()),
            "subset_error": float((test != sets[counts.argmax()]).any(1).double().mean()),
            "loss": float(self.loss(output.expand(len(test), -1), test)),
        }
        shares = dict.fromkeys(("mAP", "mAP_error"), output.sigmoid())
        given = {**shares, "f1_macro": torch.ones_like(output), "f1_micro": _commonest(share)}
        scores = {name: self.summary(each.expand(len(test), -1), test, found) for name, each in given.items()}
        return found | {name: each[name] for name, each in scores.items() if name in each}

    def describe(self, classes: tuple[str, ...]) -> list[Row]:
        """Rows for the table of settings."""
        return [
            ("target", "MultiLabel", f"{len(classes)} labels, any number of them an item"),
            ("head", f"{len(classes)} outputs", "one output a label, fresh weights from the init stream"),
            ("activation", "sigmoid", f"labels do not exclude each other; given from {self.threshold:g} on"),
            ("loss", "binary cross-entropy", "the loss of MultiLabel"),
            ("metric", "hamming_loss", "the first metric of MultiLabel: share of wrong labels"),
        ]

    def merged(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The log-odds of the mean probability of every label."""
        return mean_odds(outputs)

    def soft(self, y: Any, classes: int) -> torch.Tensor:
        """The targets as they are: 0 and 1 mix as probabilities do."""
        return torch.as_tensor(y, dtype=torch.float32)


def _commonest(share: torch.Tensor) -> torch.Tensor:
    """1 for the labels that give the largest F1 over all of them, if each item has all of these and no other.

    Args:
        share: of the items that have a label, (k,).
    """
    ordered, order = share.sort(descending=True, stable=True)
    # 2 x hits by given and true labels together, of the first 1, 2, ... of them, an item
    score = 2 * ordered.cumsum(0) / (torch.arange(1, len(share) + 1, device=share.device) + share.sum())
    given = torch.zeros_like(share, dtype=torch.float32)
    given[order[: int(score.argmax()) + 1]] = 1
    return given
