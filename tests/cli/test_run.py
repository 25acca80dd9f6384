"""``wb run`` in a small project, in this process: what stops it, what does not, and what it says."""

import itertools
import shutil
from collections.abc import Callable

import pytest

from tests.project import TINY, Project, Typed, read, stored
from workbench.study.plan import Options
from workbench.study.runner import _asked

Wb = Callable[..., Typed]
ONE = ("--jobs", "1", "--seeds", "1")


def damage(project: Project, how: str) -> None:
    """Puts the project's data into a bad state."""
    data, pins = project.root / "data/small.npz", project.root / "data.dvc"
    content = data.read_bytes()
    data.unlink()  # it may share its bytes with DVC's cache
    if how == "truncated":
        data.write_bytes(content[:1000])
    elif how == "changed":
        data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif how == "missing":
        shutil.rmtree(project.root / ".dvc/cache")
    else:
        data.write_bytes(content)
    if how == "not pinned":
        pins.unlink()
    elif how == "in conflict":
        pins.write_text("<<<<<<< HEAD\n" + pins.read_text())


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("truncated", 1, "data/small.npz: is not what data.dvc pins (1,000 bytes of"),
        ("changed", 1, "To accept it, type: wb data pin data/small.npz; to get the pinned one back: wb data restore"),
        ("missing", 1, "data/small.npz: is missing and cannot be had (its pinned version is not in DVC's cache"),
        ("not pinned", 2, "data/small.npz, which data.dvc does not pin. Type: wb data pin data/small.npz"),
        ("in conflict", 1, "data.dvc:2: is not valid YAML (a merge conflict?)"),
    ],
)
def test_data_that_is_not_as_pinned(how: str, code: int, said: str, project: Project, typed: Wb) -> None:
    damage(project, how)
    done = typed("run", "tiny", *ONE)
    assert done.code == code and said in done.complaint()
    assert not (project.home / "runs").exists()


def test_data_that_is_missing_comes_from_the_cache(project: Project, typed: Wb) -> None:
    (project.root / "data/small.npz").unlink()
    done = typed("run", "tiny", *ONE, "--arm", "TrainBN")
    assert done.code == 0, done.err
    assert (project.root / "data/small.npz").exists() and len(project.runs()) == 1


def test_without_git_or_a_commit(project: Project, typed: Wb) -> None:
    shutil.rmtree(project.root / ".git")
    (project.root / "pyproject.toml").touch()
    done = typed("run", "tiny", *ONE)
    assert done.code == 1 and "not a git repository. Type: git init && git add" in done.complaint()
    project.git("init", "-q")
    done = typed("run", "tiny", *ONE)
    assert done.code == 1 and "has no commit yet. Type: git add -A && git commit" in done.complaint()
    assert not (project.home / "runs").exists()


def test_a_state_folder_that_cannot_be(project: Project, typed: Wb, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "taken").touch()
    monkeypatch.setenv("WB_HOME", str(project.root / "taken"))
    done = typed("run", "tiny", *ONE)
    assert done.code == 1 and "the state folder cannot be written" in done.complaint()


BROKEN = TINY.replace(
    "experiment = Experiment(",
    '''
class Diverges(TrainBN):
    """A learning rate that nothing survives."""

    model = TrainBN.model.but(norm=Norm(kind="none"))
    fit = TrainBN.fit.but(lr=99.0, optimizer="sgd")
    confounded = "a test"


class DivergesPrecise(Diverges):
    """The same weights, which there are none of."""

    recalibrate = "after"


class Buggy(TrainBN):
    """A stage with a mistake in it."""

    def loss(self, output, batch):
        if batch.y.shape[0] < 100:
            raise ValueError("labels are\\nnot what I thought")
        return super().loss(output, batch)


experiment = Experiment(''',
).replace("arms=[Stale, Precise]", "arms=[Stale, Precise, Diverges, DivergesPrecise, Buggy]")


