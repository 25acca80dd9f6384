"""Finding and loading a spec; what a spec can do wrong is typed in tests/cli/test_asking.py."""

import os
import sys
from pathlib import Path

import pytest

from tests.project import Project
from workbench.errors import SpecError, UsageError
from workbench.study.spec import experiment_names, find_spec, load_spec


def test_a_spec_goes_by_many_names(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project.root / "experiments/tiny/spec.py"
    for name in (
        "tiny",
        "experiments/tiny",
        "experiments/tiny/",
        "experiments/tiny/spec.py",
        str(path),
        str(path.parent),
    ):
        assert find_spec(project.root, name) == path
    monkeypatch.chdir(path.parent.parent)
    for name in ("tiny", "./tiny", "tiny/spec.py", "experiments/tiny"):
        assert find_spec(project.root, name) == path
    assert experiment_names(project.root) == ["source", "target", "tiny"]


def test_a_name_that_is_none(project: Project) -> None:
    with pytest.raises(UsageError, match="did you mean 'tiny'"):
        find_spec(project.root, "experiments/tinny/spec.py")
    (project.root / "experiments/empty").mkdir()
    with pytest.raises(UsageError, match="has no spec"):
        find_spec(project.root, "empty")
    for path in project.root.glob("experiments/*/spec.py"):
        path.unlink()
    with pytest.raises(UsageError, match="Type: wb new NAME"):
        find_spec(project.root, "other")


def test_a_loaded_spec_has_its_words(project: Project) -> None:
    spec = load_spec(project.root, "tiny")
    assert (spec.name, spec.title) == ("tiny", "Do stale statistics hurt a tiny network?")
    assert "Three policies" in spec.about and [arm.__name__ for arm in spec.experiment.arms] == [
        "TrainBN",
        "Stale",
        "Precise",
    ]


def test_without_a_docstring_it_is_titled_by_its_folder(project: Project) -> None:
    path = project.root / "experiments/tiny/spec.py"
    path.write_text("from workbench" + path.read_text().split("from workbench", 1)[1])
    assert load_spec(project.root, "tiny").title == "tiny"


def test_a_helper_beside_the_spec_is_found_and_the_path_is_left_as_it_was(project: Project) -> None:
    path = project.root / "experiments/tiny/spec.py"
    (path.parent / "tiny_helper.py").write_text("SEEDS = 7\n")
    path.write_text(
        path.read_text()
        .replace("from workbench", "from tiny_helper import SEEDS\nfrom workbench", 1)
        .replace("seeds=2", "seeds=SEEDS")
    )
    before = list(sys.path)
    try:
        assert load_spec(project.root, "tiny").experiment.seeds == 7
    finally:
        sys.modules.pop("tiny_helper", None)
    assert sys.path == before


def test_an_error_in_a_helper_names_the_spec_s_line(project: Project) -> None:
    path = project.root / "experiments/tiny/spec.py"
    (path.parent / "broken_helper.py").write_text("def f():\n    raise KeyError('x')\n")
    path.write_text(path.read_text() + "\nimport broken_helper\n\nbroken_helper.f()\n")
    line = len(path.read_text().splitlines())
    with pytest.raises(SpecError) as caught:
        load_spec(project.root, "tiny")
    sys.modules.pop("broken_helper", None)
    assert caught.value.where == f"experiments/tiny/spec.py:{line}" and "KeyError: 'x'" in caught.value.problem


def test_a_spec_from_outside_of_the_project(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "spec.py").write_text((project.root / "experiments/tiny/spec.py").read_text())
    assert load_spec(project.root, os.fspath(place)).name == "elsewhere"
    (place / "spec.py").write_text("x = 1\n")
    with pytest.raises(SpecError) as caught:
        load_spec(project.root, os.fspath(place))
    assert caught.value.where == str(place / "spec.py")
