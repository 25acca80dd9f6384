"""The ``wb`` command: finds a command by its name, loads only that one, and answers every error with one line.

Exit codes: 0 done; 1 it could not be done; 2 what was typed or written is not valid; 130 interrupted. Where 1 says that
a result differs, what could not be done is 3.
"""

from __future__ import annotations

import errno
import importlib
import itertools
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

# Section of the help, command, what it does. The module is workbench.cli.<command>; it exports `command`.
_TABLE = (
    ("Run", "new", "Begin an experiment: a spec that runs at once, and its README."),
    ("Run", "plan", "Show arms x seeds, what 'auto' became, and how long it takes."),
    ("Run", "check", "Check a spec without training."),
    ("Run", "run", "Train every arm x seed, record everything, print the verdict."),
    ("Run", "reproduce", "Make a recorded result again from its commit, and compare."),
    ("Look", "list", "List the experiments and their last results."),
    ("Look", "compare", "Hold experiments or studies against each other."),
    ("Look", "diff", "Say what differs between two runs, and why."),
    ("Look", "inspect", "Open up what a run has learnt; predict with it, export it."),
    ("Look", "ui", "Open the recorded runs in the MLflow UI."),
    ("Look", "sync", "Send what the tracker missed."),
    ("Publish", "publish", "Write an experiment's results for others to hold a run against."),
    ("Publish", "verify", "Check that READMEs and papers say what is published."),
    ("Data", "data", "Status, pull, pin, restore and verify the data sets."),
    ("Data", "share", "Send what re-creates our runs to a remote, or fetch others'."),
    ("Machine", "doctor", "Check this machine, and say what to do about each red line."),
    ("Machine", "gc", "List and remove what no kept run needs."),
    ("Machine", "completion", "Print the completion script of a shell."),
)

_EXAMPLE = """\b
Examples:
  wb new my_question                   begin an experiment
  wb run experiments/bn_finetune       train, record, judge
  wb ui                                look at the runs"""

_KEPT = "stopped; finished runs and checkpoints are kept, and the same command goes on from there"

# What a command ends with when it could not be done and the error itself has no code, unless that is 1.
_FAILED = {"reproduce": 3}


class Commands(click.Group):
    """A click group that knows its commands by a table and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the help."""
        return [name for _, name, _ in _TABLE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None where there is none."""
        for _, name, line in _TABLE:
            if name == cmd_name:
                command = importlib.import_module(f"workbench.cli.{name}").command
                assert isinstance(command, click.Command)
                command.short_help = line
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begins with; refuses an unknown one with the nearest name."""
        name = args[0]
        names = self.list_commands(ctx)
        if name not in names and not name.startswith("-") and not ctx.resilient_parsing:
            from workbench.errors import nearest

            ctx.fail(f"there is no command '{name}'{nearest(name, names)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line for each command, under its section."""
        for section in dict.fromkeys(row[0] for row in _TABLE):
            with formatter.section(section):
                rows = [(f"{name:10}", line) for part, name, line in _TABLE if part == section]
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """The commands that begin like that, without importing them."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=line) for _, name, line in _TABLE if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"wb {version('workbench-ml')}")
        ctx.exit()


@click.command(cls=Commands, epilog=_EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli(debug: bool) -> None:
    """Change one thing in a training run, and know whether it really helped."""
    world = os.environ.get("WORLD_SIZE", "1")
    if "RANK" in os.environ and world != "1":
        from workbench.errors import UsageError

        raise UsageError(
            f"torchrun started {world} processes of wb, which starts its own",
            hint="Type the command without torchrun, which is for a program of yours that calls Learner.run()",
        )


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one ``wb`` command line (default: ``sys.argv``) and exit with its code."""
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(_call(words))


def _call(words: list[str]) -> int:
    """Run the command line; returns the exit code, having told any error in one line on stderr."""
    try:
        result = cli.main(words, prog_name="wb", standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return _tell(_in_click(error), error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        cause = error.__cause__ if isinstance(error, click.Abort) else error
        return _tell(str(cause or "") or _KEPT, 130)
    except SystemExit as end:  # click's own answer to a reader that has gone is 1
        return _failed(words) if end.code == 1 else int(end.code or 0)
    except BrokenPipeError:
        _let_go_of_stdout()
        return _failed(words)
    except Exception as error:
        if _debugging(words):
            traceback.print_exc()
        return _tell(*_in_words(error, words))


def _tell(message: str, code: int) -> int:
    """Print one line; a message's own line breaks become spaces, so that a log keeps one line an error."""
    click.echo("wb: " + " ".join(message.split()), err=True)
    return code


def _in_click(error: click.ClickException) -> str:
    message = error.format_message().rstrip()
    message = message[:1].lower() + message[1:]
    ctx = getattr(error, "ctx", None)
    if ctx is None:
        return message
    return f"{message.rstrip('.?')}{'?' if message.endswith('?') else '.'} See '{ctx.command_path} --help'"


def _in_words(error: Exception, words: list[str]) -> tuple[str, int]:
    """An error's line and exit code."""
    from workbench.errors import WorkbenchError

    if isinstance(error, WorkbenchError):
        return str(error), error.exit_code
    full = _disk_full(error)
    if full is not None:
        place = f": {full.filename}" if full.filename else ""
        return (
            f"the disk is full{place}. Free some space and run the same command again; finished runs are kept",
            _failed(words),
        )
    text = f"{type(error).__name__}: {error}".strip().rstrip(":.")
    where = (
        "where, the traceback says" if _debugging(words) else f"to see where: {shlex.join(['wb', '--debug', *words])}"
    )
    return f"{text}. This is not foreseen; {where}", _failed(words)


def _debugging(words: list[str]) -> bool:
    return "--debug" in itertools.takewhile(lambda word: word.startswith("-"), words)


def _failed(words: list[str]) -> int:
    """The exit code for a command that could not be done."""
    return _FAILED.get(next((word for word in words if not word.startswith("-")), ""), 1)


def _disk_full(error: BaseException | None) -> OSError | None:
    """The error for lack of space that is, or that caused, an error."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _let_go_of_stdout() -> None:
    """The reader of a pipe has gone (``wb list | head``): nothing more can be written, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
