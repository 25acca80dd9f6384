"""A background thread that mirrors the journals in MLflow while training goes on, and ``sync`` for the rest.

Training only writes journals; it neither waits for the tracker nor notices when the tracker is down.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import RecordError
from workbench.record import places
from workbench.record.journal import read_state
from workbench.record.mlflow import Tracker, TrackerDown, tracking_uri, without_credentials
from workbench.record.shipping import add_run, pending, ship_study

_SLOWEST = 60.0


class Shipper:
    """Sends the studies it is told about until it is stopped.

    Args:
        home: the state folder, whose MLflow store (or ``MLFLOW_TRACKING_URI``) receives them.
        every: seconds between two sendings; doubled up to a minute while the tracker does not answer.
    """

    def __init__(self, home: Path, *, every: float = 3.0) -> None:
        self.home = home
        self.failure = ""
        self._every = every
        self._studies: list[Path] = []
        self._adding = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="wb-shipper", daemon=True)

    def start(self) -> None:
        """Begin sending in the background; returns at once."""
        self._thread.start()

    def add_study(self, folder: Path) -> None:
        """Send the study in ``folder`` and the runs that its study.json lists, as they come to be."""
        if folder not in self._studies:
            self._studies.append(folder)

    def add_run(self, folder: Path, study: Path) -> None:
        """Send the run in ``folder`` as a child of ``study`` although its study.json does not list it."""
        with self._adding:
            add_run(study, folder.name)

    def stop(self, timeout: float = 30.0) -> str:
        """Send what is left, for at most ``timeout`` seconds; close the journals first.

        Returns:
            "" when everything arrived, else one line that says how many runs are kept locally, and why.
        """
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        kept = [name for folder in self._studies for name in pending(folder, address(self.home))]
        if not kept:
            return ""
        why = self.failure or f"not sent within {timeout:g} s"
        runs = "1 record is" if len(kept) == 1 else f"{len(kept)} records are"
        return f"{runs} kept locally ({why}). To send them later, type: wb sync"

    def _work(self) -> None:
        tracker: Tracker | None = None
        wait, swept = self._every, False
        while True:
            last = self._ending.is_set()
            try:
                tracker = tracker or Tracker.open(self.home)
                self._send(tracker, live=not last)
                if not swept and not last:
                    self._sweep(tracker)
                    swept = True
                wait, self.failure = self._every, self.failure if self.failure.startswith("refused") else ""
            except RecordError as error:
                tracker, wait, self.failure = None, min(2 * wait, _SLOWEST), error.problem
            except Exception as error:  # a defect here must not end the training that it serves
                tracker, wait = None, min(2 * wait, _SLOWEST)
                self.failure = f"{type(error).__name__}: {error}"
            if last:
                return
            self._ending.wait(wait)

    def _send(self, tracker: Tracker, *, live: bool) -> None:
        for folder in list(self._studies):
            kept = ship_study(tracker, folder, home_tag(self.home), live=live).kept
            if kept:
                self.failure = f"refused: {next(iter(kept.values()))}"

    def _sweep(self, tracker: Tracker) -> None:
        """What an earlier, killed ``wb run`` left: send it, and let nothing of it stay RUNNING."""
        for folder in places.study_folders(self.home):
            if self._ending.is_set():
                return
            busy = folder in self._studies or read_state(folder, kind="study") == "running"
            try:
                if not busy and pending(folder, tracker.shown):
                    ship_study(tracker, folder, home_tag(self.home))
            except TrackerDown:
                raise
            except RecordError:  # an old, damaged record; `wb sync` names it
                continue
        close_orphans(tracker, self.home)


@dataclass
class Synced:
    """What :func:`sync` did: studies looked at, points sent, records complete in MLflow, and why others are not.

    ``tracker`` is the address they went to; ``closed`` counts runs that MLflow believed to run without a folder.
    """

    tracker: str
    studies: int = 0
    points: int = 0
    complete: int = 0
    closed: int = 0
    kept: dict[str, str] = field(default_factory=dict)


def sync(home: Path, report: Callable[[str], None] = lambda text: None) -> Synced:
    """Send everything recorded below ``home`` that MLflow does not have; may be repeated and interrupted at will.

    Reproductions, whose state folders lie below ``home``, are sent to the same tracker.

    Args:
        report: told a line before each study that has something to send.

    Raises:
        TrackerDown: when MLflow does not answer.
    """
    tracker = Tracker.open(home)
    done = Synced(tracker.shown)
    for place in (home, *sorted(home.glob("reproductions/[!.]*/home"))):
        _sync_home(tracker, place, done, report)
    return done


def _sync_home(tracker: Tracker, home: Path, done: Synced, report: Callable[[str], None]) -> None:
    for folder in places.study_folders(home):
        try:
            left = pending(folder, tracker.shown)
            if left:
                report(f"{folder.name}: {len(left)} to send")
            shipped = ship_study(tracker, folder, home_tag(home), again=True)
        except TrackerDown:
            raise
        except RecordError as error:  # one unreadable study must not keep the others from being sent
            done.kept[folder.name] = str(error)
            continue
        done.studies += 1
        done.points += shipped.points
        done.complete += shipped.complete
        done.kept |= shipped.kept
    done.closed += close_orphans(tracker, home)


def close_orphans(tracker: Tracker, home: Path) -> int:
    """Set to KILLED what MLflow believes to run although its folder was deleted; how many those were."""
    count = 0
    for run, key in tracker.running(home_tag(home)).items():
        study, _, name = key.partition("/")
        folder = places.run_folder(home, name) if name else places.study_folder(home, study)
        if not folder.exists() or not places.study_folder(home, study).exists():
            tracker.status(run, "KILLED")
            count += 1
    return count


def home_tag(home: Path) -> str:
    """What tells the records of this state folder from others' on a shared server: ``host:path``."""
    return f"{socket.gethostname()}:{home.absolute()}".replace("'", "_")


def address(home: Path) -> str:
    """The tracker that records below ``home`` go to, without credentials, not asking it."""
    return without_credentials(tracking_uri(home))
