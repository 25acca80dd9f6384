"""The journal: an append-only run folder that is the truth; MLflow is a mirror of it.

A folder holds ``run.json`` (what the run is, written first), ``journal.jsonl`` (a line per metric or event),
``result.json`` (how it ended, written last) and ``run.lock`` (held while a process works on it). A study's
folder has ``study.json`` and ``study.lock`` instead. Nothing here imports torch, NumPy or MLflow.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from filelock import FileLock, Timeout

from workbench.errors import RecordError
from workbench.record.files import decode, encode, read_json, refusal, write_json

Kind = Literal["run", "study"]
State = Literal["new", "running", "interrupted", "finished", "failed"]
JOURNAL = "journal.jsonl"
RESULT = "result.json"


class Journal:
    """The writing end of a folder; made with :meth:`create`, used from any thread of one process.

    As a context manager it gives the folder free at the end; the run counts as interrupted unless sealed.
    """

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self._lock = lock
        self._guard = threading.Lock()
        self._seen: set[tuple[str, int]] = set()
        self._handle = -1
        self._size = 0

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, Any], *, kind: Kind = "run") -> Self:
        """Open ``folder`` for recording; an interrupted run continues, with its first facts and its history.

        Args:
            folder: made when it is not there.
            facts: what the run is; kept as ``run.json`` (``study.json``) the first time.

        Raises:
            RecordError: when another process works on it, it was sealed already, it holds another identity,
                or it cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{kind}.lock")
            lock.acquire(timeout=2.0)
        except Timeout:
            raise RecordError(
                f"another process is working on this {kind}",
                where=str(folder),
                hint="Wait for it, or stop it",
            ) from None
        except OSError as error:
            raise refusal(folder, error) from error
        journal = cls(folder, lock)
        try:
            journal._open(facts, kind)
        except BaseException:
            journal.close()
            raise
        return journal

    def _open(self, facts: Mapping[str, Any], kind: Kind) -> None:
        if (self.folder / RESULT).exists():
            raise RecordError(
                f"this {kind} is finished and its record is closed",
                where=str(self.folder),
                hint=f"To do it again, type: rm -r {self.folder}",
            )
        path = self.folder / f"{kind}.json"
        known = read_json(path) if path.exists() else None
        if known is None:
            write_json(path, facts, sync=True)
        elif known.get("identity") != encode(facts.get("identity")):
            raise RecordError(f"the folder holds another {kind}", where=str(path))
        self._reopen()
        if known is not None:
            self.event("resumed")

    def _reopen(self) -> None:
        path = self.folder / JOURNAL
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            lines, self._size = read_lines(path)
            os.ftruncate(self._handle, self._size)
        except OSError as error:
            raise refusal(path, error) from error
        self._seen = {(line["key"], line["step"]) for line in lines if line["kind"] == "metric"}

    def metric(self, key: str, value: float, step: int) -> None:
        """Record ``key`` at ``step``; what is there already for that key and step stays as it is."""
        self.metrics({key: value}, step)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record several metrics of one step, written together."""
        now = _now()
        with self._guard:
            new = {key: float(value) for key, value in values.items() if (key, step) not in self._seen}
            lines = [{"t": now, "kind": "metric", "key": k, "value": v, "step": step} for k, v in new.items()]
            self._append(lines)
            self._seen.update((key, step) for key in new)

    def last_step(self, key: str) -> int:
        """The highest step recorded for ``key``, -1 when there is none."""
        with self._guard:
            return max((step for name, step in self._seen if name == key), default=-1)

    def event(self, name: str, **facts: Any) -> None:
        """Record that something happened, e.g. ``event("epoch", number=3)``."""
        with self._guard:
            self._append([{"t": _now(), "kind": "event", "name": name, "facts": facts}])

    def _append(self, lines: list[dict[str, Any]]) -> None:
        """One ``write`` for all lines on an O_APPEND file, so that two writers never mix theirs."""
        if self._handle < 0:
            raise RecordError("the journal is closed", where=str(self.folder))
        text = b"".join(_line(each) for each in lines)
        left = text
        try:
            while left:
                left = left[os.write(self._handle, left) :]
        except OSError as error:
            os.ftruncate(self._handle, self._size)
            raise refusal(self.folder / JOURNAL, error) from error
        self._size += len(text)

    def seal(self, result: Mapping[str, Any]) -> None:
        """Force the journal to the disk, write ``result.json``, and give the folder free.

        Args:
            result: of a run ``{"state": "finished" or "failed", "metrics": {}}``; of a study its summary.
        """
        try:
            with self._guard:
                os.fsync(self._handle)
        except OSError as error:
            raise refusal(self.folder / JOURNAL, error) from error
        write_json(self.folder / RESULT, result, sync=True)
        self.close()

    def close(self) -> None:
        """Give the folder free; harmless when repeated."""
        with self._guard:
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class RunView:
    """What a folder says, read without disturbing whoever writes it.

    ``metrics`` maps a key to its ``(step, value, milliseconds since 1970)`` in the order of recording.
    """

    folder: Path
    state: State
    facts: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float, int]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] | None = None

    def final(self) -> dict[str, float]:
        """The metrics of ``result.json``, empty before the end."""
        return dict((self.result or {}).get("metrics", {}))


def read_run(folder: Path, *, kind: Kind = "run") -> RunView:
    """Everything recorded in ``folder``; state "new" when nothing is.

    Raises:
        RecordError: for a record that is damaged elsewhere than in a torn last line.
    """
    state = read_state(folder, kind=kind)
    path, journal, end = folder / f"{kind}.json", folder / JOURNAL, folder / RESULT
    lines = read_lines(journal)[0] if journal.exists() else []
    metrics: dict[str, list[tuple[int, float, int]]] = {}
    for line in lines:
        if line["kind"] == "metric":
            metrics.setdefault(line["key"], []).append((line["step"], line["value"], line["t"]))
    return RunView(
        folder=folder,
        state=state,
        facts=read_json(path) if path.exists() else {},
        metrics=metrics,
        events=[line for line in lines if line["kind"] == "event"],
        result=read_json(end) if end.exists() else None,
    )


def read_state(folder: Path, *, kind: Kind = "run") -> State:
    """Whether the work is "new", "running" (somebody holds it), "interrupted", "finished" or "failed"."""
    if _held(folder / f"{kind}.lock"):
        return "running"
    if (folder / RESULT).exists():
        return "failed" if read_json(folder / RESULT).get("state") == "failed" else "finished"
    return "interrupted" if (folder / f"{kind}.json").exists() else "new"


def read_lines(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of a journal from byte ``offset`` on, and the offset behind the last of them.

    A last line that a killed writer left torn is not among them.

    Raises:
        RecordError: for damage anywhere else.
    """
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read()
    lines: list[dict[str, Any]] = []
    end = 0
    while (stop := content.find(b"\n", end)) >= 0:
        try:
            lines.append(decode(json.loads(content[end:stop])))
        except ValueError:
            if content.find(b"\n", stop + 1) < 0:
                break
            raise RecordError(
                "damaged line in a journal",
                where=f"{path}, byte {offset + end}",
                hint=f"To do the run again, type: rm -r {path.parent}",
            ) from None
        end = stop + 1
    return lines, offset + end


def _line(line: dict[str, Any]) -> bytes:
    return json.dumps(encode(line), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _held(path: Path) -> bool:
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False  # a record on a read-only disk: nobody can be writing it
    lock.release()
    return False


def _now() -> int:
    return time.time_ns() // 1_000_000
