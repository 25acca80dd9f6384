"""``wb gc``: remove what no kept run needs, after listing it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workbench.study.garbage import Garbage

_LISTED = 5  # things of one kind and reason that get a line each


@click.command(epilog="\b\nExamples:\n  wb gc\n  wb gc --study tiny-smoke-0a1b2c3d --yes")
@click.option("--study", "studies", multiple=True, metavar="ID", help="Do not keep this study; may be repeated.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
def command(studies: tuple[str, ...], yes: bool) -> None:
    """List what no kept run needs (runs, worktrees, environments, refs, checkpoints, old logs), and remove it.

    Every study is kept unless it is named. What a running process holds is left alone, and so is MLflow's own store.
    Commits that others shared come back with wb share --fetch.
    """
    from workbench.record.places import find_root, home
    from workbench.study import garbage

    root = find_root(Path.cwd())
    place = home(root)
    found = garbage.find(root, place, studies)
    if not found:
        click.echo("Nothing to remove: every run, commit and environment here is needed.")
        return
    _show(found, place)
    if not _agreed(yes):
        return
    gone = []
    for item in found:
        why = garbage.remove(root, place, item)
        if why:
            click.echo(f"kept: {item.kind} {item.name}: {why}", err=True)
        else:
            gone.append(item)
    click.echo(f"Removed {len(gone)} of {len(found)}, {_amount(sum(item.size for item in gone))}.")


def _agreed(yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        click.echo("Nothing was removed, since nobody can be asked here. To remove it, add: --yes")
        return False
    if click.confirm("Remove all of this?", default=False):
        return True
    click.echo("Nothing was removed.")
    return False


def _show(found: list[Garbage], place: Path) -> None:
    from tabulate import tabulate

    groups: dict[tuple[str, str], list[Garbage]] = {}
    for item in found:
        groups.setdefault((item.kind, item.why), []).append(item)
    rows = []
    for (kind, why), items in groups.items():
        if len(items) > _LISTED:
            more = f"{items[0].name}, {items[1].name} and {len(items) - 2} more"
            rows.append([kind, more, _amount(sum(item.size for item in items)), why])
        else:
            rows += [[kind, item.name, _amount(item.size), why] for item in items]
    click.echo(tabulate(rows, headers=["kind", "what", "size", "why"], disable_numparse=True))
    click.echo(f"\n{len(found)} in all, {_amount(sum(item.size for item in found))}, by the records in {place}. "
               "MLflow's own store stays as it is; to clear it, type: mlflow gc")  # fmt: skip


def _amount(size: int) -> str:
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size} B"
