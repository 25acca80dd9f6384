"""``wb list``: the experiments and their last results, read from small files alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from workbench.cli.completion import experiment_names


@dataclass(frozen=True)
class Study:
    """One recorded study: what its study.json and result.json say."""

    id: str
    experiment: str
    tier: str
    created: str
    state: str
    headline: str


_EXAMPLE = """\b
Examples:
  wb list
  wb list experiments/bn_finetune
  wb list bn_finetune-smoke-1807329a"""


@click.command(name="list", epilog=_EXAMPLE)
@click.argument("name", required=False, shell_complete=experiment_names)
def command(name: str | None) -> None:
    """List the experiments with the last result of each, the studies of the experiment NAME, or the study NAME's runs.

    The ids are what `wb reproduce` and `wb diff` take.
    """
    from workbench.record.places import find_root, home

    root = find_root(Path.cwd())
    specs = sorted(root.glob("experiments/*/spec.py"))
    if not specs:
        click.echo("There is no experiment yet. To begin one, type: wb new my_question")
        return
    studies = read_studies(home(root))
    if name is None:
        _print_experiments(specs, studies)
    elif name in {study.id for study in studies}:
        _print_runs(home(root), name)
    else:
        _print_studies(_named(name, specs, studies), studies)


def read_studies(place: Path) -> list[Study]:
    """The studies recorded under the state folder ``place``, the newest first."""
    found = [study for path in place.glob("studies/*/study.json") if (study := _study(place, path)) is not None]
    return sorted(found, key=lambda study: (study.created, study.id), reverse=True)


def title_of(spec: Path) -> str:
    """The first line of a spec's docstring, without running it; says so where the file cannot be parsed."""
    try:
        text = ast.get_docstring(ast.parse(spec.read_bytes()))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return f"(does not parse: {spec.name}{f':{line}' if line else ''})"
    except OSError as error:
        return f"(unreadable: {error.strerror})"
    return text.strip().splitlines()[0] if text and text.strip() else "(no docstring)"


def _study(place: Path, path: Path) -> Study | None:
    facts = _json(path)
    if facts is None:
        return None
    result = _json(path.with_name("result.json"))
    return Study(
        id=str(facts.get("id", path.parent.name)),
        experiment=Path(str(facts.get("experiment", ""))).name,
        tier=str(facts.get("tier", "")),
        created=_moment(facts.get("created", "")),
        state=_state(place, facts.get("runs", []), result),
        headline=headline(result or {}),
    )


def _state(place: Path, runs: Sequence[Mapping[str, Any]], result: Mapping[str, Any] | None) -> str:
    ended = [_json(place / "runs" / str(run.get("id")) / "result.json") for run in runs]
    failed = sum(1 for each in ended if each is not None and each.get("state") == "failed")
    done = sum(1 for each in ended if each is not None)
    state = "finished" if result is not None else f"{done} of {len(runs)} runs"
    return f"{state}, {failed} failed" if failed else state


def headline(result: Mapping[str, Any]) -> str:
    """A study's result in a few words: its first claim's verdict, else the best arm's mean."""
    claims = result.get("claims") or []
    confirmatory = [claim for claim in claims if claim.get("confirmatory", True)]
    for claim in (confirmatory or claims)[:1]:
        estimate = claim.get("estimate")
        number = f" ({estimate:.3g}{_between(claim.get('interval'))})" if isinstance(estimate, int | float) else ""
        return f"{claim.get('name', 'claim')}: {claim.get('verdict', '?')}{number}"
    for cell in result.get("cells") or []:
        arms = [arm for arm in cell.get("arms") or [] if isinstance(arm.get("mean"), int | float)]
        for arm in arms[:1]:
            return f"{arm.get('name', '?')}: {cell.get('measure', 'mean')} {arm['mean']:.3g}"
    return ""


def _between(interval: Any) -> str:
    if isinstance(interval, list) and len(interval) == 2 and all(isinstance(each, int | float) for each in interval):
        return f", {interval[0]:.3g} to {interval[1]:.3g}"
    return ""


def _json(path: Path) -> dict[str, Any] | None:
    """A JSON mapping, or None where there is none that can be read: a list must not fail for one bad file."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _named(experiment: str, specs: Sequence[Path], studies: Sequence[Study]) -> str:
    from workbench.errors import UsageError, nearest

    names = [spec.parent.name for spec in specs]
    name = Path(experiment).name
    if name not in names:
        known = [*names, *(study.id for study in studies)]
        raise UsageError(f"there is no experiment or study '{name}'{nearest(name, known)}", hint="Type: wb list")
    return name


def _print_experiments(specs: Sequence[Path], studies: Sequence[Study]) -> None:
    last: dict[str, Study] = {}
    for study in studies:
        last.setdefault(study.experiment, study)
    rows = [[spec.parent.name, title_of(spec), *_last(last.get(spec.parent.name))] for spec in specs]
    _print_table(rows, ["experiment", "question", "tier", "last run", "state", "result"])


def _last(study: Study | None) -> list[str]:
    if study is None:
        return ["", "", "not run yet", ""]
    return [study.tier, _day(study.created), study.state, study.headline]


def _print_studies(name: str, studies: Sequence[Study]) -> None:
    rows = [
        [study.id, study.tier, _day(study.created), study.state, study.headline]
        for study in studies
        if study.experiment == name
    ]
    if not rows:
        click.echo(f"experiments/{name} has not been run. Type: wb run experiments/{name} --smoke")
        return
    _print_table(rows, ["study", "tier", "begun", "state", "result"])
    click.echo(f"\nThe runs of one: wb list {rows[0][0]}")


def _print_runs(place: Path, study: str) -> None:
    facts = _json(place / "studies" / study / "study.json") or {}
    measure = str(facts.get("measure", ""))
    rows = []
    for run in facts.get("runs", []):
        folder = place / "runs" / str(run.get("id"))
        result, known = _json(folder / "result.json") or {}, _json(folder / "run.json") or {}
        value = result.get("metrics", {}).get(measure)
        seconds = result.get("seconds")
        rows.append([
            run["id"], str(run["experiment"]), run["cell"], run["arm"],
            str(known.get("seed", run["seeds"].get("order", ""))), str(result.get("state", "not finished")),
            f"{value:.4g}" if isinstance(value, int | float) else "",
            f"{seconds:.0f}" if isinstance(seconds, int | float) else "",
        ])  # fmt: skip
    headers = ["run", "experiment", "cell", "arm", "seed", "state", measure, "seconds"]
    if all(
        run["experiment"] == facts["experiment"] for run in facts.get("runs", [])
    ):  # it differs only where it starts from networks of other experiments
        rows, headers = [[row[0], *row[2:]] for row in rows], [headers[0], *headers[2:]]
    _print_table(rows, headers)


def _moment(created: object) -> str:
    """An ISO time, from milliseconds since 1970 or as it stands."""
    if not isinstance(created, int | float):
        return str(created)
    from datetime import UTC, datetime

    return datetime.fromtimestamp(created / 1000, UTC).isoformat()


def _day(created: str) -> str:
    """``2026-11-23 14:07`` of an ISO time."""
    return created[:16].replace("T", " ")


def _print_table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> None:
    from tabulate import tabulate

    wide = [None if header not in ("question", "result") else 44 for header in headers]
    click.echo(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True, maxcolwidths=wide))
