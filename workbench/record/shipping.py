"""Sending what a study's folders hold and MLflow does not have yet, from wherever the last sending stopped.

What was sent is remembered in ``studies/<id>/shipped.json``, by tracker and run, after every batch. A run that several
studies share becomes a child of each of them, with its parameters and histories; its big files (weights, predictions)
are sent once, and the later children name the first one in the tag ``wb.files``. Which one that is stands in
``runs/<id>/shipped.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import RecordError
from workbench.record import places, translate
from workbench.record.files import read_json, write_json
from workbench.record.journal import JOURNAL, RESULT, State, read_lines, read_run, read_state
from workbench.record.mlflow import Point, Status, Tracker, TrackerDown, TrackerGone

LEDGER = "shipped.json"
BIG = frozenset({"weights.safetensors", "predictions.npz"})
EXTRA = "extra.json"
LOCAL = frozenset({LEDGER, EXTRA, "checkpoint.safetensors"})
_STATUS: dict[State, Status] = {
    "running": "RUNNING",
    "interrupted": "KILLED",
    "finished": "FINISHED",
    "failed": "FAILED",
}


@dataclass
class Shipped:
    """What one sending did: points sent, runs now complete in MLflow, and why others are not."""

    points: int = 0
    complete: int = 0
    kept: dict[str, str] = field(default_factory=dict)


def ship_study(tracker: Tracker, folder: Path, home_tag: str, *, live: bool = False, again: bool = False) -> Shipped:
    """Send whatever of the study in ``folder`` and of its runs has not been sent.

    Args:
        live: this process works on the study, so that without a result it is running, not interrupted.
        again: try what MLflow refused an earlier time once more.

    Raises:
        TrackerDown: when MLflow stops answering; what was sent by then is remembered.
    """
    try:
        with FileLock(folder / "ship.lock").acquire(timeout=0 if live else 30):
            return _Sender(tracker, folder, home_tag, live, again).send()
    except Timeout:
        return Shipped(kept={folder.name: "another process is sending this study"})


def pending(folder: Path, uri: str) -> list[str]:
    """The ids of the study and of its runs that are not completely in the tracker ``uri``, without asking it."""
    ledger = _read(folder / LEDGER).get(uri, {})
    runs = [each for each in _run_folders(folder) if (each / "run.json").exists()]
    parts = [(folder, ledger.get("study", {})), *((each, ledger.get("runs", {}).get(each.name, {})) for each in runs)]
    return [place.name for place, entry in parts if not _done(place, entry)]


def where(folder: Path, uri: str) -> tuple[str, str] | None:
    """The ids of the MLflow experiment and run that mirror the study in ``folder``; None before it was sent."""
    entry = _read(folder / LEDGER).get(uri, {}).get("study", {})
    return (entry["experiment_id"], entry["mlflow_run_id"]) if "mlflow_run_id" in entry else None


class _Sender:
    """One pass over one study."""

    def __init__(self, tracker: Tracker, folder: Path, home_tag: str, live: bool, again: bool) -> None:
        self.tracker, self.folder, self.home_tag = tracker, folder, home_tag
        self.live, self.again = live, again
        self.facts = read_json(folder / "study.json")
        self.book = _read(folder / LEDGER)
        self.ledger = self.book.setdefault(tracker.shown, {})
        self.shipped = Shipped()

    def send(self) -> Shipped:
        """Parent first, as the children name it; its own state last, so that FINISHED means that all is there."""
        entry = self.ledger.setdefault("study", {})
        runs = [each for each in _run_folders(self.folder) if (each / "run.json").exists()]
        self._guarded(self.folder, entry, lambda: self._describe_study(entry))
        if "mlflow_run_id" in entry:
            for run in runs:
                own = self.ledger.setdefault("runs", {}).setdefault(run.name, {})
                self._guarded(run, own, lambda run=run, own=own: self._run(run, own))  # type: ignore[misc]
        self._guarded(self.folder, entry, lambda: self._study(entry))
        return self.shipped

    def _guarded(self, place: Path, entry: dict[str, Any], send: Callable[[], None]) -> None:
        """One run that MLflow lost or refuses must not keep the others from being sent."""
        if entry.get("deleted"):
            return
        if entry.get("refused") and not self.again:
            self.shipped.kept[place.name] = entry["refused"]
            return
        entry.pop("refused", None)
        try:
            try:
                send()
            except TrackerGone:
                entry.clear()
                if place == self.folder:
                    self._describe_study(entry)
                send()
        except TrackerDown:
            raise
        except RecordError as error:
            run = entry.get("mlflow_run_id")
            if run and self.tracker.stage(run) == "deleted":
                entry["deleted"] = True  # by somebody in the UI: their wish
            else:
                entry["refused"] = self.shipped.kept[place.name] = str(error)
            self._save()

    def _describe_study(self, entry: dict[str, Any]) -> None:
        """Create the parent, and tell it what study.json says, again whenever that has grown."""
        mark = _mark(self.folder / "study.json")
        if entry.get("described") and self.again and self.tracker.stage(entry["mlflow_run_id"]) == "gone":
            entry.clear()  # the store was replaced: nothing of this study is in the new one
            self.ledger.pop("runs", None)
        if entry.get("described") == mark:
            return
        facts, tracker = self.facts, self.tracker
        tags = translate.tags(facts, facts, self.home_tag)
        if "mlflow_run_id" not in entry:
            entry["experiment_id"] = tracker.experiment(str(facts.get("experiment", "workbench")))
            entry["mlflow_run_id"] = tracker.ensure_run(
                entry["experiment_id"],
                self.folder.name,
                name=translate.study_name(facts),
                start=_start(self.folder / "study.json", facts),
                tags=tags,
            )
            entry["status"] = "RUNNING"
            self._save()
        run, known = entry["mlflow_run_id"], set(entry.get("params", []))
        params = translate.study_params(facts)
        tracker.tags(run, tags)
        tracker.params(run, {key: value for key, value in params.items() if key not in known})  # MLflow keeps the first
        entry["params"] = sorted(known | params.keys())
        for path, md5 in (facts.get("pins") or {}).items():
            tracker.input(run, path, md5)
        if facts.get("settings"):
            tracker.text(run, translate.settings(facts), "settings.md")
        entry["described"] = mark
        self._save()

    def _study(self, entry: dict[str, Any]) -> None:
        state = read_state(self.folder, kind="study")
        if state == "interrupted" and self.live:
            state = "running"
        self._tail(self.folder, entry)
        if state in ("finished", "failed") and not _done(self.folder, entry):
            result = read_json(self.folder / RESULT)
            run = entry["mlflow_run_id"]
            self.tracker.metrics(run, self._judged(entry, translate.summary_metrics(result)))
            table = translate.verdicts(result)
            self.tracker.text(run, table, "verdict.md")
            self.tracker.tags(run, {"mlflow.note.content": table})
            self._files(self.folder, entry, frozenset())
        self._status(entry, state, self.folder)
        self.shipped.complete += _done(self.folder, entry)

    def _judged(self, entry: dict[str, Any], summary: dict[str, float]) -> list[Point]:
        """A study's numbers as points: those of an earlier judgement again with its time, others at the next step.

        A study is judged anew whenever it is run again. MLflow takes an equal point with another time for a second one.
        """
        when, known = _modified(self.folder / RESULT), entry.setdefault("judged", {})
        for key, value in summary.items():
            told, _, step = known.get(key, (None, 0, -1))
            if told != repr(value):
                known[key] = [repr(value), when, step + 1]
        self._save()  # first: killed after sending, the same points are sent again
        return [(key, value, known[key][1], known[key][2]) for key, value in summary.items()]

    def _run(self, folder: Path, entry: dict[str, Any]) -> None:
        facts = read_json(folder / "run.json")
        if entry.get("created") != facts.get("created"):
            self._retire(folder, entry)
        elif _done(folder, entry):
            self.shipped.complete += 1
            return
        state = read_state(folder)
        if "described" not in entry:
            self._describe_run(folder, entry, facts)
        if state == "running":
            self._status(entry, state, folder)
        self._tail(folder, entry)
        if state in ("finished", "failed"):
            self._finish(folder, entry)
        self._status(entry, state, folder)
        self.shipped.complete += _done(folder, entry)

    def _retire(self, folder: Path, entry: dict[str, Any]) -> None:
        """Done anew here: the new history goes to a new run of MLflow, the old one keeps its own under another key."""
        if "mlflow_run_id" in entry:
            run, created = entry["mlflow_run_id"], entry.get("created")
            self.tracker.tags(run, {"wb.key": f"{self.folder.name}/{folder.name}#{created}"})
            if entry.get("status") == "RUNNING":
                self.tracker.status(run, "KILLED")
        entry.clear()

    def _describe_run(self, folder: Path, entry: dict[str, Any], facts: dict[str, Any]) -> None:
        parent, tracker = self.ledger["study"]["mlflow_run_id"], self.tracker
        run = tracker.ensure_run(
            tracker.experiment(str(self.facts.get("experiment", "workbench"))),
            f"{self.folder.name}/{folder.name}",
            name=translate.run_name(facts, self.facts),
            start=_start(folder / "run.json", facts),
            tags=translate.tags(facts, self.facts, self.home_tag),
            parent=parent,
        )
        entry |= {"mlflow_run_id": run, "status": "RUNNING", "created": facts.get("created"), "offset": 0}
        self._save()
        tracker.params(run, translate.params(facts))
        for path, md5 in (facts.get("pins") or {}).items():
            tracker.input(run, path, md5)
        entry["elsewhere"] = self._claim(folder, run)
        if entry["elsewhere"]:
            tracker.tags(run, {"wb.files": f"runs:/{entry['elsewhere']}"})
        entry["described"] = True
        self._save()

    def _claim(self, folder: Path, run: str) -> str:
        """The MLflow run that holds this run's big files, or "" when that is ``run`` itself from now on."""
        claims = _read(folder / LEDGER)
        holder = str(claims.get(self.tracker.shown, ""))
        if holder and holder != run and self.tracker.stage(holder) == "active":
            return holder
        claims[self.tracker.shown] = run
        write_json(folder / LEDGER, claims)
        return ""

    def _finish(self, folder: Path, entry: dict[str, Any]) -> None:
        view = read_run(folder)
        when = _modified(folder / RESULT)
        step = max((points[-1][0] for points in view.metrics.values()), default=0)
        told = {key: repr(points[-1][1]) for key, points in view.metrics.items()}
        points = [
            (key, float(value), when, step) for key, value in view.final().items() if told.get(key) != repr(value)
        ]
        run = entry["mlflow_run_id"]
        self.tracker.metrics(run, points)
        if why := (view.result or {}).get("why"):
            self.tracker.tags(run, {"wb.why": str(why)})
        self._files(folder, entry, BIG if entry.get("elsewhere") else frozenset())

    def _tail(self, folder: Path, entry: dict[str, Any]) -> None:
        """Send the journal's lines behind the offset, in batches small enough to lose little time by a break."""
        path = folder / JOURNAL
        offset = int(entry.get("offset", 0))
        if not path.exists() or path.stat().st_size <= offset:
            return
        lines, end = read_lines(path, offset)
        points: list[Point] = [
            (line["key"], line["value"], line["t"], line["step"]) for line in lines if line["kind"] == "metric"
        ]
        self.tracker.metrics(entry["mlflow_run_id"], points)
        self.shipped.points += len(points)
        entry["offset"] = end
        self._save()

    def _files(self, folder: Path, entry: dict[str, Any], leave: frozenset[str]) -> None:
        """Send each file of the folder that is new or changed, and remember each one at once."""
        sent = entry.setdefault("files", {})
        for path in _artifacts(folder):
            name = path.relative_to(folder).as_posix()
            mark = _mark(path)
            if sent.get(name) == mark:
                continue
            if name not in leave:
                inside = path.parent.relative_to(folder).as_posix()
                self.tracker.file(entry["mlflow_run_id"], path, None if inside == "." else inside)
            sent[name] = mark
            self._save()

    def _status(self, entry: dict[str, Any], state: State, folder: Path) -> None:
        wanted = _STATUS[state]
        if entry.get("status") != wanted:
            ends = [path for path in (folder / RESULT, folder / JOURNAL) if path.exists()]
            self.tracker.status(entry["mlflow_run_id"], wanted, _modified(ends[0]) if ends else None)
            entry["status"] = wanted
            self._save()

    def _save(self) -> None:
        write_json(self.folder / LEDGER, self.book)