def test_failures_are_recorded_and_the_study_goes_on(project: Project, typed: Wb) -> None:
    project.spec("tiny", BROKEN)
    done = typed("run", "tiny", *ONE)
    assert done.code == 1, done.err
    runs = {arm: facts for (_, arm, _), facts in project.runs().items()}
    ends = {arm: (facts["result"]["state"], facts["result"].get("kind")) for arm, facts in runs.items()}
    fine = ("finished", None)
    assert ends == {
        "TrainBN": fine, "Stale": fine, "Precise": fine, "Diverges": ("failed", "diverged"),
        "DivergesPrecise": ("failed", "diverged"), "Buggy": ("failed", "error"),
    }  # fmt: skip
    failed = [line for line in done.err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 3 and any(
        "Buggy" in line and "ValueError: labels are" in line and "spec.py:" in line for line in failed
    )
    assert "Traceback" in (project.home / "runs" / runs["Buggy"]["id"] / "error.txt").read_text()
    arms = {arm["name"]: arm for arm in read(project.study() / "result.json")["cells"][0]["arms"]}
    assert arms["Diverges"]["failed"] == 1 and arms["Diverges"]["mean"] >= max(
        arms[name]["mean"] for name in ("TrainBN", "Stale")
    )
    status = {run.data.tags.get("wb.arm", "the study"): run.info.status for run in stored(project.home).values()}
    assert status == {arm: "FINISHED" if end == fine else "FAILED" for arm, end in ends.items()} | {
        "the study": "FINISHED"
    }

    again = typed("run", "tiny", *ONE)  # arithmetic fails the same way each time; a bug may have gone
    begun = [line for line in again.err.splitlines() if ": started (" in line]
    assert len(begun) == 1 and "Buggy" in begun[0] and again.code == 1
    project.spec("tiny", BROKEN.replace("raise ValueError", "print"))
    now = typed("run", "tiny", *ONE)
    assert "failed: main · Buggy" not in now.err and now.code == 0
    mended = max(project.home.glob("studies/*/result.json"), key=lambda path: path.stat().st_mtime_ns)
    arms = {arm["name"]: arm for arm in read(mended)["cells"][0]["arms"]}
    assert arms["Buggy"]["failed"] == 0 and arms["Diverges"]["failed"] == 1
    assert read(project.home / "runs" / runs["TrainBN"]["id"] / "result.json") == runs["TrainBN"]["result"]


def test_a_tracker_that_is_down_costs_nothing(project: Project, typed: Wb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = typed("run", "tiny", *ONE, "--arm", "Stale")
    assert done.code == 0 and "error %" in done.out
    assert "3 records are kept locally" in done.err and done.err.rstrip().endswith("To send them later, type: wb sync")
    assert typed("sync").code == 1
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert "has 3 complete records of 1 study" in typed("sync").out
    assert [run.info.status for run in stored(project.home).values()] == ["FINISHED"] * 3


def test_less_than_the_whole(project: Project, typed: Wb) -> None:
    """--set reaches every arm and makes the study exploratory; nothing is kept beside the spec."""
    done = typed("run", "tiny", *ONE, "--arm", "Stale", "--set", "fit.epochs=1")
    assert done.code == 0 and "note: --set makes this study exploratory" in done.out
    runs = project.runs()
    assert {arm for _, arm, _ in runs} == {"TrainBN", "Stale"}
    assert {facts["fields"]["fit.epochs"] for facts in runs.values()} == {1}
    assert read(project.study() / "study.json")["cells"][0]["exploratory"] is True
    assert not (project.root / "experiments/tiny/metrics.json").exists()


def test_require_clean_refuses_what_no_commit_holds(project: Project, typed: Wb) -> None:
    words = ("run", "tiny", *ONE, "--arm", "Stale", "--set", "fit.epochs=1", "--require-clean")
    (project.root / "experiments/tiny/helper.py").touch()
    spec = project.root / "experiments/tiny/spec.py"
    spec.write_text(spec.read_text() + "\n")
    done = typed(*words)
    assert done.code == 2
    assert "--require-clean: the working tree is not clean: experiments/tiny/helper.py and 1 more." in done.complaint()
    assert "git add -A && git commit" in done.complaint() and not (project.home / "runs").exists()
    project.git("checkout", "-q", "--", ".")
    done = typed(*words)
    assert done.code == 2 and "not clean: experiments/tiny/helper.py. Commit it" in done.complaint()
    project.git("add", "-A")
    done = typed(*words)  # staged is not committed
    assert done.code == 2 and not (project.home / "runs").exists()
    project.git("commit", "-qm", "the helper")
    done = typed(*words)
    assert done.code == 0 and len(project.runs()) == 2
    study = read(project.study() / "study.json")
    assert study["dirty"] is False and study["commit"] == project.git("rev-parse", "HEAD")


def test_single_seeds_and_a_level(project: Project, typed: Wb) -> None:
    """Only those seeds, at that level, with what they start from; kept apart from the whole study."""
    words = ("run", "target", "--jobs", "1", "--arm", "Tuned")
    done = typed(*words, "--seed", "3", "--level", "strict")
    assert done.code == 0, done.err
    runs = project.runs()
    assert set(runs) == {("source", "First", "0"), ("target", "Tuned", "3")}
    for facts in runs.values():
        assert facts["level"] == facts["fields"]["level"] == "strict"
        assert read(project.home / "runs" / facts["id"] / "environment.json")["level"] == "strict"
    study = read(project.study() / "study.json")
    assert (study["options"]["only"], study["options"]["level"]) == ([3], "strict")
    assert not study["cells"][0]["exploratory"]  # neither changes what is compared
    assert not (project.root / "experiments/target/metrics.json").exists()
    done = typed(*words, "--seed", "3", "--level", "strict")
    assert "2 runs, 2 recorded, 0 to do" in done.out and project.study()
    assert "\nnothing to do: all 2 runs are recorded\n" in done.out


def test_a_study_without_them_is_the_study_that_it_always_was(project: Project) -> None:
    """Options that came later leave the identity of a study alone that does not use them."""
    known = {"tier", "cells", "arms", "seeds", "sets", "device", "threads"}
    assert set(_asked(Options())) == known
    assert set(_asked(Options(only=(1,)))) == known | {"only"}
    assert set(_asked(Options(level="fast"))) == known | {"level"}


def test_a_source_is_trained_first_and_only_once(project: Project, typed: Wb) -> None:
    done = typed("run", "target", "--jobs", "1")
    assert done.code == 0, done.err
    runs = project.runs()
    assert {key[:2] for key in runs} == {("source", "First"), ("target", "Tuned"), ("target", "Scratch")}
    tuned, source = runs["target", "Tuned", "0"], runs["source", "First", "0"]
    assert tuned["sources"] == {"experiments/source": source["id"]} and tuned["created"] >= source["created"]
    spans = sorted((facts["created"], project.home / "runs" / facts["id"] / "result.json") for facts in runs.values())
    for (began, result), (next_began, _) in itertools.pairwise(spans):  # each begins when it begins, not when planned
        assert next_began >= began + 1000 * read(result)["seconds"]
    assert [arm["name"] for arm in read(project.study() / "result.json")["cells"][0]["arms"]] == ["Tuned", "Scratch"]
    before = (project.home / "runs" / source["id"] / "result.json").stat().st_mtime_ns
    done = typed("run", "source", "--jobs", "1", "--arm", "First")
    assert done.code == 0 and "2 runs, 1 recorded, 1 to do" in done.out
    assert (project.home / "runs" / source["id"] / "result.json").stat().st_mtime_ns == before


def test_what_the_tier_has_not_is_refused_and_nothing_recorded(project: Project, typed: Wb) -> None:
    tiers = 'tiers={"smoke": Tier(arms=[Stale])}, seeds=2,'
    project.spec("tiny", TINY.replace("Claim,", "Claim, Tier,", 1).replace("seeds=2,", tiers, 1))
    done = typed("run", "tiny", "--smoke", "--arm", "Precise")
    assert done.code == 2 and "arm 'Precise' is not in tier 'smoke'; it is in: default, full" in done.complaint()
    assert not (project.home / "studies").exists()
