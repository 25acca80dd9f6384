"""Command-line options, frozen: each one is read, documented and kept for years, so a new one is a decision.

To add one on purpose, add it here in the same commit and say why in its message.
"""

import click
import pytest

from workbench.cli.main import cli

STUDY = {
    "--tier", "--smoke", "--full", "--cell", "--arm", "--seeds", "--seed", "--set", "--level", "--device", "--threads",
}  # fmt: skip
OPTIONS: dict[str, set[str]] = {
    "wb": {"--debug", "--version"},
    "wb new": set(),
    "wb plan": STUDY | {"--jobs"},
    "wb check": STUDY | {"--resume"},
    "wb run": STUDY | {"--all", "--jobs", "--pdb", "--require-clean"},
    "wb reproduce": {"--arm", "--seeds", "--tier", "--smoke", "--full", "--env", "--yes"},
    "wb list": set(),
    "wb compare": {"--measure", "--unpaired"},
    "wb diff": set(),
    "wb inspect": {"--predict", "--views", "--export", "--item", "--to"},
    "wb ui": {"--browser", "--port"},
    "wb sync": set(),
    "wb publish": {"--tier", "--latex"},
    "wb verify": {"--update"},
    "wb data": set(),
    "wb data status": set(),
    "wb data pull": set(),
    "wb data pin": set(),
    "wb data restore": {"--force"},
    "wb data verify": set(),
    "wb share": {"--fetch"},
    "wb doctor": set(),
    "wb gc": {"--study", "--yes"},
    "wb completion": set(),
}


def options(command: click.Command, path: str) -> dict[str, set[str]]:
    """Every command below ``command`` with its options; ``--help`` goes without saying."""
    own = {name for param in command.params if isinstance(param, click.Option) for name in param.opts}
    found = {path: {name for name in own if name.startswith("--")}}
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            assert below is not None
            found |= options(below, f"{path} {name}")
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    return options(cli, "wb")


def test_no_option_without_a_decision(found: dict[str, set[str]]) -> None:
    assert found == OPTIONS


def test_every_option_and_command_says_what_it_does() -> None:
    def silent(command: click.Command, path: str) -> list[str]:
        missing = [] if command.help else [path]
        missing += [
            f"{path} {param.opts[0]}" for param in command.params if isinstance(param, click.Option) and not param.help
        ]
        if isinstance(command, click.Group):
            ctx = click.Context(command)
            for name in command.list_commands(ctx):
                below = command.get_command(ctx, name)
                assert below is not None
                missing += silent(below, f"{path} {name}")
        return missing

    assert silent(cli, "wb") == []
