"""``wb compare``: recorded studies side by side."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.completion import experiment_names

_EXAMPLES = """\b
Examples:
  wb compare bn_finetune                                  arms of its latest study
  wb compare bn_finetune --measure recalibrated/error     the same by another measure
  wb compare bn_finetune my_variant                       two experiments
  wb compare bn_finetune-full-3f bn_finetune-default-a1   two studies, by how their ids begin"""


@click.command(epilog=_EXAMPLES)
@click.argument("names", nargs=-1, required=True, metavar="EXPERIMENT|STUDY...", shell_complete=experiment_names)
@click.option("--measure", metavar="NAME", help="Compare this metric instead of the experiment's own.")
@click.option("--unpaired", is_flag=True, help="Compare arms that share no seeds, by Welch's t.")
def command(names: tuple[str, ...], measure: str | None, unpaired: bool) -> None:
    """Hold the arms of recorded EXPERIMENTs (their latest study) or STUDYs against each other.

    Arms are paired by seed. What is shown is exploratory: verdicts belong to the claims that a spec registers.
    """
    from workbench.record.places import find_root, home
    from workbench.study.compare import compare
    from workbench.study.report import when
    from workbench.study.table import tables

    studies, summary, notes = compare(home(find_root(Path.cwd())), names, measure=measure, unpaired=unpaired)
    for study in studies:
        click.echo(
            f"{study['id']}: {study['experiment']}, tier '{study.get('tier', '')}', {when(study.get('created'))}"
        )
    click.echo(f"\n{tables(summary)}", nl=False)
    for note in notes:
        click.echo(note)
