"""One family of errors: what is wrong, where, the nearest valid thing, what to type next.

The command line prints ``str(error)`` on one line and exits with ``exit_code``; only ``--debug`` shows a traceback.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from typing import Any


class WorkbenchError(Exception):
    """Anything that workbench refuses or could not do; exit code 1.

    Args:
        problem: what is wrong, as a clause without a full stop.
        where: file, line, field or run that it concerns.
        hint: what to type or change next.
    """

    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", hint: str = "") -> None:
        self.problem = problem
        self.where = where
        self.hint = hint
        super().__init__(problem, where, hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{text.removesuffix('.')}{'' if text.endswith('?') else '.'} {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt from positional arguments, which would keep an error in a worker process from arriving.
        return (functools.partial(type(self), where=self.where, hint=self.hint), (self.problem,))


class UsageError(WorkbenchError):
    """What was typed or written is not valid: a name, an option, a spec; exit code 2."""

    exit_code = 2


class SpecError(UsageError):
    """A spec.py that does not load, or that describes something impossible."""


class FieldError(SpecError):
    """A field that does not exist, or a value that its field does not take."""


class DeviceError(UsageError):
    """A device that was asked for and is not there."""


class DataError(WorkbenchError):
    """Data that is missing, truncated, or not what its pin says."""


class RecordError(WorkbenchError):
    """A record (journal, git, DVC, MLflow) that could not be read or written."""


class RecreateError(WorkbenchError):
    """A recorded result that could not be created again; exit code 3, as 1 says that it came out differently."""

    exit_code = 3


class DivergedError(WorkbenchError):
    """A run whose loss is no longer a finite number."""


def nearest(name: str, options: Iterable[str], most: int = 12) -> str:
    """``"; did you mean 'x'?"`` for the closest option, else the options in words if at most ``most``, else nothing."""
    choices = sorted(options)
    # one wrong letter of three is a slip (0.67), while long names share as much by chance
    lower = {choice.lower(): choice for choice in choices}  # and a capital is no other letter
    found = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6 if len(name) <= 8 else 0.7)
    if found:
        return f"; did you mean '{lower[found[0]]}'?"
    if choices and len(choices) <= most:
        return "; there is " + ", ".join(f"'{choice}'" for choice in choices)
    return ""
