"""From what is stored to what the network sees: one preparation a run, the same for every split."""

from __future__ import annotations

import abc
from typing import Any

from workbench.data.loading import Batch
from workbench.data.targets.base import Row


class Preparation(abc.ABC):
    """What is done to every batch, on the device."""

    @abc.abstractmethod
    def __call__(self, batch: Batch, *, training: bool, seed: int, epoch: int, progress: float) -> Any:
        """The network's input.

        Args:
            training: whether to augment, and to hand the targets in where the network is fed them.
            seed: ``seeds.augment``; what is drawn belongs to (seed, epoch, item).
            epoch: every epoch draws anew.
            progress: share of the run's steps already done, in [0, 1].
        """

    def describe(self) -> dict[str, Any]:
        """Plain JSON values that a run's weights file keeps, so that new items are prepared alike."""
        return {}

    def rows(self) -> list[Row]:
        """What it does, for the table of settings."""
        return []


class AsStored(Preparation):
    """What is stored goes in as it is."""

    def __call__(self, batch: Batch, *, training: bool, seed: int, epoch: int, progress: float) -> Any:
        """``batch.x``."""
        return batch.x
