"""``wb inspect``: what a recorded run has learnt, as tables, figures, predictions and a file to take along."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.study.inspect import Opened

_ROWS = 20
_EXAMPLES = """\b
Examples:
  wb inspect 1a2b3c4d                          tables here, tables and figures beside the run and in MLflow
  wb inspect 1a2b3c4d --item 7                 the same, with the attention of item 7 of the split
  wb inspect 1a2b3c4d --predict photos/        answers for every picture of a folder
  wb inspect 1a2b3c4d --export network.onnx    the network with its preparation, checked against the live one"""


@click.command(epilog=_EXAMPLES)
@click.argument("run")
@click.option(
    "--predict",
    "given",
    metavar="ITEM",
    help="Answer for a file, a folder of pictures, a table, a row as JSON, or a text.",
)
@click.option("--views", is_flag=True, help="With --predict: see each picture several times, average the answers.")
@click.option("--export", "file", type=click.Path(path_type=Path), help="Write the network to a .pt2 or .onnx file.")
@click.option("--item", type=click.IntRange(0), help="Whose attention is shown: its position in the split, from 0.")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Write into this folder, and not to MLflow.")
def command(
    run: str, *, given: str | None, views: bool, file: Path | None, item: int | None, folder: Path | None
) -> None:
    """Open up the network of RUN: layers, activations, confusion, top losses, calibration, worst slices and more.

    RUN is the id of a run, ours or MLflow's, or the beginning of an id; `wb list STUDY` and `wb ui` show them. The
    learner is made again from the record, on the pinned data; its answers are held against the recorded ones. What
    is shown, answered or exported is kept beside the run and goes to MLflow as artifacts of the run.
    """
    from workbench.errors import UsageError
    from workbench.record.places import find_root, home
    from workbench.study.inspect import open_run, ship

    if views and given is None:
        raise UsageError("--views is for --predict, and goes with nothing else")
    if item is not None and (given is not None or file is not None):
        raise UsageError("--item is for attention, and goes with neither --predict nor --export")
    root = find_root(Path.cwd())
    opened = open_run(root, home(root), run, lambda text, done, total: None)
    click.echo(f"Run {opened.run.id}: {opened.run.experiment} · {opened.run.label}")
    for note in opened.notes:
        click.echo(note)
    place = folder or opened.folder
    if given is not None:
        kind = opened.interpretation.state.data.signature.kind
        _predict(opened, place, _given(given, kind), views=views)
    if file is not None:
        _export(opened, place, file)
    if given is None and file is None:
        _show(opened, place, item or 0)
    click.echo(f"\nWhole tables and files: {place.relative_to(root) if place.is_relative_to(root) else place}")
    if folder is None:
        click.echo(ship(home(root), opened))


def _predict(opened: Opened, place: Path, given: Any, *, views: bool) -> None:
    """Prints the answers and writes them whole; a file goes by its name there, since folders are a person's own."""
    from workbench.interpret.predict import Prediction, Predictions

    found = opened.interpretation.predict(given, views=views)
    click.echo(f"\n{found}")
    if isinstance(found, Prediction):
        name = given.name if isinstance(given, Path) else found.item
        found = Predictions((replace(found, item=name),))
    found.save(place, "predictions")


def _export(opened: Opened, place: Path, file: Path) -> None:
    """Writes the network where it is wanted, and a copy with the table of what it takes."""
    from workbench.data.archive import replacing

    exported = opened.interpretation.export(file)
    click.echo(f"\n{exported}")
    with file.open("rb") as written, replacing(place / file.name) as copy:
        shutil.copyfileobj(written, copy)
    replace(exported, path=Path(file.name)).save(place, "export")


def _show(opened: Opened, place: Path, item: int) -> None:
    """Prints every view, cut to what a screen holds, and writes it whole."""
    from workbench.interpret.view import DoesNotApply

    if agreement := opened.agreement():
        click.echo(agreement)
    left_out = []
    for name, view in opened.interpretation.views(item):
        if isinstance(view, DoesNotApply):
            left_out.append(f"{name}: {view.problem}")
        else:
            click.echo(f"\n{view.text(min(_ROWS, view.most))}")
            view.save(place, name)
    if left_out:
        click.echo("\nLeft out:\n  " + "\n  ".join(left_out))


def _given(text: str, kind: str) -> Any:
    """A path where there is one; of data whose items are rows a row as a JSON object; else the text itself."""
    import json
    import os

    from workbench.errors import UsageError

    if os.path.exists(text):  # not Path.exists(): it raises for a text that is too long for a file's name
        return Path(text)
    if kind not in ("table", "ratings") or not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"--predict: the row is no JSON ({error})",
            hint="Type: --predict '{\"column\": value, ...}', or name a file of rows",
        ) from error
