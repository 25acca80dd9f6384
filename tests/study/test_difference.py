"""Any two recorded runs side by side."""

import json
import shutil

import pytest

from tests.project import Project, read
from tests.recorded import facts
from workbench.errors import UsageError
from workbench.record.places import run_folder
from workbench.study.difference import Difference, difference, lines


def ids(project: Project) -> dict[tuple[str, int], str]:
    return {(run["arm"], run["seeds"]["order"]): run["id"] for run in facts(project)["runs"]}


def between(project: Project, first: str, second: str) -> Difference:
    return difference(project.root, project.home, first, second, lambda one, other: ["workbench/training/learner.py"])


def change(project: Project, run: str, name: str, **values: object) -> None:
    path = run_folder(project.home, run) / name
    path.write_text(json.dumps(read(path) | values))


def test_a_run_and_itself(recorded: Project) -> None:
    run = ids(recorded)["Base", 0]
    found = between(recorded, run, run[:8])
    text = lines(found)
    assert found.causes == () and found.effect.identical and found.effect.agreement == 1
    assert text[0] == f"first   {run}  small · main · Base · seed 0" and text[1].startswith("second")
    assert text[-1] == "The same result, bit for bit." and not any(line.startswith("cause") for line in text)
    table = next(each for each in text if each.startswith("effect")).splitlines()
    assert {row.split()[0] for row in table[2:]} == {*found.old.metrics, "weights", "answers"}
    assert all(row.endswith("equal") for row in table[2:])


def test_two_arms_and_two_seeds(recorded: Project) -> None:
    named = ids(recorded)
    arms = between(recorded, named["Base", 0], named["Stale", 0])
    assert {(cause.kind, cause.what) for cause in arms.causes} == {
        ("params", "model.norm.stats"), ("params", "model.norm.affine"),
    }  # fmt: skip
    text = "\n".join(lines(arms))
    assert "First difference: train/loss at step" in text and text.endswith("They differ; likely because of params.")
    assert arms.old.weights[:12] in text and arms.new.weights[:12] in text and "% the same" in text
    seeds = between(recorded, named["Base", 0], named["Base", 1])
    assert {cause.what for cause in seeds.causes} == {
        f"seeds.{name}" for name in ("subset", "init", "order", "augment")
    }


def test_a_difference_without_a_cause_and_a_cause_without_one(recorded: Project) -> None:
    first, second = ids(recorded)["Base", 0], "0" * 16
    shutil.copytree(run_folder(recorded.home, first), run_folder(recorded.home, second))
    study = facts(recorded)
    listed = [*study["runs"], {**study["runs"][0], "id": second, "cell": "again"}]
    (recorded.study() / "study.json").write_text(json.dumps(study | {"runs": listed}))
    change(recorded, second, "run.json", library="f" * 64, threads=2)
    found = between(recorded, first, second)
    assert found.effect.identical and [cause.kind for cause in found.causes] == ["code", "hardware"]
    assert found.causes[0].what == "workbench itself (workbench/training/learner.py)"
    assert lines(found)[-1] == "The same result, bit for bit, although code, hardware differ."
    change(recorded, second, "run.json", **{name: read(run_folder(recorded.home, first) / "run.json")[name]
                                            for name in ("library", "threads")})  # fmt: skip
    change(recorded, second, "result.json", weights="0" * 64)
    found = between(recorded, first, second)
    assert not found.effect.identical and found.effect.weights is False and not found.effect.metrics
    assert lines(found)[-1].startswith("They differ without any recorded cause")


def test_a_run_that_failed_and_one_that_never_began(recorded: Project) -> None:
    named = ids(recorded)
    failed, never = named["Base", 1], named["Stale", 1]
    change(recorded, failed, "result.json", state="failed", metrics={}, weights=None, why="not finite")
    shutil.rmtree(run_folder(recorded.home, never))
    for other, state in ((failed, "failed"), (never, "missing")):
        found = between(recorded, named["Base", 0], other)
        table = next(each for each in lines(found) if each.startswith("effect")).splitlines()
        assert table[2].split() == ["state", "finished", state] and not found.effect.identical
        assert {row.split()[0] for row in table} >= {"test/error", "weights"}
        assert any(row.split()[:1] == ["test/error"] and row.split()[-1] == "-" for row in table)


def test_names_that_are_no_run(recorded: Project) -> None:
    run, study = ids(recorded)["Base", 0], facts(recorded)
    for name, said in ((study["id"], f"is the study {study['id']}, not a run"), ("HEAD", "is the commit ")):
        with pytest.raises(UsageError, match=said) as error:
            between(recorded, run, name)
        assert "wb list EXPERIMENT" in error.value.hint
    with pytest.raises(UsageError, match="no commit, branch, tag, run or study 'nothing'"):
        between(recorded, "nothing", run)
    only = [each for each in study["runs"] if each["id"] == run]
    (recorded.study() / "study.json").write_text(json.dumps(study | {"runs": only}))
    assert between(recorded, study["id"], run).old.id == run  # a study of one run means that run


def test_runs_whose_commit_is_not_here(recorded: Project) -> None:
    """What is compared is the record; a commit only adds the names of the library's files."""
    named = ids(recorded)
    for ref in recorded.git("for-each-ref", "--format=%(refname)", "refs/wb").splitlines():
        recorded.git("update-ref", "-d", ref)
    recorded.git("reflog", "expire", "--expire=now", "--all")
    recorded.git("gc", "-q", "--prune=now")
    assert between(recorded, named["Base", 0], named["Base", 0]).effect.identical
