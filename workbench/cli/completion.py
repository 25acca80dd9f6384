"""``wb completion``: the completion script of a shell, and what it completes experiments with."""

from __future__ import annotations

from pathlib import Path

import click

# Where each shell looks for it, so that the hint is one line to paste.
_INSTALL = {
    "bash": 'eval "$(wb completion bash)"      # in ~/.bashrc',
    "zsh": 'eval "$(wb completion zsh)"       # in ~/.zshrc, below compinit',
    "fish": "wb completion fish > ~/.config/fish/completions/wb.fish",
}


@click.command(epilog='\b\nExample:\n  eval "$(wb completion bash)"')
@click.argument("shell", type=click.Choice(list(_INSTALL)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL: commands, options, and the names of experiments."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(ctx.find_root().command, {}, "wb", "_WB_COMPLETE")
    # bash's own check of its version starts a process and prints to stderr: the script needs neither.
    click.echo(f"# To install: {_INSTALL[shell]}")
    click.echo(complete.source_template % complete.source_vars())


def experiment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The experiments that begin like ``incomplete``: by path where one is being typed, else by name."""
    from workbench.errors import WorkbenchError
    from workbench.record.places import find_root

    try:
        specs = sorted(find_root(Path.cwd()).glob("experiments/*/spec.py"))
    except (WorkbenchError, OSError):
        return []
    names = [spec.parent.name for spec in specs]
    paths = [f"experiments/{name}" for name in names]
    return [each for each in paths if each.startswith(incomplete)] or [
        each for each in names if each.startswith(incomplete)
    ]
