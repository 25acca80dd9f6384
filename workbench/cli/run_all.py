"""``wb run --all``: every experiment one after the other, and a table of how each ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from workbench.study.runner import Study

_OF_ONE = {"cells": "--cell", "arms": "--arm", "sets": "--set"}


@dataclass(frozen=True)
class Ended:
    """How one experiment ended: in words, after how many seconds, with which result; ``code`` is its exit code."""

    name: str
    outcome: str
    seconds: float
    headline: str
    code: int


def names_of(experiment: str | None, root: Path, options: Mapping[str, Any]) -> list[str]:
    """The names of all experiments of the project.

    Raises:
        UsageError: an experiment is named beside ``--all``, an option speaks of a single one, or there is none.
    """
    from workbench.errors import UsageError
    from workbench.study.spec import experiment_names

    if experiment is not None:
        raise UsageError(f"--all and the experiment '{experiment}' exclude each other", hint="Leave one of them out")
    for name, option in _OF_ONE.items():
        if options[name]:
            raise UsageError(f"--all and {option} exclude each other: experiments have their own", hint="Name one")
    names = experiment_names(root)
    if not names:
        raise UsageError("there is no experiment yet", hint="Type: wb new my_question")
    return names


def run_all(names: Sequence[str], one: Callable[[str], Study]) -> int:
    """Runs each experiment by ``one``, goes on after one that fails, prints the table; 1 when one failed, else 0."""
    ended = []
    for number, name in enumerate(names, 1):
        click.echo(f"{'' if number == 1 else chr(10)}== {name} ({number} of {len(names)})")
        ended.append(_ended(name, one))
    _show(ended)
    return max(each.code for each in ended)


def _ended(name: str, one: Callable[[str], Study]) -> Ended:
    from workbench.cli.list import headline
    from workbench.errors import WorkbenchError
    from workbench.study.words import counted

    began = time.monotonic()
    try:
        study = one(name)
    except WorkbenchError as error:
        click.echo(f"wb: {error}", err=True)
        return Ended(name, "could not run", time.monotonic() - began, str(error), 1)
    outcome = f"{counted(study.mistakes, 'run')} failed" if study.mistakes else "finished"
    seconds = time.monotonic() - began
    return Ended(name, outcome, seconds, headline(study.summary), int(study.mistakes > 0))


def _show(ended: Sequence[Ended]) -> None:
    from tabulate import tabulate

    rows = [(each.name, each.outcome, f"{each.seconds:.0f}", each.headline) for each in ended]
    done, seconds = sum(not each.code for each in ended), sum(each.seconds for each in ended)
    rows.append(("all", f"{done} of {len(ended)}", f"{seconds:.0f}", ""))
    headers = ["experiment", "outcome", "seconds", "result"]
    widths = [None, None, None, 60]
    click.echo()
    click.echo(tabulate(rows, headers, tablefmt="simple", disable_numparse=True, maxcolwidths=widths))
