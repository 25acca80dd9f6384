"""``wb reproduce``: make a recorded result again from its commit, and say how well that went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from workbench.cli.completion import experiment_names

if TYPE_CHECKING:
    from workbench.study.reproduce import Request

_EXAMPLE = """\b
Examples:
  wb reproduce 4f2c91e experiments/bn_finetune
  wb reproduce v1.0 bn_finetune --smoke --yes
  wb reproduce bn_finetune-default-4cda737d --arm StaleStats --seeds 1"""


@click.command(epilog=_EXAMPLE)
@click.argument("reference")
@click.argument("experiment", required=False, default="", shell_complete=experiment_names)
@click.option("--arm", "arms", multiple=True, help="Only this arm and the baseline; may be repeated.")
@click.option("--seeds", type=int, help="Only the first so many seeds.")
@click.option("--tier", default="", help="The tier, where results of several are recorded.")
@click.option("--smoke", is_flag=True, help="The same as --tier smoke.")
@click.option("--full", is_flag=True, help="The same as --tier full.")
@click.option(
    "--env",
    "mode",
    type=click.Choice(["recorded", "current"]),
    default="recorded",
    help="The environment: recorded is built from the lock of that commit unless the present one is equal to it.",
)
@click.option("--yes", is_flag=True, help="Run code that is not in the history of the current branch without asking.")
def command(
    reference: str, experiment: str, arms: tuple[str, ...], seeds: int | None, tier: str, smoke: bool, full: bool,
    mode: Literal["recorded", "current"], yes: bool,
) -> int:  # fmt: skip
    """Make a recorded result again from its code, data and environment, and hold the new one against the record.

    REFERENCE is a commit (or the beginning of its hash), a branch, a tag, a ref under refs/wb, or the id of a study, of
    a run or of a run in MLflow. EXPERIMENT is needed where a commit has results of several. Your own checkout is not
    touched. The levels: L1 bit-identical, L2 numerically the same, L3 within seed noise and the same claims, DIFFERS.

    Exit code 0: the promised level was reached. 1: it was not, so the result differs. 3: it could not be re-created.
    """
    from workbench.errors import RecreateError, UsageError, WorkbenchError

    tiers = [name for name, given in (("smoke", smoke), ("full", full), (tier, tier)) if given]
    if len(tiers) > 1:
        raise UsageError(f"--{' and --'.join(tiers)} exclude each other")
    try:
        return _reproduce(reference, experiment, arms, seeds, tiers[0] if tiers else "", mode, yes)
    except (UsageError, RecreateError):
        raise
    except WorkbenchError as error:
        raise RecreateError(f"could not be re-created: {error.problem}", where=error.where, hint=error.hint) from error


def _reproduce(
    text: str, experiment: str, arms: tuple[str, ...], seeds: int | None, tier: str,
    mode: Literal["recorded", "current"], yes: bool,
) -> int:  # fmt: skip
    from workbench.record.git import Repository
    from workbench.record.places import find_root, home
    from workbench.record.revisions import subject
    from workbench.study import reproduce
    from workbench.study.reference import against, experiment_name, resolve

    root = find_root(Path.cwd())
    place, repository = home(root), Repository.find(root)
    reference = resolve(root, place, text)
    name = experiment_name(root, repository, reference.commit, experiment)
    recorded = against(root, place, reference, name, tier)
    reproduce.check_part(recorded, arms, seeds)
    request = reproduce.Request(reference, recorded, arms, seeds, mode)
    click.echo(
        f"Reproducing {recorded.experiment}, tier {recorded.tier}, at commit {reference.commit[:12]} "
        f"({subject(repository, reference.commit)})\nHeld against: {recorded.origin}, {recorded.facts.get('id')}"
    )
    _ask(reproduce.untrusted(root, place, reference.commit), yes)
    return _carry_out(root, place, request)


def _carry_out(root: Path, place: Path, request: Request) -> int:
    """Makes the result again, prints the comparison and keeps it; the exit code."""
    from workbench.cli.run import terminated_like_interrupted, told
    from workbench.record.git import Repository
    from workbench.record.revisions import changed_between
    from workbench.study import comparison, reproduce

    into = reproduce.begin(root, place, request)
    repository = Repository.find(root)
    try:
        with terminated_like_interrupted():
            new = reproduce.carry_out(root, place, request, into, told())
        found = comparison.compare(
            request.recorded, new, partial=request.partial,
            changed=lambda one, other: changed_between(repository, one, other, "workbench"),
        )  # fmt: skip
        facts = {"reference": request.reference.text, "commit": request.reference.commit, "study": new.facts["id"]}
        reproduce.end(root, into, comparison.as_dict(found, facts))  # kept even if nobody reads what follows
    finally:
        into.lock.release()
    click.echo()
    for line in comparison.lines(found):
        click.echo(line)
    kept = into.folder.relative_to(root) if into.folder.is_relative_to(root) else into.folder
    click.echo(f"\nKept in {kept}: result.json, and the new runs in home/. In wb ui they are marked as reproduced.")
    return 0 if found.verdict.kept else 1


def _ask(why: str, yes: bool) -> None:
    """Code of a commit is code: says where it comes from, and asks before any of it is run."""
    import sys

    from workbench.errors import UsageError

    if not why:
        return
    click.echo(f"Caution: {why}. Its code will be run here with all your rights.", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{why}, and nobody can be asked here", hint="Look at it (git show), then add --yes")
    if not click.confirm("Run it?", default=False, err=True):
        raise UsageError("not run", hint="Look at it first: git show")
