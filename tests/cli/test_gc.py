"""``wb gc`` lists first, asks, and removes only then."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import Project, Typed
from tests.study.state import Kept, make_kept
from workbench.record.places import run_folder


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A state folder with a study and its run, and eight runs that nobody needs; the test stands in its project."""
    found = make_kept(tmp_path)
    monkeypatch.chdir(found.root)
    found.study("one", ["needed"], snapshot=found.snapshot("one", "1"))
    found.run("needed", "one", done=False)
    for n in range(8):
        found.run(f"orphan{n}", "gone", done=False)
    found.snapshot("nobodys", "2")
    return found


def orphans(state: Kept) -> int:
    return len(list((state.home / "runs").glob("orphan*")))


def test_without_a_terminal_it_only_lists(state: Kept, typed: Callable[..., Typed]) -> None:
    done = typed("gc")
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert any(line.startswith("run orphan0, orphan1 and 6 more 8.") for line in lines), done.out
    assert any(line.startswith("ref nobodys-") and "no kept run or published result names" in line for line in lines)
    assert (
        "9 in all, 8." in done.out
        and f"by the records in {state.home}." in done.out
        and "type: mlflow gc" in done.out
        and "add: --yes" in lines[-1]
    )
    assert orphans(state) == 8 and state.refs() == {"one", "nobodys"}


def test_with_yes_it_removes_what_it_listed(state: Kept, typed: Callable[..., Typed]) -> None:
    done = typed("gc", "--yes")
    assert done.code == 0 and "Removed 9 of 9, 8." in done.out
    assert orphans(state) == 0 and state.refs() == {"one"}
    assert (run_folder(state.home, "needed") / "checkpoint.safetensors").exists()
    assert typed("gc", "--yes").out == "Nothing to remove: every run, commit and environment here is needed.\n"


def test_a_study_that_is_named_goes(state: Kept, typed: Callable[..., Typed]) -> None:
    wrong = typed("gc", "--study", "on", "--yes")
    assert wrong.code == 2 and "there is no study 'on'; did you mean 'one'?" in wrong.complaint()
    assert orphans(state) == 8
    done = typed("gc", "--study", "one", "--yes")
    assert done.code == 0 and "you named it" in done.out
    assert not run_folder(state.home, "needed").exists() and state.refs() == set()


def test_a_real_study_needs_all_it_has_with_the_networks_that_it_starts_from(
    project: Project, typed: Callable[..., Typed]
) -> None:
    assert typed("run", "target", "--arm", "Tuned", "--jobs", "1").code == 0
    runs = project.runs()
    assert {key[0] for key in runs} == {"source", "target"}
    assert typed("gc", "--yes").out.startswith("Nothing to remove")
    assert project.runs() == runs
    assert typed("gc", "--study", project.study().name, "--yes").code == 0
    assert project.runs() == {} and list(project.home.glob("studies/*")) == []


@pytest.mark.parametrize(("answer", "left"), [("n", 8), ("y", 0)])
def test_on_a_terminal_it_asks(state: Kept, answer: str, left: int) -> None:
    typing, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "workbench", "gc"], cwd=state.root, stdin=terminal, stdout=subprocess.PIPE
    ) as process:
        os.write(typing, f"{answer}\n".encode())
        out, _ = process.communicate(timeout=120)
    os.close(typing)
    os.close(terminal)
    assert process.returncode == 0 and b"Remove all of this? [y/N]" in out
    assert (b"Nothing was removed." in out) == (answer == "n")
    assert orphans(state) == left
