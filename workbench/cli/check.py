"""``wb check``: what is wrong with an experiment before anything is trained."""

from __future__ import annotations

from typing import Any

import click

from workbench.cli.asking import asked, study_options
from workbench.cli.completion import experiment_names


@click.command(epilog="\b\nExamples:\n  wb check bn_finetune\n  wb check experiments/bn_finetune --full")
@click.argument("experiment", shell_complete=experiment_names)
@study_options
def command(experiment: str, **options: Any) -> int:
    """Check the spec, the data and the claims of EXPERIMENT without training.

    Exit code 1: data or machine are not ready. Exit code 2: the spec itself is wrong, e.g. it does not load, an arm
    equals another, or a claim is about an arm that is not there.
    """
    from tabulate import tabulate

    from workbench.study.checks import check

    root, home, spec, wanted = asked(experiment, **options)
    rows = check(root, home, spec, wanted)
    marks = {
        "ok": click.style("ok", fg="green"),
        "note": click.style("note", fg="yellow"),
        "wrong": click.style("wrong", fg="red"),
    }
    shown = [(marks[row.state], row.what, row.text) for row in rows]
    click.echo(tabulate(shown, headers=["", "what", "found"], tablefmt="simple", maxcolwidths=[None, 30, 80]))
    return int(any(row.state == "wrong" for row in rows))
