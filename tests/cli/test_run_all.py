"""``wb run --all`` in a small project: every experiment, also after one that cannot run."""

from collections.abc import Callable

import pytest

from tests.project import Project, Typed

Wb = Callable[..., Typed]


def test_every_experiment_is_run_and_told_of(project: Project, typed: Wb) -> None:
    done = typed("run", "--all", "--smoke", "--jobs", "1")
    assert done.code == 0, done.err
    assert [line for line in done.out.splitlines() if line.startswith("== ")] == [
        "== source (1 of 3)", "== target (2 of 3)", "== tiny (3 of 3)",
    ]  # fmt: skip
    table = done.out[done.out.rindex("experiment ") :].splitlines()
    assert [row.split()[:2] for row in table[2:]] == [
        ["source", "finished"], ["target", "finished"], ["tiny", "finished"], ["all", "3"],
    ]  # fmt: skip
    assert {experiment for experiment, _, _ in project.runs()} == {"source", "target", "tiny"}


def test_one_that_cannot_run_does_not_stop_the_others(project: Project, typed: Wb) -> None:
    project.spec("broken", "experiment = 1 / 0\n")
    done = typed("run", "--all", "--smoke", "--jobs", "1")
    assert done.code == 1 and "wb: experiments/broken/spec.py:1: ZeroDivisionError" in done.err
    table = done.out[done.out.rindex("experiment ") :].splitlines()
    assert table[2].startswith("broken") and "could not run" in table[2] and "3 of 4" in table[-1]
    assert sum("finished" in row for row in table) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which experiment? Name one, or type --all. See 'wb run --help'"),
        (("--all", "tiny"), "--all and the experiment 'tiny' exclude each other"),
        (("--all", "--arm", "Stale"), "--all and --arm exclude each other"),
        (("--all", "--set", "fit.lr=1"), "--all and --set exclude each other"),
    ],
)
def test_what_makes_no_sense(words: tuple[str, ...], said: str, project: Project, typed: Wb) -> None:
    done = typed("run", *words)
    assert done.code == 2 and said in done.complaint()


def test_without_experiments(project: Project, typed: Wb) -> None:
    for spec in project.root.glob("experiments/*/spec.py"):
        spec.unlink()
    assert "there is no experiment yet. Type: wb new my_question" in typed("run", "--all").complaint()
