"""``wb share``: what re-creates our runs, to and from a remote that others can reach."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workbench.record.git import Repository
    from workbench.record.refs import Ref


@click.command(epilog="\b\nExamples:\n  wb share\n  wb share lab\n  wb share --fetch")
@click.argument("remote", default="")
@click.option("--fetch", is_flag=True, help="The other way: bring the commits that others shared here.")
def command(remote: str, fetch: bool) -> None:
    """Push the commit of every recorded run to a git REMOTE, and the pinned data to DVC's remote, where there is one.

    REMOTE is origin by default, else the only one. A run from uncommitted files has a snapshot, which holds them. What
    is there already is not sent again.
    """
    from workbench.record.git import Repository
    from workbench.record.places import find_root
    from workbench.record.refs import choose_remote

    root = find_root(Path.cwd())
    repository = Repository.find(root)
    chosen = choose_remote(repository, remote)
    if fetch:
        _fetch(repository, chosen)
        return
    _push(repository, chosen)
    _push_data(root)


def _fetch(repository: Repository, remote: str) -> None:
    from workbench.record import refs

    new = refs.fetch(repository, remote)
    click.echo(f"Fetched from {remote}: {_count(len(new))}{' ' * bool(new)}{_names(new)}.")
    if new:
        click.echo(f"To look at one, type: git show --stat wb/{new[0].name}")


def _push(repository: Repository, remote: str) -> None:
    from workbench.record import refs

    found = refs.refs(repository)
    if not found:
        click.echo("No run is recorded yet, so there is no commit to share. To begin, type: wb run experiments/NAME")
        return
    new = refs.missing(repository, remote, found)
    dirty = [(ref, refs.changed_files(repository, ref.commit)) for ref in new if ref.uncommitted]
    if dirty:
        listed = ", ".join(f"{ref.name} ({count} file{'s' * (count != 1)})" for ref, count in dirty)
        click.echo(f"These hold files that nobody committed: {listed}.")
    refs.push(repository, remote, new)
    click.echo(
        f"{remote} has {_count(len(found))} of recorded runs; sent now: {len(new)}{' ' * bool(new)}{_names(new)}."
    )


def _push_data(root: Path) -> None:
    """The pinned files that DVC's cache holds; what is not shared is said, with what to type."""
    from workbench.record import dvc
    from workbench.record.pins import read_pins

    every = read_pins(root)
    pins = {path: pin for path, pin in every.items() if pin.push}
    if kept := [path for path in every if path not in pins]:
        click.echo(f"Never sent, as data.dvc says push: false: {', '.join(kept)}.")
    if not pins:
        return
    if not dvc.has_remote(root):
        click.echo("No DVC remote is set, so the data was not shared. To share it too, type: "
                   "dvc remote add -d NAME ADDRESS && wb share")  # fmt: skip
        return
    here = [path for path, pin in pins.items() if dvc.cached(root, pin.md5)]
    sent = dvc.push(root, here) if here else 0
    click.echo(f"The DVC remote has {len(here)} of {len(pins)} pinned files; sent now: {sent}.")
    older = _older_versions(root, {pin.md5 for pin in pins.values()})
    if older:
        click.echo(f"Older versions that shared commits pin: {len(older)}; sent now: {dvc.push_versions(root, older)}.")
    absent = [path for path in pins if path not in here]
    if absent:
        click.echo(f"Not in DVC's cache, so not shared: {', '.join(absent)}. To get them, type: wb data pull")


def _older_versions(root: Path, present: set[str]) -> list[str]:
    """The md5s that data.dvc holds at the commits of recorded runs, other than now, where DVC's cache has them.

    A version that one of them, or the file now, keeps from being pushed is left out.
    """
    from workbench.errors import RecordError
    from workbench.record import dvc, refs
    from workbench.record.git import Repository
    from workbench.record.pins import PINS, parse_pins, read_pins
    from workbench.record.revisions import file_at

    repository = Repository.find(root)
    below = root.resolve().relative_to(repository.root) / PINS
    found: set[str] = set()
    private = {pin.md5 for pin in read_pins(root).values() if not pin.push}
    for text in {file_at(repository, ref.commit, below.as_posix()) for ref in refs.refs(repository)}:
        try:
            pins = parse_pins(text or "", PINS).values()
        except RecordError:  # a tree that was recorded in the middle of a merge
            continue
        found |= {pin.md5 for pin in pins}
        private |= {pin.md5 for pin in pins if not pin.push}
    return sorted(md5 for md5 in found - present - private if dvc.cached(root, md5))


def _names(found: list[Ref]) -> str:
    return f"({', '.join(ref.name for ref in found)})" if found else ""


def _count(number: int) -> str:
    return f"{number} commit{'s' * (number != 1)}"
