"""``wb sync``: send what the tracker missed while it was down or while a run was killed."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="\b\nExamples:\n  wb sync\n  MLFLOW_TRACKING_URI=http://tracker:5000 wb sync")
def command() -> None:
    """Send every record that MLflow does not have yet; harmless when repeated or interrupted."""
    from workbench.errors import RecordError
    from workbench.record.places import find_root, home, study_folders

    place = home(find_root(Path.cwd()))
    if not study_folders(place):
        click.echo("Nothing is recorded yet. To begin, type: wb run experiments/NAME")
        return
    from workbench.record.shipper import sync

    done = sync(place, click.echo)
    click.echo(f"{done.tracker} has {done.complete} complete records of {_count(done.studies, 'study', 'studies')}.")
    if done.points:
        click.echo(f"Sent now: {_count(done.points, 'metric point', 'metric points')}.")
    if done.closed:
        click.echo(f"Marked as killed: {_count(done.closed, 'run', 'runs')} whose folder is gone.")
    for name, why in done.kept.items():
        click.echo(f"Kept here: {name}: {why}", err=True)
    if done.kept:
        raise RecordError(
            f"{_count(len(done.kept), 'record', 'records')} could not be sent", hint="The lines above say why"
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
