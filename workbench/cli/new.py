"""``wb new``: an experiment's folder with a spec that runs at once."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

import click

_SPEC = '''"""{title}: write the question here. As it stands: does a network learn worse without batch normalisation?"""

from workbench import Claim, Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class Baseline(Learner):
    """The network with batch normalisation."""

    data = ImageArrays("data/mnist.npz", train=500)
    model = Network("resnet8")
    fit = OneCycle(epochs=4, batch=32, lr=3e-3)


class WithoutNorm(Baseline):
    """Without normalisation the same network learns worse in the same time."""

    model = Baseline.model.but(norm=Norm(kind="none"))


experiment = Experiment(
    baseline=Baseline,
    arms=[WithoutNorm],
    seeds=6,
    claims=[Claim.ratio(WithoutNorm, Baseline, at_least=1.2, why="the first line's question, before any run")],
)
'''

_README = """# {title}

**Question.** What one thing changes, and what do you expect? Write it here before the first run.

**Source.** The paper, issue or observation that it comes from.

**Run it.** `wb run experiments/{name} --smoke` first, then `wb run experiments/{name}`.

**How to read the result.** Which arm is held against which, by which measure, and what size of difference matters.

**What it does not show.** One data set, one network: say what would have to be tried before claiming more.
"""

_READS = ("data/mnist.npz",)


@click.command(epilog="\b\nExample:\n  wb new label_smoothing")
@click.argument("name")
def command(name: str) -> None:
    """Begin the experiment NAME: experiments/NAME with a spec that runs at once, a README, and a stage in dvc.yaml."""
    from workbench.record.places import find_root
    from workbench.study.stages import add_stage, stage_for

    root = find_root(Path.cwd())
    name = name.removeprefix("experiments/").rstrip("/")
    check_name(name)
    folder = root / "experiments" / name
    refuse_existing(folder)
    write(folder)
    add_stage(root, name, stage_for(root, name, _READS))
    place = Path(os.path.relpath(folder)).as_posix()
    click.echo(f"{place}/spec.py    the question, its arms and its claim: edit it")
    click.echo(f"{place}/README.md  what it asks and how to read the answer")
    click.echo(f"dvc.yaml    has the new stage {name}: commit it with the folder")
    click.echo(f"\nNext: wb check {place}, then wb run {place} --smoke")


def check_name(name: str) -> None:
    """Refuse a name that is not lower-case letters, digits and underscores, with the nearest one that is."""
    from workbench.errors import UsageError

    if re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name):
        return
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    plain = re.sub(r"^(?=[0-9])", "try_", plain)[:60] or "my_question"
    raise UsageError(
        f"'{name}' cannot name an experiment: a name is lower-case letters, digits and underscores, a letter first",
        hint=f"Type: wb new {plain}",
    )


def refuse_existing(folder: Path) -> None:
    """Refuse a folder that is there already, with the next free name."""
    from workbench.errors import UsageError

    if not folder.exists():
        return
    stem = re.sub(r"_\d+$", "", folder.name)
    free = next(f"{stem}_{number}" for number in range(2, 10_000) if not (folder.parent / f"{stem}_{number}").exists())
    raise UsageError(
        f"experiments/{folder.name} is there already",
        hint=f"Edit experiments/{folder.name}/spec.py, or type: wb new {free}",
    )


def write(folder: Path) -> None:
    """Make the whole folder at once: a half-written experiment is never seen."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    words = {"name": folder.name, "title": folder.name.replace("_", " ").capitalize()}
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        temporary.chmod(0o755)
        (temporary / "spec.py").write_text(_SPEC.format(**words))
        (temporary / "README.md").write_text(_README.format(**words))
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
