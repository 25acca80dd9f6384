"""The programs that the README shows: those in docs/programs, as short as it says, and they run."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.programs import lines, prepared
from tests.programs import LIBRARIES, PROGRAMS, README, TASKS, page, results
from workbench import Learner

DATA = {
    "image": ("grocery.zip", "mobilenet_v2.pth"),
    "text": ("clothing.csv",),
    "table": ("adult.csv",),
    "ratings": ("movielens.csv",),
    "houses": ("california_housing.csv",),
}
NAMES = {"table": "test/error", "ratings": "test/rmse", "houses": "test/mae"}
SMALL = {"image": (140, 2), "text": (2_000, 3)}
"""Items and epochs; 500 texts are too few to tell anything from."""
MOST = {"image": 5, "text": 6, "table": 6, "ratings": 6, "houses": 6}


def test_the_readme_shows_the_programs_as_they_are() -> None:
    assert README.read_text() == page(), "Type: python -m tests.programs"


@pytest.mark.parametrize("task", TASKS)
def test_lines_are_counted_right_and_ours_are_few(task: str) -> None:
    for library in LIBRARIES:
        assert lines(PROGRAMS / task / f"with_{library}.py") == int(results()[task, library][0])
    assert int(results()[task, "workbench"][0]) <= MOST[task]


def test_seeds_and_the_rows_that_others_hold_out_reach_our_programs(
    carried: Callable[[str], Path], tmp_path: Path
) -> None:
    carried("data/movielens.csv")
    path, root = prepared("ratings", "workbench", 3, tmp_path)
    source = path.read_text()
    assert "Films(3, threads=2)" in source and 'split=Split("given", column="split")' in source
    parts = [line.rpartition(",")[2] for line in (root / "data/movielens.csv").read_text().split()]
    assert (parts.count("train"), parts.count("test")) == (80_000, 20_000)
    assert "random_state=3" in prepared("ratings", "keras", 3, tmp_path)[0].read_text()


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_ours_run(task: str, carried: Callable[[str], Path], capsys: pytest.CaptureFixture[str],
                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """In full where that takes seconds; pictures and texts in small, since real runs of theirs are tested elsewhere."""
    for name in DATA[task]:
        monkeypatch.chdir(carried(f"data/{name}").parent.parent)
    tree, names = ast.parse((PROGRAMS / task / "with_workbench.py").read_text()), dict[str, Any]()
    if task in ("image", "text"):
        exec(compile(ast.Module(tree.body[:-1], []), task, "exec"), names)
        arm = next(each for each in names.values() if isinstance(each, type) and Learner in each.__bases__)
        items, epochs = SMALL[task]
        result = arm.but(data__train=items, fit__epochs=epochs)().run()
        assert result.metrics["test/loss"] < result.constant["test/loss"]
        return
    exec(compile(tree, task, "exec"), names)
    shown = capsys.readouterr().out.split()
    name = NAMES[task]
    score, constant = shown[shown.index(name) + 1], shown[shown.index(name) + 3].rstrip(")")
    assert float(score) < 0.9 * float(constant)
