"""What the kept studies need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.study.state import Kept, make_kept
from workbench.errors import RecordError, UsageError
from workbench.record.journal import Journal
from workbench.record.places import run_folder, study_folder
from workbench.study.kept import (
    is_alive,
    kept_studies,
    named_commits,
    needed_runs,
    other_homes,
    study_runs,
)


@pytest.fixture
def state(tmp_path: Path) -> Kept:
    return make_kept(tmp_path)


def test_every_study_is_kept_but_those_that_are_named(state: Kept) -> None:
    one, two = state.study("one"), state.study("two")
    assert kept_studies(state.home, []) == [one, two]
    assert kept_studies(state.home, ["one"]) == [two]
    with pytest.raises(UsageError, match="there is no study 'twi'; did you mean 'two'"):
        kept_studies(state.home, ["twi"])


def test_a_study_that_is_running_cannot_be_dropped(state: Kept) -> None:
    state.study("one")
    facts = {"identity": "x", "runs": []}
    with Journal.create(study_folder(state.home, "two"), facts, kind="study"):
        assert study_runs(state.home) and is_alive(state.home)
        with pytest.raises(UsageError, match="study 'two' is running"):
            kept_studies(state.home, ["two"])
    assert not is_alive(state.home)


def test_needed_are_listed_and_measured_runs_what_they_start_from_and_what_runs_now(state: Kept) -> None:
    state.run("grandmother", "gone")
    state.run("mother", "gone", sources={"experiments/source": "grandmother"})
    state.run("listed", "gone", sources={"experiments/source": "mother"})
    state.run("measured", "one")
    state.run("orphan", "gone")
    state.run("dropped", "two")
    one = state.study("one", ["listed"])
    state.study("two", ["listed", "dropped"])
    assert needed_runs(state.home, [one]) == {"listed", "mother", "grandmother", "measured"}
    with Journal.create(run_folder(state.home, "now"), {"identity": "n", "sources": {"x": "orphan"}, "study": "three"}):
        assert needed_runs(state.home, []) == {"now", "orphan"}
        assert is_alive(state.home) and not study_runs(state.home)


def test_a_damaged_record_is_refused_rather_than_guessed(state: Kept) -> None:
    folder = state.run("listed", "one")
    (folder / "run.json").write_text("{")
    with pytest.raises(RecordError, match="unreadable record"):
        needed_runs(state.home, [])


def test_commits_of_records_here_in_reproductions_and_beside(state: Kept, tmp_path: Path) -> None:
    one = state.study("one", ["listed"], commit="1" * 40, snapshot="2" * 40)
    state.study("two", snapshot="3" * 40)
    state.run("listed", "one", snapshot="4" * 40)
    state.run("orphan", "gone", snapshot="5" * 40)
    folder = state.reproduction("r", {"commit": "6" * 40}, ended=True)
    state.study("inner", home=folder / "home", snapshot="7" * 40)
    state.run("inner", "inner", home=folder / "home", snapshot="8" * 40)
    state.git("worktree", "add", "-q", "--detach", str(tmp_path / "beside"))
    state.study("beside", home=tmp_path / "beside" / ".wb", snapshot="9" * 40)
    assert set(other_homes(state.root, state.home)) == {folder / "home", tmp_path / "beside" / ".wb"}
    found = named_commits(state.root, state.home, [one], {"listed"})
    assert found == {digit * 40 for digit in "1246789"}


def test_commits_of_published_results_here_and_on_any_branch_or_tag(state: Kept) -> None:
    def publish(digit: str) -> None:
        place = state.root / "experiments" / "x" / "results.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps({"studies": [{"commit": digit * 40, "lock": "e" * 39, "n": 1}]}))

    assert named_commits(state.root, state.home, [], []) == set()
    for branch, digit in (("other", "a"), ("tagged", "b"), ("main", "c")):
        state.git("checkout", "-q", "-B", branch, "main")
        publish(digit)
        state.git("add", "-A")
        state.git("commit", "-q", "-m", branch)
    state.git("tag", "-a", "v1", "-m", "v1", "tagged")
    state.git("tag", "blob", "main:a.txt")
    state.git("branch", "-q", "-D", "tagged")
    publish("d")
    assert named_commits(state.root, state.home, [], []) == {digit * 40 for digit in "abcd"}
