"""``wb run``: train every arm x seed, record everything, print the verdict."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from workbench.cli.asking import asked, study_options
from workbench.cli.completion import experiment_names

if TYPE_CHECKING:
    from workbench.study.runner import Study


_EXAMPLES = """\b
Examples:
  wb run bn_finetune --smoke
  wb run experiments/bn_finetune --arm StaleStats --seeds 5
  wb run --all --smoke"""


@click.command(epilog=_EXAMPLES)
@click.argument("experiment", required=False, shell_complete=experiment_names)
@click.option("--all", "every", is_flag=True, help="Every experiment of the project, one after the other.")
@study_options
@click.option("--jobs", type=click.IntRange(1), help="Runs at once; by default one a CPU core, or 1 on a GPU.")
@click.option("--require-clean", is_flag=True, help="Refuse to run while the working tree differs from its commit.")
@click.option("--pdb", is_flag=True, help="Stop in the debugger where a run fails; implies --jobs 1.")
def command(
    experiment: str | None, every: bool, jobs: int | None, require_clean: bool, pdb: bool, **options: Any
) -> int:
    """Train every arm x seed of EXPERIMENT, record everything, print the verdict.

    What is recorded already is not trained again; an interrupted run goes on where it stopped. The exit code is 1 when
    a run stopped with an error; a run whose loss diverged is a result.
    """
    from workbench.cli.run_all import names_of, run_all
    from workbench.record.places import find_root

    def one(name: str) -> Study:
        return _run(name, jobs, pdb, **options)

    if not every and experiment is None:
        raise click.UsageError("which experiment? Name one, or type --all", ctx=click.get_current_context())
    if require_clean:
        refuse_dirty(find_root(Path.cwd()))
    if every:
        return run_all(names_of(experiment, find_root(Path.cwd()), options), one)
    return int(one(str(experiment)).mistakes > 0)


def _run(experiment: str, jobs: int | None, pdb: bool, **options: Any) -> Study:
    """Runs one experiment and prints its plan, its progress and its verdict."""
    from workbench.cli.plan import show_plan, show_settings
    from workbench.cli.progress import Board
    from workbench.study.executor import usual_jobs
    from workbench.study.runner import Runner
    from workbench.study.words import counted

    root, home, spec, wanted = asked(experiment, **options)
    jobs = 1 if pdb else jobs or usual_jobs(wanted.device)
    show_plan(root, home, spec, wanted, jobs, brief=True)
    runner = Runner(root, home, spec, wanted, jobs=jobs, boards=Board, report=told(), resolved=show_settings, pdb=pdb)
    with terminated_like_interrupted():
        study = runner.run()
    if not study.trained:
        click.echo(f"\nnothing to do: all {counted(study.recorded, 'run')} are recorded")
    show_verdict(study.folder, root)
    for line in study.failures:
        click.echo(f"failed: {line}", err=True)
    if study.kept:
        click.echo(study.kept, err=True)
    return study


def refuse_dirty(root: Path) -> None:
    """Raises UsageError when files differ from the commit that is checked out."""
    from workbench.errors import UsageError
    from workbench.record.git import Repository

    changed = Repository.find(root).dirty_files()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise UsageError(
            f"the working tree is not clean: {changed[0]}{more}",
            where="--require-clean",
            hint="Commit it (git add -A && git commit), or leave the option out: a snapshot is kept all the same",
        )


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM (a batch system's end of time, ``kill``) ends a study as Ctrl-C does: checkpoints first."""

    def end(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def show_verdict(folder: Path, root: Path) -> None:
    """The tables of a finished study, and where to look next."""
    click.echo("\n" + (folder / "result.txt").read_text().rstrip())
    report = folder / "report.html"
    shown = report.relative_to(root) if report.is_relative_to(root) else report
    click.echo(f"\nThe runs: wb ui        The report: {shown}")


def told() -> Callable[[str, int, int], None]:
    """A reporter of what goes on outside of runs: one line when its text changes."""
    last = [""]

    def report(text: str, done: int = 0, total: int = 0) -> None:
        if text != last[0]:
            last[0] = text
            click.echo(text, err=True)

    return report