def add_run(study: Path, run: str) -> None:
    """Make a run that the study's plan does not list one of its children, e.g. a source trained on the way.

    It has a file of its own, which only the study's process writes, so that it never waits for a sender.
    """
    extra = _extra(study)
    if run not in extra:
        write_json(study / EXTRA, [*extra, run])


def _extra(study: Path) -> list[str]:
    return list(read_json(study / EXTRA)) if (study / EXTRA).exists() else []


def _done(folder: Path, entry: dict[str, Any]) -> bool:
    """Whether the folder is sealed and MLflow has all of it."""
    if entry.get("deleted"):
        return True
    if entry.get("status") not in ("FINISHED", "FAILED") or not (folder / RESULT).exists():
        return False
    sent = entry.get("files", {})
    return all(sent.get(path.relative_to(folder).as_posix()) == _mark(path) for path in _artifacts(folder))


def _artifacts(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in LOCAL and path.suffix != ".lock" and path.name[0] != ".":
            yield path
    yield from sorted(path for path in (folder / "artifacts").rglob("*") if path.is_file())


def _run_folders(study: Path) -> list[Path]:
    home = study.parent.parent
    listed = [str(run["id"]) for run in read_json(study / "study.json").get("runs", [])]
    return [places.run_folder(home, run) for run in dict.fromkeys([*listed, *_extra(study)])]


def _read(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.exists() else {}


def _mark(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_mtime_ns, status.st_size]


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000_000


def _start(path: Path, facts: dict[str, Any]) -> int:
    return translate.milliseconds(facts.get("created"), _modified(path))
