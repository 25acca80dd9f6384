from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record.journal import JOURNAL, Journal, read_lines, read_run, read_state

FACTS = {"format": 1, "id": "r1", "identity": "abc", "fields": {"fit.lr": 1e-3}}


def test_states_from_new_to_finished(tmp_path: Path) -> None:
    folder = tmp_path / "r1"
    assert read_state(folder) == "new"
    journal = Journal.create(folder, FACTS)
    assert read_state(folder) == "running"
    journal.close()
    assert read_state(folder) == "interrupted"
    with Journal.create(folder, FACTS) as journal:
        journal.seal({"state": "finished", "metrics": {"test/error": 0.25}})
    assert read_state(folder) == "finished"
    assert read_run(folder).final() == {"test/error": 0.25}


def test_failed_run_and_study_without_a_state(tmp_path: Path) -> None:
    Journal.create(tmp_path / "r", FACTS).seal({"state": "failed", "why": "loss is nan"})
    assert read_state(tmp_path / "r") == "failed"
    Journal.create(tmp_path / "s", {"id": "s"}, kind="study").seal({"cells": []})
    assert read_state(tmp_path / "s", kind="study") == "finished"
    assert read_run(tmp_path / "s", kind="study").facts == {"id": "s"}


def test_resumed_run_keeps_one_history_with_its_first_times(tmp_path: Path) -> None:
    with Journal.create(tmp_path, FACTS) as journal:
        for step in range(3):
            journal.metric("loss", 1.0 / (step + 1), step)
    first = read_run(tmp_path).metrics["loss"]
    time.sleep(0.01)
    with Journal.create(tmp_path, FACTS) as journal:
        for step in range(5):
            journal.metrics({"loss": 1.0 / (step + 1)}, step)
    view = read_run(tmp_path)
    assert view.metrics["loss"][:3] == first
    assert [step for step, _, _ in view.metrics["loss"]] == [0, 1, 2, 3, 4]
    assert [event["name"] for event in view.events] == ["resumed"]


def test_facts_of_the_first_opening_stay(tmp_path: Path) -> None:
    Journal.create(tmp_path, FACTS).close()
    Journal.create(tmp_path, {**FACTS, "commit": "later"}).close()
    assert read_run(tmp_path).facts == FACTS


def test_unusual_numbers_survive(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {**FACTS, "limit": math.inf}) as journal:
        for step, value in enumerate([math.nan, math.inf, -math.inf, -0.0, 0.1 + 0.2]):
            journal.metric("x", value, step)
        journal.seal({"state": "finished", "metrics": {"test/error": math.nan}})
    view = read_run(tmp_path)
    values = [value for _, value, _ in view.metrics["x"]]
    assert math.isnan(values[0])
    assert values[1:3] == [math.inf, -math.inf]
    assert math.copysign(1, values[3]) == -1
    assert values[4] == 0.1 + 0.2
    assert math.isnan(view.final()["test/error"])
    assert view.facts["limit"] == math.inf
    for line in (tmp_path / JOURNAL).read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("torn", [b'{"t":1,"kind":"met', b'{"t":1,"kind":"met\n', b"\0\0\0\0"])
def test_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    with Journal.create(tmp_path, FACTS) as journal:
        journal.metric("loss", 0.5, 0)
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + torn)
    assert len(read_run(tmp_path).metrics["loss"]) == 1
    with Journal.create(tmp_path, FACTS) as journal:
        journal.metric("loss", 0.25, 1)
    assert (tmp_path / JOURNAL).read_bytes().startswith(whole + b'{"t":')
    assert [value for _, value, _ in read_run(tmp_path).metrics["loss"]] == [0.5, 0.25]


def test_damage_in_the_middle_is_an_error(tmp_path: Path) -> None:
    with Journal.create(tmp_path, FACTS) as journal:
        journal.metric("loss", 0.5, 0)
        journal.metric("loss", 0.5, 1)
    content = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(b"x" + content)
    with pytest.raises(RecordError, match=r"byte 0: damaged line"):
        read_run(tmp_path)


def test_killed_process_leaves_an_interrupted_run_that_can_be_continued(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from workbench.record.journal import Journal\n"
        f"journal = Journal.create(pathlib.Path(sys.argv[1]), {FACTS!r})\n"
        "step = 0\n"
        "while True:\n"
        "    journal.metric('loss', 1 / (step + 1), step)\n"
        "    step += 1\n"
        "    if step == 200: print('ready', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        assert read_state(tmp_path) == "running"
        with pytest.raises(RecordError, match="another process"):
            Journal.create(tmp_path, FACTS)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert read_state(tmp_path) == "interrupted"
    before = len(read_run(tmp_path).metrics["loss"])
    assert before >= 200
    with Journal.create(tmp_path, FACTS) as journal:
        for step in range(before + 5):
            journal.metric("loss", 1 / (step + 1), step)
    history = read_run(tmp_path).metrics["loss"]
    assert [(step, value) for step, value, _ in history] == [(step, 1 / (step + 1)) for step in range(before + 5)]


def test_two_writers_of_one_file_never_mix_their_lines(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, FACTS)

    def write(key: str) -> None:
        for step in range(300):
            journal.metrics({f"{key}/{n}": 0.5 for n in range(5)}, step)

    threads = [threading.Thread(target=write, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    lines, offset = read_lines(tmp_path / JOURNAL)
    assert len(lines) == 2 * 300 * 5
    assert offset == (tmp_path / JOURNAL).stat().st_size


def test_full_disk_is_one_clear_error_and_leaves_no_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path, FACTS)
    journal.metric("loss", 0.5, 0)
    write, calls = os.write, []

    def full(handle: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return write(handle, data[:7])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(RecordError, match="disk is full"):
            journal.metric("loss", 0.25, 1)
    journal.metric("loss", 0.25, 1)
    journal.close()
    assert [value for _, value, _ in read_run(tmp_path).metrics["loss"]] == [0.5, 0.25]


def test_really_full_disk() -> None:
    """/dev/full refuses every write with ENOSPC, as a full disk does."""
    from workbench.record.files import refusal

    with pytest.raises(OSError) as caught, Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")
    assert "Free some space" in str(refusal(Path("/x"), caught.value))


def test_closed_record_and_foreign_record_are_refused(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, FACTS)
    journal.close()
    with pytest.raises(RecordError, match="another run"):
        Journal.create(tmp_path, {**FACTS, "identity": "xyz"})
    with pytest.raises(RecordError, match="journal is closed"):
        journal.metric("loss", 1.0, 0)
    Journal.create(tmp_path, FACTS).seal({"state": "finished"})
    with pytest.raises(RecordError, match="rm -r"):
        Journal.create(tmp_path, FACTS)


def test_reading_from_an_offset_sees_only_what_is_new(tmp_path: Path) -> None:
    with Journal.create(tmp_path, FACTS) as journal:
        journal.metric("loss", 0.5, 0)
        lines, offset = read_lines(tmp_path / JOURNAL)
        journal.metric("loss", 0.25, 1)
        more, _ = read_lines(tmp_path / JOURNAL, offset)
    assert [line["value"] for line in lines] == [0.5]
    assert [line["value"] for line in more] == [0.25]


def test_journal_costs_little_and_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys, workbench.record.journal\n"
        "print([name for name in ('torch', 'numpy', 'mlflow', 'git') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    with Journal.create(tmp_path, FACTS) as journal:
        start = time.perf_counter()
        for step in range(2000):
            journal.metric("loss", 0.5, step)
        assert (time.perf_counter() - start) / 2000 < 1e-3
