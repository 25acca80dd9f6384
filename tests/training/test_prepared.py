"""What lies beside a run's weights is enough to encode, prepare and name again."""

import json
from pathlib import Path

import torch

from workbench import Learner
from workbench.data.encoding import restored
from workbench.training.prepared import weights_meta


def test_the_values_beside_the_weights_are_plain_and_restore_the_encoder(bars: type[Learner], pictures: Path) -> None:
    learner = bars(root=pictures)
    state = learner.begin()
    meta = json.loads(json.dumps(weights_meta(learner, state)))
    how = learner.expects
    assert (meta["arch"], meta["channels"]) == ("resnet8", how.signature.channels)
    assert meta["classes"] == list(state.data.classes) and meta["target"]["part"] == "SingleLabel"
    picture = state.data.test.inputs[:1]
    encoder = restored(meta["encoder"]["class"], meta["encoder"]["values"])
    again = encoder.encode([how.encoder.show(picture, 0)])
    assert torch.equal(again, picture)
