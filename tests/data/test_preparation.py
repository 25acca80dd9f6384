"""What is stored goes in as it is, unless the data say otherwise."""

import torch

from workbench.data.loading import Batch
from workbench.data.preparation import AsStored


def test_nothing_is_done_to_it() -> None:
    batch = Batch(torch.arange(3), torch.arange(3), torch.arange(3))
    kept = AsStored()
    assert kept(batch, training=True, seed=0, epoch=0, progress=0.5) is batch.x
    assert kept.describe() == {} and kept.rows() == []
