"""What one process of several does in the tests of distributed training, and what one alone does beside it.

Run by the tests as torchrun runs a program: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are in the environment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.training.conftest import Bars
from workbench import Callback, Norm
from workbench.errors import WorkbenchError
from workbench.training.averaging import Averaging
from workbench.training.checkpoint import save_weights
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


ARMS: dict[str, type[Bars]] = {
    "uneven": Grouped,
    "micro": Grouped.but(fit__micro=7),
    "adamw": Grouped.but(fit__optimizer="adamw", fit__lr=1e-4),
    "one item left": Grouped.but(fit__batch=239),
    "running": Grouped.but(model__norm=Norm(stats="running")),
    "watched": Watched,
    "auto": Grouped.but(fit__lr="auto"),
}


def outcome(arm: type[Bars], root: Path, path: Path) -> dict[str, Any]:
    """Numbers of a run, its weights beside them."""
    learner = arm(0, root=root, device="cpu")
    result = learner.run()
    save_weights(path, result.model, {})
    return {
        "losses": [(point.step, point.value) for point in result.history if point.key == "train/loss"],
        "metrics": result.metrics,
        "first": learner.ranks.first,
        "lr": learner.recipe.lr,
    }


def main(root: Path, out: Path, rank: str) -> None:
    """Every arm, and one that is refused."""
    found: dict[str, Any] = {name: outcome(arm, root, out / f"{name}-{rank}.safetensors") for name, arm in ARMS.items()}
    try:
        Bars(0, root=root, device="cpu").run()
    except WorkbenchError as error:
        found["refused"] = str(error)
    (out / f"{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
