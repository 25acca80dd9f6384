"""A live view of a study: one line for each active run, one for the whole with the time that is left.

On a terminal the lines are redrawn in place; elsewhere a line is printed when a run starts and ends, and now and then.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO

_REDRAW = 0.2  # seconds; faster than that is flicker, and costs training time
_SPARSE = 30.0  # seconds between lines where nothing can be redrawn
_BAR = 20  # characters
_KNOWN = 0.02  # of a run, and
_SETTLED = 2.0  # seconds of steps, before its pace means something


@dataclass
class _Run:
    """``begin``: the part that was done before, with the moment it went on; ``paced``: from where its pace is taken."""

    label: str
    since: float
    done: int = 0
    total: int = 0
    text: str = ""
    begin: float | None = None
    paced: tuple[float, float] | None = None

    @property
    def part(self) -> float:
        """How much of the run is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    def update(self, now: float, done: int, total: int, text: str) -> None:
        """The first steps are left out of the pace: data are loaded and memory is laid out before and in them."""
        self.done, self.total, self.text = done, total, text
        if self.begin is None:
            self.begin = self.part
        elif self.paced is None and self.part > self.begin:
            self.paced = now, self.part

    def pace(self, now: float) -> tuple[float, float] | None:
        """Seconds and the part of the run that was done in them; None while that says nothing."""
        if self.paced is None:
            return None
        seconds, part = now - self.paced[0], self.part - self.paced[1]
        return (seconds, part) if seconds >= _SETTLED and part >= _KNOWN else None


