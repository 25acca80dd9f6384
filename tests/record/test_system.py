from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from workbench.record.journal import Journal, read_run
from workbench.record.system import Sampler, sample


def test_load_of_our_own_processes() -> None:
    tree = {}
    sample(tree, None)
    began, used = time.monotonic(), time.process_time()
    while time.process_time() < used + 0.3:
        sum(range(1000))
    busy = sample(tree, None)
    own = 100 * (time.process_time() - used) / (time.monotonic() - began)  # on a busy machine not near 100
    assert own / 2 < busy["system/cpu_percent"] < 400
    assert busy["system/memory_mb"] > 5
    assert "system/gpu_percent" not in busy


def test_children_count_and_the_dead_are_forgotten() -> None:
    tree = {}
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        before = sample(tree, None)["system/processes"]
        assert child.pid in tree and os.getpid() in tree
    assert child.pid not in (sample(tree, None) and tree)
    assert before >= 2


def test_sampler_continues_its_steps_after_a_break(tmp_path: Path) -> None:
    for _ in range(2):
        with Journal.create(tmp_path, {"id": "s"}, kind="study") as journal:
            sampler = Sampler(journal, every=0.02)
            sampler.start()
            deadline = time.monotonic() + 20
            first = journal.last_step("system/cpu_percent")
            while journal.last_step("system/cpu_percent") < first + 3:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            sampler.stop()
    steps = [step for step, _, _ in read_run(tmp_path, kind="study").metrics["system/memory_mb"]]
    assert steps == list(range(len(steps))) and len(steps) >= 6


def test_a_short_study_has_a_reading_too(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {"id": "s"}, kind="study") as journal:
        sampler = Sampler(journal, every=3600)
        sampler.start()
        deadline = time.monotonic() + 60
        while journal.last_step("system/cpu_percent") < 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        sampler.stop()
    assert len(read_run(tmp_path, kind="study").metrics["system/processes"]) == 1


def test_stop_without_start(tmp_path: Path) -> None:
    with Journal.create(tmp_path, {"id": "s"}, kind="study") as journal:
        Sampler(journal).stop()


def test_gpu_that_is_not_there_is_left_out() -> None:
    assert "system/cpu_percent" in sample({}, 99)
    assert "system/gpu_percent" not in sample({}, 99)
