"""What a reproduction asks for and where it is made; the training itself is tested by tests/test_reproduction.py."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from tests.project import Project, read
from tests.recorded import facts
from workbench.cli.asking import asked
from workbench.cli.run import command
from workbench.errors import RecreateError, UsageError
from workbench.record import worktrees
from workbench.record.git import Repository
from workbench.study import reproduce
from workbench.study.plan import Options
from workbench.study.recorded import RecordedRun, RecordedStudy
from workbench.study.reference import Reference, resolve
from workbench.study.reproduce import Request, begin, carry_out, check_part, end, untrusted
from workbench.study.runner import _asked


def request_for(project: Project, name: str = "", **more: Any) -> Request:
    reference = resolve(project.root, project.home, name or facts(project)["id"])
    assert reference.study is not None
    return Request(reference, reference.study, **more)


def again(options: Options, *, arms: tuple[str, ...] = (), seeds: int | None = None) -> Options:
    """What ``wb run`` makes of the words with which a study of these options is repeated."""
    study = {
        "id": "s1", "experiment": "tiny", "tier": options.tier, "device": options.device, "threads": options.threads,
        "options": json.loads(json.dumps(_asked(options))),
    }  # fmt: skip
    request = Request(Reference("x", "c" * 40), RecordedStudy("here", study, ()), arms, seeds)
    assert request.partial is bool(arms or seeds)
    run, *words = request.words()
    assert run == "run"
    typed = command.make_context("run", words).params
    assert not any(typed.pop(name) for name in ("jobs", "require_clean", "pdb", "every"))
    return asked(**typed)[3]


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(tier="smoke", threads=2),
        Options(cells=("main",), arms=("Stale", "Precise"), seeds=3),
        Options(only=(7, 5), level="strict"),
        Options(sets={"fit__lr": 1e-3, "fit__clip": None, "data__path": "data/x=y.npz", "data__pool": [0.0, 0.5]}),
        Options(sets={"data__path": "12"}, level="fast"),
    ],
)
def test_what_was_typed_comes_back(options: Options, project: Project) -> None:
    assert again(options) == options


def test_a_part_takes_the_place_of_what_was_typed(project: Project) -> None:
    whole = Options(arms=("Stale", "Precise"), seeds=5, level="fast", sets={"fit__lr": 0.5})
    assert again(whole, arms=("Stale",)) == dataclasses.replace(whole, arms=("Stale",))
    assert again(whole, seeds=2) == dataclasses.replace(whole, seeds=2)
    # of single seeds the first ones are meant, not seeds that were never recorded
    assert again(Options(only=(7, 5, 9)), seeds=2) == Options(only=(7, 5))


def test_one_run_is_one_arm_and_one_seed(recorded: Project) -> None:
    run = next(run for run in facts(recorded)["runs"] if run["arm"] == "Stale" and run["seeds"]["order"] == 1)
    request = request_for(recorded, run["id"])
    words = request.words()
    assert request.partial and words[:4] == ["run", "experiments/small", "--tier", "default"]
    assert words[4:10] == ["--cell", "main", "--arm", "Stale", "--seed", "1"] and "--seeds" not in words
    with pytest.raises(UsageError, match=r"is one run already: --arm and --seeds choose from a study"):
        request_for(recorded, run["id"], seeds=1)
    assert request.reference.run is not None
    source = dataclasses.replace(request.reference.run, experiment="source")
    with pytest.raises(
        UsageError, match=r"is a network of experiments/source that the study only starts from"
    ) as error:
        Request(dataclasses.replace(request.reference, run=source), request.recorded)
    assert facts(recorded)["id"] in error.value.hint


def test_parts_that_were_not_recorded(recorded: Project) -> None:
    study = request_for(recorded).recorded
    check_part(study, ("Base", "Stale"), 2)
    for arms, seeds, said in (
        (("Stal",), None, "no arm 'Stal'; did you mean 'Stale'"),
        ((), 3, "--seeds is 3; the recorded result has 2"),
        ((), 0, "--seeds is 0"),
    ):
        with pytest.raises(UsageError, match=said):
            check_part(study, arms, seeds)
    missing = tuple(dataclasses.replace(run, state="missing") for run in study.runs)
    with pytest.raises(RecreateError, match="no run of the recorded study has a result"):
        check_part(dataclasses.replace(study, runs=missing), (), None)
    check_part(dataclasses.replace(study, runs=(*missing[1:], study.runs[0])), (), None)
    assert isinstance(study.runs[0], RecordedRun)


def test_two_at_once_have_two_folders(recorded: Project) -> None:
    request = request_for(recorded)
    first, second = (begin(recorded.root, recorded.home, request) for _ in range(2))
    assert first.folder != second.folder and first.folder.parent == recorded.home / "reproductions"
    part = begin(recorded.root, recorded.home, request_for(recorded, arms=("Base",)))
    assert part.folder.name.rpartition("-")[0] != first.folder.name.rpartition("-")[0]
    for each in (first, second, part):
        with pytest.raises(Timeout):
            FileLock(each.folder / "reproduction.lock").acquire(timeout=0)
    told = read(first.folder / "reproduction.json")
    assert (told["commit"], told["words"]) == (facts(recorded)["snapshot"], request.words())


def test_an_interrupted_one_is_continued_and_a_finished_one_is_not(recorded: Project) -> None:
    request = request_for(recorded)
    first = begin(recorded.root, recorded.home, request)
    first.lock.release()  # as the system does for a process that was killed
    again = begin(recorded.root, recorded.home, request)
    assert again.folder == first.folder
    worktrees.add(Repository.find(recorded.root), again.tree, request.reference.commit)
    end(recorded.root, again, {"reached": "L1"})
    assert read(again.folder / "result.json") == {"reached": "L1"} and not again.tree.exists()
    assert len(recorded.git("worktree", "list").splitlines()) == 1
    third = begin(recorded.root, recorded.home, request)
    assert third.folder != first.folder and not (third.folder / "result.json").exists()


def test_one_whose_run_outlived_it_is_left_alone(recorded: Project) -> None:
    request = request_for(recorded)
    first = begin(recorded.root, recorded.home, request)
    first.lock.release()
    study = first.home / "studies/small"
    study.mkdir(parents=True)
    (study / "study.json").write_text("{}")
    with FileLock(study / "study.lock"):
        other = begin(recorded.root, recorded.home, request)
        assert other.folder != first.folder
        other.lock.release()
    assert begin(recorded.root, recorded.home, request).folder == first.folder


def test_a_run_that_ends_without_a_result_says_where_to_look(recorded: Project) -> None:
    request = request_for(recorded)
    broken = Request(request.reference, dataclasses.replace(request.recorded, facts={
        **request.recorded.facts, "options": {"cells": ["gone"]},
    }))  # fmt: skip
    into = begin(recorded.root, recorded.home, broken)
    told: list[str] = []
    with pytest.raises(RecreateError, match="ended with code 2 and without a result") as error:
        carry_out(recorded.root, recorded.home, broken, into, lambda text, done, total: told.append(text))
    assert error.value.where == str(into.folder / "log.txt") and Path(error.value.where).exists()
    assert told[0] == f"tree: {request.reference.commit[:12]} in a worktree of its own"
    assert (into.tree / "data/small.npz").exists() and not list(into.home.glob("runs/*"))


def test_a_stopped_run_is_an_interruption(tmp_path: Path) -> None:
    def child(code: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])

    assert reproduce._ended(child(1)) == 1
    with pytest.raises(KeyboardInterrupt, match="the same command goes on from there"):
        reproduce._ended(child(130))


def test_whose_code_it_is(recorded: Project) -> None:
    root, home = recorded.root, recorded.home
    assert untrusted(root, home, recorded.git("rev-parse", "HEAD^")) == ""
    assert untrusted(root, home, facts(recorded)["snapshot"]) == ""  # it was run here
    assert "is not in the history of main" in untrusted(root, home / "another", facts(recorded)["snapshot"])
    recorded.git("checkout", "-qb", "theirs")
    recorded.git("commit", "-q", "--allow-empty", "-m", "trust me")
    theirs = recorded.git("rev-parse", "HEAD")
    assert untrusted(root, home, theirs) == ""
    recorded.git("checkout", "-q", "main")
    assert untrusted(root, home, theirs) == f"commit {theirs[:12]} (trust me) is not in the history of main"
    recorded.git("checkout", "-q", "--detach")
    assert untrusted(root, home, theirs).endswith("is not in the history of what is checked out")
