"""The debugger where a run fails (``--pdb``): in the user's own line, with what it called below."""

from __future__ import annotations

import pdb  # noqa: T100  # this is what --pdb asks for
import traceback
from types import FrameType, TracebackType

from workbench.study.spec import is_own


class _InOwnLine(pdb.Pdb):
    """Begins in the innermost frame of the experiment's own code; ``down`` goes to what that called."""

    def __init__(self, spec: str) -> None:
        super().__init__()
        self._spec = spec

    def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[list[tuple[FrameType, int]], int]:
        """The frames, outermost first, and the place of the one to begin in."""
        stack, innermost = super().get_stack(f, t)
        own = (place for place, (frame, _) in enumerate(stack) if is_own(frame.f_code.co_filename, self._spec))
        return stack, max(own, default=innermost)


class Debugger:
    """Opened at each failure until it is left with ``q``; ``c`` goes on to the next one.

    Attributes: left: whether it was left with ``q`` (or the end of the input), so that nothing more is to be run.
    """

    def __init__(self) -> None:
        self.left = False

    def stop(self, error: Exception, spec: str) -> None:
        """Prints the traceback and opens the debugger; returns when it is left."""
        traceback.print_exception(error)
        debugger = _InOwnLine(spec)
        debugger.reset()
        debugger.interaction(None, error.__traceback__)
        self.left = debugger.quitting
