"""The learner that the tests of the audit plant their bugs in: real digits, and everything as it should be."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from workbench import Augment, ImageArrays, Learner, Network, OneCycle, Seeds
from workbench.data.items import Datasets, Items
from workbench.training.audit import Finding, Findings, audit

ROOT = Path(__file__).resolve().parent.parent.parent


class Digits(Learner):
    """A small clean learner."""

    data = ImageArrays("data/mnist.npz", train=600, test=500, augment=Augment(shift=0.1, rotate=10))
    model = Network("resnet8", width=4)
    fit = OneCycle(epochs=1, batch=32, lr=1e-2)


class Planted(ImageArrays):
    """Digits whose data sets a subclass spoils."""

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """The data sets, spoilt."""
        return self.spoil(super().load(seeds, root, choosing=choosing))

    def spoil(self, data: Datasets) -> Datasets:
        """What a subclass plants."""
        return data


def digits(part: type[Planted]) -> type[Digits]:
    """The learner on spoilt digits."""
    return Digits.but(data=part("data/mnist.npz", train=600, test=500, augment=Digits.data.augment))


def joined(*pieces: Items) -> Items:
    """Pictures of several items one after the other."""
    return Items(
        torch.cat([each.inputs for each in pieces]),
        torch.cat([each.targets for each in pieces]),
        tuple(key for each in pieces for key in each.keys),
    )


def looked(cls: type[Learner], **options: Any) -> Findings:
    """The audit of a learner on this project's data."""
    return audit(cls(0, device="cpu", root=ROOT), **options)


def found(cls: type[Learner], name: str) -> Finding:
    """The worst finding of one check."""
    order = {"wrong": 0, "note": 1, "ok": 2}
    return min((each for each in looked(cls) if each.name == name), key=lambda each: order[each.state])


def replaced(data: Datasets, **changes: Any) -> Datasets:
    """The data sets with some fields changed."""
    return dataclasses.replace(data, **changes)
