"""``wb diff``: what differs between two recorded runs, and why."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="\b\nExamples:\n  wb diff 1a2b3c4d 5e6f7a8b\n  wb diff 1a2b3c4d e9d8c7b6a5f4e3d2c1b0a9f8e7d6c5b4")
@click.argument("first")
@click.argument("second")
def command(first: str, second: str) -> int:
    """Hold two runs against each other: causes (code, params, data, environment, hardware class), then effects.

    FIRST and SECOND are ids of runs, ours or MLflow's, or the beginnings of ids; `wb list EXPERIMENT` and `wb ui` show
    them. The exit code is 0 when nothing that came out differs, 1 when something does, 2 for what is no run.
    """
    from workbench.record.git import Repository
    from workbench.record.places import find_root, home
    from workbench.record.revisions import changed_between
    from workbench.study.difference import difference, lines

    root = find_root(Path.cwd())
    repository = Repository.find(root)
    found = difference(
        root, home(root), first, second, lambda one, other: changed_between(repository, one, other, "workbench")
    )
    for line in lines(found):
        click.echo(line)
    return 0 if found.effect.identical else 1
