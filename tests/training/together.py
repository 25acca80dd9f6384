"""What one process of several does in the tests of distributed training, and what one alone does beside it.

The tests have torchrun start it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sklearn.datasets import load_wine

from tests.training.conftest import Bars
from workbench import Callback, Learner, Norm, OneCycle, Table, TabularNetwork
from workbench.training.averaging import Averaging
from workbench.training.checkpoint import save_checkpoint, save_weights, weights_hash
from workbench.training.state import State
from workbench.training.stopping import EarlyStop


class Grouped(Bars):
    """Nothing in it depends on the rest of the batch; pieces that do not come out even."""

    model = Bars.model.but(norm=Norm(kind="group"))
    fit = Bars.fit.but(epochs=1, batch=49, lr=1e-3, optimizer="sgd", clip=0.5)


class Watched(Grouped):
    """With all that reads numbers."""

    fit = Grouped.fit.but(epochs=3)
    validate = "epoch"

    def callbacks(self) -> Sequence[Callback]:
        return [Averaging(decay=0.5), EarlyStop(patience=1, min_delta=0.5)]


class Ordinary(Bars):
    """The network that is taken where nothing was said: every item is normalised by all of its batch."""

    model = "auto"
    fit = OneCycle(epochs=2, batch=49, lr=1e-3, optimizer="sgd")


class Wine(Learner):
    """The default for tables, without its dropout: 142 wines, of which 3 are left at the end of an epoch."""

    data = Table.of(load_wine(as_frame=True).frame, "target")
    model = TabularNetwork(dropout=0.0)
    fit = OneCycle(epochs=4, batch=139, lr=1e-2, optimizer="sgd")


ARMS: dict[str, type[Learner]] = {
    "uneven": Grouped,
    "micro": Grouped.but(fit__micro=7),
    "adamw": Grouped.but(fit__optimizer="adamw", fit__lr=1e-4),
    "one item left": Grouped.but(fit__batch=239),
    "running": Grouped.but(model__norm=Norm(stats="running")),
    "watched": Watched,
    "ordinary": Ordinary,
    "ordinary, one item left": Ordinary.but(fit__batch=239),
    "ordinary, in pieces": Ordinary.but(fit__micro=8),
    "ordinary, recalibrated": Ordinary.but(recalibrate="after", fit__epochs=1),
    "statistics that stay": Bars.but(model__norm=Norm(stats="batch", affine=False), fit=Ordinary.fit),
    "table": Wine,
    "auto": Grouped.but(fit__lr="auto"),
}


def outcome(arm: type[Learner], root: Path, path: Path) -> dict[str, Any]:
    """Numbers of a run, its weights beside them."""
    learner = arm(0, root=root, device="cpu")
    result = learner.run()
    save_weights(path, result.model, {})
    return {
        "losses": [(point.step, point.value) for point in result.history if point.key == "train/loss"],
        "metrics": result.metrics,
        "first": learner.ranks.first,
        "lr": learner.recipe.lr,
        "hash": weights_hash(result.model),
    }


class Stops(Callback):
    """Process 0 writes a checkpoint in mid-epoch, and both end there as by a kill."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def step_end(self, state: State) -> None:
        """After the sixth step, in the second epoch."""
        if state.step == 6:
            if state.learner.ranks.first:
                save_checkpoint(self.path, state)
            state.learner.ranks.agree(None)  # waits until it is written
            raise SystemExit


def resumed(arm: type[Learner], root: Path, out: Path, rank: str) -> Any:
    """The hash of the weights of a run that was taken up again."""
    path = out / f"checkpoint-{'alone' if rank == 'alone' else 'both'}.safetensors"
    try:
        arm(0, root=root, device="cpu").run(callbacks=[Stops(path)])
    except SystemExit:
        return weights_hash(arm(0, root=root, device="cpu").run(resume=path).model)


def main(root: Path, out: Path, rank: str) -> None:
    """Every arm, and one that is taken up again."""
    found: dict[str, Any] = {name: outcome(arm, root, out / f"{name}-{rank}.safetensors") for name, arm in ARMS.items()}
    found["resumed"] = resumed(Watched, root, out, rank)
    (out / f"{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), os.environ["RANK"])
