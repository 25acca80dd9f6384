"""``wb plan``: what a run would do, without doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.asking import asked, study_options
from workbench.cli.completion import experiment_names

if TYPE_CHECKING:
    from workbench.study.plan import Options
    from workbench.study.spec import Spec


@click.command(epilog="\b\nExamples:\n  wb plan bn_finetune\n  wb plan experiments/bn_finetune --full --device cpu")
@click.argument("experiment", shell_complete=experiment_names)
@study_options
@click.option("--jobs", type=click.IntRange(1), help="Runs at once that the time is estimated for.")
def command(experiment: str, jobs: int | None, **options: Any) -> None:
    """Show what `wb run EXPERIMENT` would do: arms x seeds, settings and why, what is recorded, how long it takes."""
    from workbench.study.executor import usual_jobs

    root, home, spec, wanted = asked(experiment, **options)
    show_plan(root, home, spec, wanted, jobs or usual_jobs(wanted.device), brief=False)


def show_plan(root: Path, home: Path, spec: Spec, options: Options, jobs: int, *, brief: bool) -> None:
    """Prints the plan; ``brief`` leaves out the table of settings."""
    from tabulate import tabulate

    from workbench.study.overview import overview

    found = overview(root, home, spec, options, jobs)
    click.echo(f"{spec.title}\n")
    click.echo(
        tabulate(
            found.arms, headers=["cell", "arm", "differs from its parent in", "runs", "recorded"], tablefmt="simple"
        )
    )
    for line in found.notes:
        click.echo(f"note: {line}")
    if found.settings and not brief:
        click.echo()
        show_settings(found.settings)
    click.echo(f"\n{found.line}")


def show_settings(settings: list[dict[str, Any]]) -> None:
    """Prints the table of setting / value / why."""
    from tabulate import tabulate

    rows = [(row["name"], row["value"], row["why"]) for row in settings]
    widths = [46, 24, 60]
    click.echo(tabulate(rows, headers=["setting", "value", "why"], tablefmt="simple", maxcolwidths=widths))