class Board:
    """Progress of ``total_runs`` runs, of which up to ``jobs`` are active at once; any thread may call it.

    Used as a context manager; on the way out, also by Ctrl-C, the live lines are gone and what was finished stays.

    Args:
        total_runs: runs that this call will train (those already recorded are not counted).
        jobs: how many are active at once at most.
        expected: seconds by run id as far as known, so that the time left does not take long runs for short ones.
        stream: where to draw; stderr by default, so that stdout holds only results.
        live: redraw in place; by default when ``stream`` is a terminal.
        clock: seconds, monotonic.
        size: the terminal's size, asked at each redraw.
    """

    def __init__(
        self,
        total_runs: int,
        jobs: int = 1,
        expected: Mapping[str, float | None] | None = None,
        *,
        stream: TextIO | None = None,
        live: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
        size: Callable[[], os.terminal_size] | None = None,
    ) -> None:
        self._total = total_runs
        self._jobs = jobs
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty() if live is None else live
        self._clock = clock
        self._size = size or self._terminal_size
        self._lock = threading.RLock()
        self._active: dict[str, _Run] = {}
        self._finished = 0
        known = {run: seconds for run, seconds in (expected or {}).items() if seconds}
        self._usual = statistics.median(known.values()) if known else 1.0
        self._expected = known
        self._work = sum(known.values()) + self._usual * (total_runs - len(known))
        self._worked = 0.0
        self._took: list[tuple[float, float]] = []
        self._began = self._drawn_at = clock()
        self._drawn: list[str] = []

    def __enter__(self) -> Self:
        with self._lock:
            self._began = self._drawn_at = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._active.clear()
            self._write(self._erase())
            self._drawn = []

    def start(self, run_id: str, label: str) -> None:
        """A run begins; ``label`` says which, e.g. ``"StaleStats seed 3"``."""
        with self._lock:
            self._active[run_id] = _Run(label, self._clock())
            if self._live:
                self._redraw()
            else:
                self._write(f"{label}: started ({self._finished + len(self._active)} of {self._total})\n")

    def update(self, run_id: str, done: int, total: int, text: str = "") -> None:
        """``done`` of ``total`` steps of a run are made; ``text`` holds what matters now, e.g. epoch and loss."""
        with self._lock:
            run = self._active.get(run_id)
            if run is None:
                return
            goes_on = run.begin is None and 0 < done < total
            run.update(self._clock(), done, total, text)
            if goes_on:
                self.note(f"{run.label}: goes on from step {done} of {total}")
            waited = self._clock() - self._drawn_at
            if self._live and waited >= _REDRAW:
                self._redraw()
            elif not self._live and waited >= _SPARSE:
                self._drawn_at = self._clock()
                self._write("".join(f"{line}\n" for line in self._lines()))

    def finish(self, run_id: str, text: str = "") -> None:
        """A run has ended; its line stays, with ``text`` as its result."""
        with self._lock:
            run = self._active.pop(run_id, None)
            if run is None:
                return
            self._finished += 1
            self._worked += self._weight(run_id)
            took = self._clock() - run.since
            self._took.append((took, (1 - (run.begin or 0.0)) * self._weight(run_id)))
            self.note(f"{run.label}: {text or 'done'} ({duration(took)}, {self._finished} of {self._total})")

    def note(self, text: str) -> None:
        """A line that stays, above the live ones."""
        with self._lock:
            if self._live:
                self._redraw(above=text)
            else:
                self._write(f"{text}\n")

    def time_left(self) -> float | None:
        """Estimated seconds until all runs are done; None while neither their pace nor earlier runs tell it.

        From the pace of the runs that ended and of those that go on, at as many at once as there are left.
        """
        with self._lock:
            pace = self._pace()
            if pace is None:
                return None
            each = [(1 - run.part) * self._weight(name) for name, run in self._active.items()]
            waiting = self._work - self._worked - sum(self._weight(name) for name in self._active)
            at_once = max(1, min(self._jobs, self._total - self._finished))
            return pace * max(max(0.0, sum(each) + waiting) / at_once, *each, 0.0)

    def _pace(self) -> float | None:
        """Seconds for a unit of work (a second that was expected, where any were); None while nothing tells it."""
        now = self._clock()
        known = list(self._took)
        for name, run in self._active.items():
            if (found := run.pace(now)) is not None:
                known.append((found[0], found[1] * self._weight(name)))
        work = sum(part for _, part in known)
        if work > 0:
            return sum(seconds for seconds, _ in known) / work
        return 1.0 if self._expected else None

    def _weight(self, run_id: str) -> float:
        return self._expected.get(run_id, self._usual)

    def _lines(self) -> list[str]:
        """The text of the live lines, not yet cut to the width."""
        widest = max((len(run.label) for run in self._active.values()), default=0)
        lines = [
            f"{run.label:{widest}}  {self._bar(run.part)} {run.done}/{run.total or '?'}  {run.text}".rstrip()
            for run in self._active.values()
        ]
        left = self.time_left()
        when = "estimating the time left" if left is None else f"{duration(left)} left"
        return [*lines, f"{self._finished} of {self._total} runs done, {when}"]

    def _bar(self, part: float) -> str:
        full = round(part * _BAR)
        return "[" + "#" * full + "." * (_BAR - full) + "]"

    def _redraw(self, above: str = "") -> None:
        """Replace the live lines in one write: what is overwritten in place does not flicker."""
        columns, rows = self._size()
        lines = [_cut(line, max(20, columns) - 1) for line in self._lines()][-min(self._jobs + 1, rows - 1) :]
        kept = [f"{line}\x1b[K\n" for line in above.splitlines()]
        text = self._home() + "".join(kept) + "\x1b[K\n".join(lines) + "\x1b[K\x1b[J"
        self._drawn, self._drawn_at = lines, self._clock()
        self._write(text)

    def _home(self) -> str:
        """Move to where the live lines begin; a terminal that became narrower has wrapped them."""
        columns = max(1, self._size().columns)
        rows = sum(max(1, math.ceil(len(line) / columns)) for line in self._drawn)
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") if self._drawn else ""

    def _erase(self) -> str:
        return self._home() + "\x1b[J" if self._drawn else ""

    def _terminal_size(self) -> os.terminal_size:
        """Of the stream that is drawn on: stdout may be a file while stderr is the terminal."""
        try:
            return os.get_terminal_size(self._stream.fileno())
        except OSError:
            return os.terminal_size((80, 24))

    def _write(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()


def duration(seconds: float) -> str:
    """``"48 s"``, ``"3 min 20 s"``, ``"1 h 05 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _cut(line: str, columns: int) -> str:
    return line if len(line) <= columns else line[: columns - 3] + "..."
