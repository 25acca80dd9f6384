"""``wb inspect``: what a recorded run has learnt, as tables, figures, predictions and a file to take along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.study.inspect import Opened

_ROWS = 20
_EXAMPLES = """\b
Examples:
  wb inspect 1a2b3c4d                          tables here, tables and figures beside the run and in MLflow
  wb inspect 1a2b3c4d --predict photos/        answers for every picture of a folder
  wb inspect 1a2b3c4d --export network.onnx    the network with its preparation, checked against the live one"""


@click.command(epilog=_EXAMPLES)
@click.argument("run")
@click.option("--predict", "item", metavar="ITEM", help="Answer for a file, a folder of pictures, a table or a text.")
@click.option("--export", "file", type=click.Path(path_type=Path), help="Write the network to a .pt2 or .onnx file.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Write into this folder, and not to MLflow.")
def command(run: str, item: str | None, file: Path | None, folder: Path | None) -> None:
    """Open up the network of RUN: layers, activations, confusion, top losses, calibration, worst slices and more.

    RUN is the id of a run, ours or MLflow's, or the beginning of an id; `wb list STUDY` and `wb ui` show them. The
    learner is made again from the record, on the pinned data; its answers are held against the recorded ones.
    """
    from workbench.errors import UsageError
    from workbench.record.places import find_root, home
    from workbench.study.inspect import open_run, ship

    if folder is not None and (item is not None or file is not None):
        raise UsageError("--to is for tables and figures, and goes with neither --predict nor --export")
    root = find_root(Path.cwd())
    opened = open_run(root, home(root), run, lambda text, done, total: None)
    click.echo(f"Run {opened.run.id}: {opened.run.experiment} · {opened.run.label}")
    for note in opened.notes:
        click.echo(note)
    if item is not None:
        click.echo(f"\n{opened.interpretation.predict(_item(item))}")
    if file is not None:
        click.echo(f"\n{opened.interpretation.export(file)}")
    if item is None and file is None:
        place = folder or opened.folder
        _show(opened, place)
        click.echo(f"\nFigures and whole tables: {place.relative_to(root) if place.is_relative_to(root) else place}")
        if folder is None:
            click.echo(ship(home(root), opened))


def _show(opened: Opened, place: Path) -> None:
    """Prints every view, cut to what a screen holds, and writes it whole."""
    from workbench.interpret.view import DoesNotApply

    if agreement := opened.agreement():
        click.echo(agreement)
    left_out = []
    for name, view in opened.interpretation.views():
        if isinstance(view, DoesNotApply):
            left_out.append(f"{name}: {view.problem}")
        else:
            click.echo(f"\n{view.text(min(_ROWS, view.most))}")
            view.save(place, name)
    if left_out:
        click.echo("\nLeft out:\n  " + "\n  ".join(left_out))


def _item(text: str) -> Any:
    """A path where there is one, a row where it is a JSON object, else the text itself."""
    import json

    if Path(text).exists():
        return Path(text)
    return json.loads(text) if text.lstrip().startswith("{") else text
