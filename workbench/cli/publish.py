"""``wb publish``: write the published results of an experiment, and refuse those that nobody could re-create."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from workbench.cli.completion import experiment_names

_EXAMPLES = """\b
Examples:
  wb publish bn_finetune                  every tier that has a finished study
  wb publish bn_finetune --tier full
  wb publish bn_finetune --latex          also paper/numbers.tex and paper/table.tex"""


@click.command(epilog=_EXAMPLES)
@click.argument("experiment", shell_complete=experiment_names)
@click.option("--tier", "tiers", multiple=True, help="Only this tier; may be repeated.")
@click.option("--latex", is_flag=True, help="Also write a macro for each number, and the tables, for a paper.")
def command(experiment: str, tiers: tuple[str, ...], latex: bool) -> None:
    """Write experiments/EXPERIMENT/results.json from the latest finished study of each tier.

    It holds every run's numbers, the claims, the commit, the data's pins and the environment, so that
    `wb reproduce` can hold a new run against them. Refused is what nobody could re-create: unfinished studies, runs
    that stopped with an error, and code, locked packages or data that cannot be had any more.
    """
    from workbench.record.places import find_root, home
    from workbench.study import latex as paper
    from workbench.study import published, recreatable
    from workbench.study.spec import find_spec

    root = find_root(Path.cwd())
    name, place = find_spec(root, experiment).parent.name, home(root)
    studies = _studies(place, name, tiers)
    said = {tier: recreatable.require(root, place, study) for tier, study in studies.items()}
    path = published.place(root, name)
    published.write(path, name, {tier: published.entry(place, study) for tier, study in studies.items()})
    written = [path]
    if latex:
        written += paper.write(path)
    for tier, study in studies.items():
        _tell(name, tier, study, said[tier])
    shown = " ".join(each.relative_to(root).as_posix() for each in written)
    click.echo(f"\nNext: git add {shown} && git commit -m 'Publish {name}'")
    click.echo("      wb verify")


def _studies(home: Path, name: str, tiers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """``{tier: study.json}``: the latest finished study of each tier that was asked for, else of every tier."""
    from workbench.errors import RecordError, UsageError, nearest
    from workbench.study import recreatable
    from workbench.study.compare import recorded

    all_ = [study for study in recorded(home) if Path(str(study["experiment"])).name == name]
    candidates = [study for study in all_ if recreatable.whole(study)]
    if not candidates:
        problem = "only parts of a tier are recorded (fewer cells, arms or seeds, or changed settings)"
        tier = f" --tier {shlex.quote(tiers[0])}" if tiers else ""
        raise RecordError(problem if all_ else "nothing is recorded", where=name, hint=f"Type: wb run {name}{tier}")
    finished = {study["tier"]: study for study in candidates if recreatable.finished(home, study)}
    latest = {study["tier"]: study for study in candidates}  # the latest stands last
    for tier in tiers:
        if tier not in latest:
            known = nearest(tier, latest)
            raise UsageError(f"no study of tier '{tier}' is recorded{known}", where=name,
                             hint=f"Type: wb run {name} --tier {tier}")  # fmt: skip
    wanted = dict.fromkeys(tiers or finished or latest)
    return {tier: finished.get(tier, latest[tier]) for tier in wanted}


def _tell(name: str, tier: str, study: Mapping[str, Any], said: Sequence[str]) -> None:
    from workbench.study.published import commit_of

    commit = commit_of(study)
    click.echo(f"{tier}: {study['id']}, {len({run['id'] for run in study['runs']})} runs")
    click.echo(f"  commit to cite: {commit}")
    click.echo(f"  to reproduce:   wb reproduce {commit[:12]} experiments/{name} --tier {shlex.quote(tier)}")
    for line in said:
        click.echo(f"  {line}")
