"""``wb check``: what is wrong with an experiment before anything is trained; with ``--resume``, what a kill does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.asking import asked, study_options
from workbench.cli.completion import experiment_names

if TYPE_CHECKING:
    from workbench.study.resume import Proof


@click.command(
    epilog="\b\nExamples:\n  wb check bn_finetune\n  wb check experiments/bn_finetune --full\n"
    "  wb check bn_finetune --resume --arm StaleStats"
)
@click.argument("experiment", shell_complete=experiment_names)
@study_options
@click.option("--resume", is_flag=True, help="Kill a short run of every arm again and again: does it end the same?")
def command(experiment: str, resume: bool, **options: Any) -> int:
    """Check the spec, the data, the arms and the claims of EXPERIMENT before training; audit each cell's baseline.

    The audit loads the data, builds the network and tries it on one batch: duplicates between splits, sorted
    batches, leaking columns, wrong scales, frozen augmentation, targets that do not fit. It takes seconds a cell.
    An arm with stages or a network of its own then does one step and evaluates one batch, as a run would.

    Exit code 1: data or machine are not ready. Exit code 2: the spec itself is wrong, e.g. it does not load, an arm
    equals another, or a claim is about an arm that is not there.

    With --resume: train each arm of the smallest tier briefly, once undisturbed and once killed (kill -9) at random
    steps and resumed, and compare everything bit for bit. Nothing is recorded. Exit code 1: something differs.
    """
    if resume:
        return prove(experiment, options)
    from tabulate import tabulate

    from workbench.study.checks import check

    root, home, spec, wanted = asked(experiment, **options)
    rows = check(root, home, spec, wanted, looking)
    looking("", 0, 0)
    marks = {
        "ok": click.style("ok", fg="green"),
        "note": click.style("note", fg="yellow"),
        "wrong": click.style("wrong", fg="red"),
    }
    shown = [(marks[row.state], row.what, row.text) for row in rows]
    click.echo(tabulate(shown, headers=["", "what", "found"], tablefmt="simple", maxcolwidths=[None, 30, 80]))
    return int(any(row.state == "wrong" for row in rows))


def looking(text: str, done: int, total: int) -> None:
    """What is being looked at, in one line that goes again; nothing where nobody watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[2K{f'{text} ({done + 1} of {total})'[:100] if text else ''}", err=True, nl=False)


def prove(experiment: str, options: dict[str, Any]) -> int:
    """``wb check --resume``; 1 when an arm differs."""
    from workbench.cli.progress import Board
    from workbench.cli.run import terminated_like_interrupted, told
    from workbench.study.executor import usual_jobs
    from workbench.study.resume import Prover
    from workbench.study.words import counted

    if not (options["tier"] or options["full"]):
        options["smoke"] = True
    root, home, spec, wanted = asked(experiment, **options)
    prover = Prover(root, home, spec, wanted, told())
    runs = prover.plan()
    sources = prover.missing_sources(runs)
    epochs = sorted({int(run.cls.fit.epochs) for run in runs})
    short = f"{epochs[0]} to {epochs[-1]} epochs" if len(epochs) > 1 else counted(epochs[0], "epoch")
    click.echo(
        f"{counted(len(runs), 'arm')} of tier '{wanted.tier}', {short} each, undisturbed and killed; nothing is kept"
    )
    for source in sources:
        click.echo(f"first a network to start from, trained briefly: {source.experiment}, {source.arm}")
    jobs = min(usual_jobs(wanted.device), len(runs))
    with terminated_like_interrupted(), Board(len(runs) + len(sources), jobs) as board:
        proofs = prover.prove(runs, board)
    show(proofs)
    return int(any(proof.problems for proof in proofs))


def show(proofs: list[Proof]) -> None:
    """Prints the table, and below it what differs and where to look."""
    from tabulate import tabulate

    equal, differs = click.style("equal, bit for bit", fg="green"), click.style("DIFFERS", fg="red")
    rows = [
        (
            proof.arm,
            proof.cell,
            proof.steps,
            ", ".join(f"{step} {event}" for step, event in proof.killed),
            ", ".join(map(str, proof.resumed)),
            differs if proof.problems else equal,
        )
        for proof in proofs
    ]
    headers = ["arm", "cell", "steps", "killed in step", "resumed from", "result"]
    click.echo(
        "\n" + tabulate(rows, headers=headers, tablefmt="simple", maxcolwidths=[None, None, None, 40, None, None])
    )
    for proof in proofs:
        for problem in proof.problems:
            click.echo(f"{proof.arm}: {problem}")
        if proof.problems:
            click.echo(f"{proof.arm}: {proof.hint}")
