"""Do mixed pictures and smoothed labels help a small network that learns for seconds: its errors, or its confidences?

Three regularisers that papers report from hundreds of epochs, each against plain cross-entropy. The cells are two
lengths of the same run, the second four times the first, to see which way the differences go. README.md says more.
"""

from typing import Any

import torch

from workbench import Cell, Choice, Claim, Experiment, ImageArrays, Learner, Mix, Network, OneCycle, SingleLabel, Tier


class Judged(SingleLabel):
    """One of k classes, whose probabilities are judged too, not only the likeliest class."""

    def metrics(self, output: torch.Tensor, y: Any) -> dict[str, torch.Tensor]:
        """``loss`` is the negative log likelihood in nats; ``brier``: the squared distance of the k probabilities
        from the truth, 0 to 2 (Brier 1950)."""
        off = output.float().softmax(dim=1) - (self.soft(y, output.shape[1]) if y.ndim == 1 else y)
        return super().metrics(output, y) | {"brier": off.square().sum(dim=1)}

    def keep(self, output: torch.Tensor) -> torch.Tensor:
        """The probabilities."""
        return output.float().softmax(dim=1)

    def summary(self, kept: torch.Tensor | None, y: Any, scores: dict[str, float]) -> dict[str, float]:
        """``calibration_error``: the expected one, the mean over bins of |share right - mean confidence|;
        ``confidence``: the mean probability of the likeliest class."""
        if kept is None:
            return {}
        sure, answer = kept.double().max(dim=1)
        return {"calibration_error": calibration_error(sure, answer == y), "confidence": float(sure.mean())}


def calibration_error(sure: torch.Tensor, right: torch.Tensor, bins: int = 15) -> float:
    """Naeini et al. 2015, with bins of equal mass: most bins of equal width are empty for a confident network."""
    order = sure.argsort(stable=True)
    gaps = (right.double() - sure)[order].tensor_split(min(bins, len(sure)))
    return float(sum(gap.sum().abs() for gap in gaps)) / len(sure)


class Plain(Learner):
    """Cross-entropy, nothing mixed, nothing smoothed."""

    data = ImageArrays("data/fashion_mnist.npz", train=2_000, target=Judged())
    model = Network("resnet8")
    fit = OneCycle(epochs=5, batch=32, lr=1e-2)


class Mixup(Plain):
    """Pairs of pictures and their labels are blended, mostly a little (Zhang et al. 2018)."""

    fit = Plain.fit.but(mix=Mix(mixup=0.2))


class CutMix(Plain):
    """A box of one picture is pasted into another, and the label counts by area (Yun et al. 2019)."""

    fit = Plain.fit.but(mix=Mix(cutmix=1.0))


class Smoothing(Plain):
    """The true class is to get 0.91, each of the nine others 0.01 (Szegedy et al. 2016)."""

    fit = Plain.fit.but(smoothing=0.1)


short = Cell("short", about="5 epochs: the length at which papers' gains are not expected")
long = Cell(
    "long",
    about="20 epochs: four times as many, of the same 2,000 pictures",
    grid=[3e-3, 1e-2],
    fit__epochs=20,
)


def either_way(arm: type[Learner], cell: str, name: str, why: str, *, by: float = 0.003, of: str = "error") -> Claim:
    """A two-sided claim against plain cross-entropy."""
    return Claim.differs(arm, Plain, by=by, cell=cell, measure=f"test/{of}", name=name, why=why)


minutes_scale = "its gains are from hundreds of epochs; at this length nothing or harm is as likely"
trend = "one run an arm on validation pictures at 32 epochs: "
claims = [
    either_way(Mixup, "short", "S1", minutes_scale),
    either_way(CutMix, "short", "S2", minutes_scale),
    either_way(Smoothing, "short", "S3", minutes_scale),
    either_way(Mixup, "long", "L1", trend + "about a point lower"),
    either_way(CutMix, "long", "L2", trend + "about two points lower"),
    either_way(Smoothing, "long", "L3", trend + "no clear difference"),
    either_way(Smoothing, "short", "K1", "Müller et al. 2019: better calibrated; in the prototype too unsure",
               by=0.01, of="calibration_error"),
    either_way(Smoothing, "long", "K2", "Müller et al. 2019: better calibrated", by=0.01, of="calibration_error"),
    either_way(Mixup, "long", "K3", "Thulasidasan et al. 2019: better calibrated", by=0.01, of="calibration_error"),
]  # fmt: skip

experiment = Experiment(
    baseline=Plain,
    arms=[Mixup, CutMix, Smoothing],
    seeds=10,
    first_seed=100,
    cells=[short, long],
    claims=claims,
    choose=Choice(field="fit__lr", values=[3e-3, 1e-2, 3e-2], seeds=2),
    tiers={
        "smoke": Tier(
            cells=[short], arms=[CutMix, Smoothing], seeds=1, changes={"fit__epochs": 1}, choosing=False, minutes=0.5
        ),
        "default": Tier(cells=[short], seeds=3, minutes=2),
        "full": Tier(minutes=12),
        "gpu": Tier(
            cells=[short],
            changes={"data__train": None, "model__arch": "resnet20", "fit__epochs": 200, "fit__batch": 128},
        ),
    },
)
