"""What may not be published: everything that nobody could re-create."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.project import Project, read
from workbench.errors import RecordError
from workbench.record.git import Repository
from workbench.study import recreatable


@pytest.fixture
def study(measured: Project) -> dict[str, Any]:
    return read(measured.study() / "study.json")


def refusal(project: Project, study: dict[str, Any]) -> str:
    with pytest.raises(RecordError) as refused:
        recreatable.require(project.root, project.home, study)
    assert refused.value.where == study["id"] and refused.value.hint
    return str(refused.value)


def test_a_finished_study_of_a_clean_tree_is_good(measured: Project, study: dict[str, Any]) -> None:
    assert recreatable.require(measured.root, measured.home, study) == []
    assert recreatable.whole(study) and recreatable.progress(measured.home, study) == (4, 4)


def test_a_missing_run_or_verdict(measured: Project, study: dict[str, Any]) -> None:
    (measured.study() / "result.json").unlink()
    assert "was not judged yet. Type: wb run quick --tier default" in refusal(measured, study)
    (measured.home / "runs" / study["runs"][2]["id"] / "result.json").unlink()
    assert "is not finished (3 of 4 runs)" in refusal(measured, study)


@pytest.mark.parametrize(("kind", "refused"), [("error", True), ("diverged", False)])
def test_a_run_that_stopped_is_refused_and_one_that_diverged_is_a_result(
    kind: str, refused: bool, measured: Project, study: dict[str, Any]
) -> None:
    path = measured.home / "runs" / study["runs"][1]["id"] / "result.json"
    path.write_text(json.dumps({"state": "failed", "kind": kind, "why": "no such label", "metrics": {}}))
    if refused:
        assert "a run stopped with an error: main · Plain · seed 0 (no such label)" in refusal(measured, study)
    else:
        assert recreatable.require(measured.root, measured.home, study) == []


def test_files_left_out_of_the_snapshot(measured: Project, study: dict[str, Any]) -> None:
    study["left_out"] = {"big.bin": "12 MB, more than 10 MB", ".env": "its name looks like a secret"}
    said = refusal(measured, study)
    assert "made without .env (its name looks like a secret), big.bin (12 MB, more than 10 MB)" in said


def test_a_commit_that_is_not_here_or_that_nothing_reaches(measured: Project, study: dict[str, Any]) -> None:
    good = study["commit"]
    study["snapshot"] = "0123456789" * 4
    assert "its commit 012345678901 is not in this repository" in refusal(measured, study)
    tree = measured.git("rev-parse", f"{good}^{{tree}}")
    study["snapshot"] = measured.git("commit-tree", tree, "-p", good, "-m", "a snapshot")
    said = refusal(measured, study)
    assert f"no branch, tag or refs/wb ref reaches its commit {study['snapshot'][:12]}" in said
    command = said.partition("Type: git ")[2]
    measured.git(*command.split())  # what it says to type is enough
    assert recreatable.require(measured.root, measured.home, study) == []


@pytest.mark.parametrize(("dirty", "said"), [(True, "is the snapshot of a tree with"), (False, "is on no branch")])
def test_a_commit_that_only_we_hold_has_to_be_shared(
    dirty: bool, said: str, measured: Project, study: dict[str, Any]
) -> None:
    good = study["commit"]
    study["dirty"] = dirty
    study["snapshot"] = measured.git("commit-tree", f"{good}^{{tree}}", "-p", good, "-m", "a snapshot")
    measured.git("update-ref", "refs/wb/quick", study["snapshot"])
    (note,) = recreatable.require(measured.root, measured.home, study)
    assert said in note and note.endswith("others get it by: wb share")


def test_a_detached_head_reaches_its_commit(measured: Project, study: dict[str, Any]) -> None:
    measured.git("checkout", "-q", "--detach")
    measured.git("branch", "-D", "main")
    for ref in measured.git("for-each-ref", "--format=%(refname)", "refs/wb").split():
        measured.git("update-ref", "-d", ref)
    assert recreatable.reaching(Repository.find(measured.root), study["commit"]) == "HEAD"


def test_a_shallow_clone_says_so(measured: Project, tmp_path: Path) -> None:
    old = measured.git("rev-parse", "HEAD^")
    measured.git("clone", "-q", "--depth=1", f"file://{measured.root}", str(tmp_path / "clone"))
    with pytest.raises(RecordError, match=r"is not in this repository\. Type: git fetch --unshallow"):
        recreatable.require_commit(Repository.find(tmp_path / "clone"), old, "quick")


def test_a_lock_that_is_missing_or_another(measured: Project, study: dict[str, Any]) -> None:
    assert "ran without requirements.txt" in refusal(measured, {**study, "lock": ""})
    assert "is not the one it ran with" in refusal(measured, {**study, "lock": "0" * 64})
    start = measured.git("rev-parse", "HEAD^")
    assert f"its commit {start[:12]} holds no requirements.txt" in refusal(measured, {**study, "snapshot": start})


def test_a_run_of_another_environment(measured: Project, study: dict[str, Any]) -> None:
    path = measured.home / "runs" / study["runs"][1]["id"] / "run.json"
    facts = read(path)
    for fact, said in (("lock", "another requirements.txt"), ("class", "another reproduction class")):
        path.write_text(json.dumps({**facts, fact: "0" * 64}))
        with pytest.raises(RecordError, match=rf"was recorded with {said} than the rest .*rm -r .*wb run"):
            recreatable.require(measured.root, measured.home, study)


def test_packages_that_deviate_are_said_loudly(measured: Project, study: dict[str, Any]) -> None:
    study["environment"]["deviations"] = {"torch": ["2.14.0", "2.15.0"], "numpy": ["2.0", None]}
    (note,) = recreatable.require(measured.root, measured.home, study)
    assert note.startswith("ATTENTION") and "torch 2.15.0 (locked: 2.14.0), numpy not installed (locked: 2.0)" in note


def test_data_that_is_nowhere(measured: Project, study: dict[str, Any]) -> None:
    path = measured.root / "data/small.npz"
    path.rename(path.with_name("elsewhere.npz"))  # DVC's cache has it
    assert recreatable.require(measured.root, measured.home, study) == []
    study["pins"] = {"data/small.npz": "0" * 32}
    assert "its data data/small.npz (md5 00000000) is neither here nor" in refusal(measured, study)
    study["pins"] = {"data/mnist.npz": "0" * 32}  # has a source
    assert recreatable.require(measured.root, measured.home, study) == []


@pytest.mark.parametrize(
    ("change", "is_whole"),
    [({"seeds": 3}, False), ({"arms": ["A"]}, False), ({"cells": ["a"]}, False), ({"sets": {"fit__lr": "1"}}, False),
     ({"only": [0]}, False), ({"level": "fast"}, False), ({"device": "cuda", "threads": 4}, True)],
)  # fmt: skip
def test_less_than_a_tier(change: dict[str, Any], is_whole: bool) -> None:
    assert recreatable.whole({"options": change}) is is_whole
    assert not recreatable.whole({"options": {}, "reproduces": "bn_finetune-full-1"})
