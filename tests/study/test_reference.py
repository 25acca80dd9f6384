"""What a commit, a tag, a run or a study means, and which result it is held against."""

from pathlib import Path

import pytest

from tests.project import Project, read
from tests.recorded import facts
from workbench.errors import RecordError, RecreateError, UsageError
from workbench.record.git import Repository
from workbench.study import published
from workbench.study.reference import against, experiment_name, resolve


def publish(project: Project) -> None:
    path = published.place(project.root, "small")
    published.write(path, "small", {"default": published.entry(project.home, facts(project))})


def test_every_name_of_a_study_and_of_its_runs(recorded: Project) -> None:
    study = facts(recorded)
    mirror = next(iter(read(recorded.study() / "shipped.json").values()))
    snapshot = study["snapshot"]
    assert snapshot != study["commit"]
    for name in (study["id"], study["id"][:-3], mirror["study"]["mlflow_run_id"]):
        found = resolve(recorded.root, recorded.home, name)
        assert found.commit == snapshot and found.study and found.study.facts["id"] == study["id"] and not found.run
    run = study["runs"][1]
    for name in (run["id"], run["id"][:9], mirror["runs"][run["id"]]["mlflow_run_id"]):
        found = resolve(recorded.root, recorded.home, name)
        assert found.run and found.run.id == run["id"] and found.commit == snapshot
        assert found.study and found.run.arm == run["arm"] and found.run.metrics["test/error"] >= 0
    ref = recorded.git("for-each-ref", "--format=%(refname)", "refs/wb").splitlines()[-1]
    for name in (snapshot, snapshot[:9], ref):
        found = resolve(recorded.root, recorded.home, name)
        assert found.commit == snapshot and found.study is None


def test_names_that_fit_nothing_or_too_much(recorded: Project) -> None:
    with pytest.raises(RecordError, match="no commit, branch, tag, run or study 'nonsense'"):
        resolve(recorded.root, recorded.home, "nonsense")
    with pytest.raises(RecordError, match="no commit, run or study 'deadbeef' here"):
        resolve(recorded.root, recorded.home, "deadbeef")
    text = (recorded.study() / "study.json").read_text()
    other = recorded.home / "studies" / f"{facts(recorded)['id']}x"
    other.mkdir()
    (other / "study.json").write_text(text)
    with pytest.raises(UsageError, match=r"'small-def' begins 2 ids: .*Type more"):
        resolve(recorded.root, recorded.home, "small-def")


def test_a_commit_that_is_gone(recorded: Project) -> None:
    name = facts(recorded)["id"]
    for ref in recorded.git("for-each-ref", "--format=%(refname)", "refs/wb").splitlines():
        recorded.git("update-ref", "-d", ref)
    recorded.git("reflog", "expire", "--expire=now", "--all")
    recorded.git("gc", "-q", "--prune=now")
    with pytest.raises(RecreateError, match=r"is not in this repository. Type: wb share --fetch"):
        resolve(recorded.root, recorded.home, name)


def test_what_it_is_held_against(recorded: Project) -> None:
    root, home, study = recorded.root, recorded.home, facts(recorded)

    def held(name: str, experiment: str = "", tier: str = "") -> str:
        reference = resolve(root, home, name)
        return against(root, home, reference, experiment, tier).origin

    assert held(study["id"]) == held(study["snapshot"]) == "recorded here"
    # the dirty tree's study says nothing of the clean commit below it
    with pytest.raises(RecreateError, match="no result of any experiment is recorded here or published for commit"):
        held(study["commit"])
    publish(recorded)
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "published")
    head = recorded.git("rev-parse", "HEAD")
    shown = study["snapshot"][:12]
    assert held("HEAD") == f"published in experiments/small/results.json at {head[:12]}, recorded at {shown}"
    assert held("HEAD", "small", "default").startswith("published")
    hint = rf"tier 'full'.* Published: default at {shown[:7]}\. Type: wb reproduce {shown[:7]} small --tier default$"
    with pytest.raises(RecreateError, match=hint):
        held("HEAD", "small", "full")
    with pytest.raises(RecreateError, match="no result of tiny"):
        held("HEAD", "tiny")
    with pytest.raises(UsageError, match="is of the experiment 'small', not of 'tiny'"):
        held(study["id"], "tiny")
    with pytest.raises(UsageError, match="is of tier 'default', not 'full'"):
        held(study["id"], "", "full")


def test_a_stranger_finds_the_result_of_a_commit_in_a_later_one(recorded: Project, tmp_path: Path) -> None:
    snapshot = facts(recorded)["snapshot"]
    publish(recorded)
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "published")
    recorded.git("clone", "-q", str(recorded.root), str(tmp_path / "clone"))
    recorded.git("-C", str(tmp_path / "clone"), "fetch", "-q", "origin", "refs/wb/*:refs/wb/*")
    reference = resolve(tmp_path / "clone", tmp_path / "clone/.wb", snapshot[:10])
    found = against(tmp_path / "clone", tmp_path / "clone/.wb", reference, "small", "")
    assert found.origin.startswith("published in experiments/small/results.json at") and found.commit == snapshot
    assert [run.weights for run in found.runs] == [
        read(recorded.home / "runs" / run["id"] / "result.json")["weights"] for run in facts(recorded)["runs"]
    ]


def test_what_was_recorded_at_a_commit_comes_before_what_lies_in_it(recorded: Project, tmp_path: Path) -> None:
    """From the second time on that a result is published, the commit that ran holds an older one."""
    publish(recorded)
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "published")
    ran = recorded.git("rev-parse", "HEAD")
    path = published.place(recorded.root, "small")
    path.write_text(path.read_text().replace(facts(recorded)["snapshot"], ran))
    recorded.git("commit", "-qam", "published again, of another run")
    home = tmp_path / "a stranger's"
    found = against(recorded.root, home, resolve(recorded.root, home, ran), "small", "")
    assert found.commit == ran and found.origin.endswith(f"at {recorded.git('rev-parse', 'HEAD')[:12]}")


def test_an_earlier_study_here_is_better_than_none(recorded: Project) -> None:
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "the helper")
    recorded.git("merge", "-q", "-s", "ours", "-m", "the snapshot becomes history", facts(recorded)["snapshot"])
    reference = resolve(recorded.root, recorded.home, "HEAD")
    found = against(recorded.root, recorded.home, reference, "", "")
    assert found.origin == f"recorded here at the earlier commit {facts(recorded)['snapshot'][:12]}"


def test_the_experiment_at_a_commit(recorded: Project) -> None:
    repository = Repository.find(recorded.root)
    for typed in ("small", "experiments/small", "experiments/small/", "experiments/small/spec.py"):
        assert experiment_name(recorded.root, repository, "HEAD", typed) == "small"
    assert experiment_name(recorded.root, repository, "HEAD", "") == ""
    with pytest.raises(UsageError, match=r"no experiment 'smal' in commit .*did you mean 'small'"):
        experiment_name(recorded.root, repository, recorded.git("rev-parse", "HEAD"), "smal")
    with pytest.raises(UsageError, match="no experiment 'small' in commit"):
        experiment_name(recorded.root, repository, recorded.git("rev-parse", "HEAD^"), "small")
