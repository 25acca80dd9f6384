"""Published results for tests: of a study made of files, and of one that was really run."""

import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.project import Project, read, runner
from workbench.study import published
from workbench.study.outcomes import load
from workbench.study.summary import summarise

QUICK = '''"""Does normalising matter to a tiny network?"""

from workbench import Claim, Experiment, ImageArrays, Learner, Network, Norm, OneCycle, Tier


class Base(Learner):
    """Normalises by the batch."""

    data = ImageArrays("data/small.npz", train=64)
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=1, batch=32, lr=1e-2)


class Plain(Base):
    """Does not normalise."""

    model = Base.model.but(norm=Norm(kind="none"))


experiment = Experiment(
    baseline=Base,
    arms=[Plain],
    seeds=2,
    claims=[Claim.ratio(Plain, Base, at_least=1.0, name="C1", why="a test's guess")],
    tiers={"smoke": Tier(seeds=1)},
)
'''


def run_quick(project: Project) -> dict[str, Any]:
    """Commits experiments/quick and a lock, runs its default tier, and returns its study.json."""
    project.spec("quick", QUICK)
    (project.root / "requirements.txt").write_text(f"click=={importlib.metadata.version('click')}\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "an experiment")
    return read(runner(project, "quick").run().folder / "study.json")


def content(home: Path, study: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The results.json, as read, of a study that ``make_study`` wrote, with what it leaves out filled in.

    It is kept at ``home/experiments/demo/results.json``; ``more`` are other values in study.json.
    """
    environment = {"class": "torch 2, a processor", "level": "seeded", "deviations": {}}
    whole = {
        "identity": "1" * 64, "options": {}, "library": "2" * 64, "device": "cpu", "threads": 1, "lock": "3" * 64,
        "pins": {"data/mnist.npz": "abc"}, "environment": environment, "left_out": {}, "reproduces": "",
        **study, "experiment": "demo", "created": 1795463868953, **more,
    }  # fmt: skip
    whole["runs"] = [{**run, "experiment": "demo"} for run in study["runs"]]
    shared = {"fields": {"fit.lr": 0.001}, "stages": {}, "level": "seeded", "library": "2" * 64, "threads": 1}
    for run in whole["runs"]:
        path = home / "runs" / run["id"] / "run.json"
        path.write_text(json.dumps({**shared, **read(path), "identity": run["id"] * 4, "sources": {}}))
    folder = home / "studies" / whole["id"]
    (folder / "study.json").write_text(json.dumps(whole))
    (folder / "result.json").write_text(json.dumps(summarise(whole, load(home, whole))))
    place = published.place(home, "demo")
    published.write(place, "demo", {whole["tier"]: published.entry(home, whole)})
    return published.read(place)
