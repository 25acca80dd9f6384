from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.record import places


def test_root_is_the_nearest_git_top_level(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "experiments" / "a"
    inner.mkdir(parents=True)
    assert places.find_root(inner) == tmp_path


def test_root_of_a_linked_worktree_has_a_git_file(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    assert places.find_root(tmp_path) == tmp_path


def test_root_without_git_is_pyproject_and_experiments(tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert places.find_root(tmp_path / "experiments") == tmp_path


def test_outside_a_project_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="git init"):
        places.find_root(tmp_path)


def test_home_is_below_the_root_or_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WB_HOME", raising=False)
    assert places.home(tmp_path) == tmp_path / ".wb"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WB_HOME", "state")
    assert places.home(tmp_path / "else") == tmp_path / "state"


def test_prepared_home_is_ignored_by_git(tmp_path: Path) -> None:
    place = places.prepare(tmp_path / ".wb")
    assert (place / ".gitignore").read_text() == "*\n"
    assert places.prepare(place) == place


def test_only_folders_with_a_record_that_were_not_set_aside_are_listed(tmp_path: Path) -> None:
    for name in ("b", "a", "empty", ".a.failed-1"):
        places.run_folder(tmp_path, name).mkdir(parents=True)
    for name in ("b", "a", ".a.failed-1"):
        (places.run_folder(tmp_path, name) / "run.json").touch()
    assert [path.name for path in places.run_folders(tmp_path)] == ["a", "b"]
    assert places.study_folders(tmp_path) == []
