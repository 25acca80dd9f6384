"""``wb data``: what the data files are, where they came from, and making them be what their pins say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workbench.record.pins import Pin


def data_paths(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The pinned paths that begin like ``incomplete``, for the shell's completion."""
    from workbench.errors import WorkbenchError
    from workbench.record.pins import read_pins
    from workbench.record.places import find_root

    try:
        pins = read_pins(find_root(Path.cwd()))
    except WorkbenchError:
        return []
    return [path for path in pins if path.startswith(incomplete)]


_PATHS = click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=data_paths)
_SOME_PATHS = click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=data_paths)


@click.group(epilog="\b\nExamples:\n  wb data status\n  wb data pull data/mnist.npz")
def command() -> None:
    """Status, pull, pin, restore and verify the data sets that data.dvc pins."""


@command.command(epilog="\b\nExample:\n  wb data status")
def status() -> None:
    """Show every pinned file: its size, its state, what it holds."""
    from workbench.data.sources import SOURCES
    from workbench.record.pins import state

    root, pins = _project()
    rows = []
    for pin in pins.values():
        source = SOURCES.get(pin.path)
        kind = "optional: " * bool(source and source.optional) + "never pushed: " * (not pin.push)
        note = kind + (source.about if source else "no source known")
        rows.append([pin.path, _size(pin.size), state(root, pin), pin.md5[:8], note])
    for path, source in SOURCES.items():
        if path not in pins:
            rows.append([path, "", "not pinned", "", source.about])
    _table(rows, ["file", "size", "state", "md5", "holds"])
    states = {row[2] for row in rows}
    if "missing" in states:
        click.echo(
            "\nTo get what is missing, type: wb data pull, and for an optional file: wb data pull PATH "
            "(a run gets what it reads by itself)"
        )
    if "changed" in states:
        click.echo(
            "\nTo accept what changed, type: wb data pin PATH; to get the pinned file back: wb data restore PATH"
        )


@command.command(epilog="\b\nExamples:\n  wb data pull\n  wb data pull data/grocery.zip data/mobilenet_v2.pth")
@_PATHS
def pull(paths: tuple[str, ...]) -> None:
    """Get the files at PATHS, or every pinned one that is not optional: from DVC's cache or remote, else its source."""
    from workbench.data.sources import SOURCES
    from workbench.errors import DataError, WorkbenchError
    from workbench.study.materials import ensure

    root, pins = _project()
    chosen = [_inside(root, path) for path in paths] or [
        path for path in pins if path not in SOURCES or not SOURCES[path].optional
    ]
    failures = []
    with _Progress() as progress:
        for path in chosen:
            try:
                ensure(root, [path], progress)
                progress.line(f"{path} ok")
            except WorkbenchError as error:
                failures.append(path)
                if len(chosen) == 1:
                    raise
                progress.line(str(error))
    if failures:
        raise DataError(f"{len(failures)} of {len(chosen)} files are not what they should be",
                        where=", ".join(failures), hint="Type: wb data status")  # fmt: skip


@command.command(epilog="\b\nExample:\n  wb data pin data/mnist.npz && git commit -m 'New digits' data.dvc")
@_SOME_PATHS
def pin(paths: tuple[str, ...]) -> None:
    """Make the files at PATHS, as they are now, the pinned versions."""
    from workbench.study import materials

    root, _ = _project()
    rows = []
    with _Progress() as progress:
        for path in (_inside(root, typed) for typed in paths):
            before, after = materials.pin(root, path, progress)
            rows.append([path, (before or "not pinned")[:10], after[:8], "as before" if before == after else "new"])
    _table(rows, ["file", "was", "is", ""])
    if any(row[-1] == "new" for row in rows):
        click.echo("\nTo record it, type: git add data.dvc && git commit")


@command.command(epilog="\b\nExample:\n  wb data restore data/mnist.npz")
@_SOME_PATHS
@click.option("--force", is_flag=True, help="Delete a file that differs, instead of moving it aside.")
def restore(paths: tuple[str, ...], force: bool) -> None:
    """Get the pinned versions of PATHS back; what differs is moved aside, not deleted."""
    from workbench.study import materials

    root, _ = _project()
    with _Progress() as progress:
        for path in (_inside(root, typed) for typed in paths):
            aside = materials.restore(root, path, progress, force=force)
            kept = f"; what was there is now {aside.relative_to(root)}" if aside else ""
            progress.line(f"{path} is the pinned version{kept}")


@command.command(epilog="\b\nExample:\n  wb data verify && wb run experiments/bn_finetune")
def verify() -> None:
    """Hash every pinned file that is here again; exit code 1 if one differs."""
    from workbench.errors import DataError
    from workbench.record.pins import state

    root, pins = _project()
    with _Progress() as progress:
        states = {}
        for path, pin in pins.items():
            if (root / path).exists():
                progress(f"hashing {path}", 0, pin.size)
            states[path] = state(root, pin, fresh=True)
    _table([[path, _size(pins[path].size), states[path], pins[path].md5] for path in pins],
           ["file", "size", "state", "md5"])  # fmt: skip
    changed = [path for path, found in states.items() if found == "changed"]
    if changed:
        raise DataError("not what data.dvc pins", where=", ".join(changed),
                        hint=f"To accept it, type: wb data pin {changed[0]}; "
                        f"to get the pinned one back: wb data restore {changed[0]}")  # fmt: skip


class _Progress:
    """Progress on stderr: redrawn in place on a terminal, each new text once elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = ""

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._clear()

    def __call__(self, text: str, done: int, total: int) -> None:
        """``report(text, done, total)`` of the sources."""
        if self._live:
            amount = f" {_size(done)} of {_size(total)}" if done and total else f" ({_size(total)})" if total else ""
            click.echo(f"\r\x1b[2K{(text + amount)[:100]}", err=True, nl=False)
        elif text != self._last:
            click.echo(text + (f" ({_size(total)})" if total else ""), err=True)
        self._last = text

    def line(self, text: str) -> None:
        """One line that stays, on stdout."""
        self._clear()
        click.echo(text)

    def _clear(self) -> None:
        if self._live and self._last:
            click.echo("\r\x1b[2K", err=True, nl=False)
        self._last = ""


def _project() -> tuple[Path, dict[str, Pin]]:
    from workbench.record.pins import read_pins
    from workbench.record.places import find_root

    root = find_root(Path.cwd())
    return root, read_pins(root)


def _inside(root: Path, typed: str) -> str:
    """The project path of what was typed, which is seen from the working folder or from the root."""
    from workbench.errors import UsageError

    for base in (Path.cwd(), root):
        place = Path(os.path.normpath(base / typed))
        if place.is_relative_to(root) and (place.exists() or base == root):
            return place.relative_to(root).as_posix()
    raise UsageError("is outside the project", where=typed, hint=f"Data files stand under {root}")


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size:,} B"


def _table(rows: Iterable[Sequence[str]], headers: Sequence[str]) -> None:
    from tabulate import tabulate

    click.echo(tabulate(rows, headers=headers, disable_numparse=True))
