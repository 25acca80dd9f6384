"""Every engine computes in the same surroundings, set before CUDA can be used."""

import subprocess
import sys

import pytest

from workbench.study.engines.inline import Listener, run_inline
from workbench.study.engines.surroundings import CUBLAS, surroundings


def test_threads_are_pinned_where_they_are_known() -> None:
    assert surroundings(3) == {CUBLAS: ":4096:8", "OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "3"}
    assert set(surroundings()) == {CUBLAS}


def test_what_the_person_has_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CUBLAS, ":16:8")
    assert surroundings(1)[CUBLAS] == ":16:8"


def test_running_in_this_process_sets_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv(CUBLAS, "")  # so that the variable is put back after the test
    monkeypatch.delenv(CUBLAS)
    nobody = Listener(lambda run: None, lambda *values: None, lambda *values: None)
    run_inline([], {}, nobody)
    assert os.environ[CUBLAS] == ":4096:8"


def test_a_process_that_starts_in_them_has_its_threads() -> None:
    import os

    code = "import torch; print(torch.get_num_threads())"
    environment = {**os.environ, **surroundings(1)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
