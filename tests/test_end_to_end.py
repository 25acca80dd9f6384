"""The main job as a user sees it: the real command line in processes of its own, real git, DVC and MLflow."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import Project, Typed, copy_project, no_point_twice, numbers, read, stored

pytestmark = pytest.mark.timeout(1200)  # seconds, for a machine that has much else to do

ARMS = {"TrainBN", "Stale", "Precise"}


@pytest.fixture(scope="module")
def ran(
    template: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Project, subprocess.CompletedProcess[str]]:
    """A project in which ``wb run tiny`` was typed once; tests that share it only look."""
    project = copy_project(template, tmp_path_factory.mktemp("ran") / "p")
    (project.root / "notes.md").write_text("not committed\n")
    return project, project.wb("run", "experiments/tiny", "--jobs", "2")


@pytest.fixture
def done(ran: tuple[Project, object], monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(ran[0].root)
    return ran[0]


def test_it_says_what_it_will_do_what_it_does_and_what_came_out(
    ran: tuple[Project, subprocess.CompletedProcess[str]],
) -> None:
    project, said = ran
    plan = said.stdout.index("tier default: 6 runs, 0 recorded, 6 to do on cpu, 2 at a time")
    assert said.stdout.startswith("Do stale statistics hurt a tiny network?\n") and "the baseline" in said.stdout[:plan]
    table, claims = (
        said.stdout.index("main: test error in %, chance level"),
        said.stdout.index("Claims, tier 'default'"),
    )
    assert plan < table < claims and set(said.stdout[table:claims].split()) >= ARMS
    assert "cannot be decided" in " ".join(said.stdout[claims:].split())
    report = project.study().relative_to(project.root) / "report.html"
    assert said.stdout.rstrip().endswith(f"The runs: wb ui        The report: {report}")
    for seed in ("0", "1"):
        for arm in ARMS:
            assert f"main · {arm} · seed {seed}: started" in said.stderr
            assert f"main · {arm} · seed {seed}: test/error 0." in said.stderr
    assert "(6 of 6)" in said.stderr.replace(", 6 of 6)", "(6 of 6)")
    assert "Traceback" not in said.stderr and "kept locally" not in said.stderr


def test_everything_is_in_the_study_s_folder(done: Project) -> None:
    folder = done.study()
    assert folder.name.startswith("tiny-default-")
    for name in (
        "report.html",
        "figure.png",
        "figure.svg",
        "result.txt",
        "result.md",
        "result.tex",
        "environment.json",
    ):
        assert (folder / name).stat().st_size > 100, name
    assert (folder / "spec.py").read_text() == (done.root / "experiments/tiny/spec.py").read_text()
    record, result = read(folder / "study.json"), read(folder / "result.json")
    assert record["dirty"] and record["commit"] == done.git("rev-parse", "HEAD") != record["snapshot"]
    assert "notes.md" in done.git("show", "--name-only", "--format=", record["snapshot"])
    assert len(record["runs"]) == 6 and [claim["name"] for claim in result["claims"]] == ["C1", "C2"]
    assert record["pins"] == {"data/small.npz": _md5(done)}
    kept = read(done.root / "experiments/tiny/metrics.json")
    assert set(kept["cells"]["main"]) == ARMS and kept["cells"]["main"]["TrainBN"]["seeds"] == 2


def test_everything_is_in_mlflow(done: Project) -> None:
    from mlflow import MlflowClient

    from workbench.record.mlflow import tracking_uri

    client = MlflowClient(tracking_uri(done.home))
    runs, folder, facts = stored(done.home), done.study(), done.runs()
    assert {run.info.status for run in runs.values()} == {"FINISHED"} and len(runs) == 7
    parent = runs.pop(folder.name)
    names = {each.path for each in client.list_artifacts(parent.info.run_id)}
    assert {
        "report.html",
        "figure.png",
        "spec.py",
        "environment.json",
        "verdict.md",
        "result.json",
        "diff.patch",
    } - names <= {"diff.patch"}
    assert {"main/TrainBN/mean", "main/Stale/ratio", "main/Stale/ratio_low"} <= set(parent.data.metrics)
    assert any(name.startswith("system/") for name in parent.data.metrics)
    for run in runs.values():
        tags = run.data.tags
        own = facts["tiny", tags["wb.arm"], tags["wb.seed"]]
        assert tags["mlflow.parentRunId"] == parent.info.run_id and tags["wb.identity"] == own["identity"]
        git = {name: tags[f"mlflow.source.git.{name}"] for name in ("commit", "branch", "repoURL", "dirty", "diff")}
        assert git["commit"] == done.git("rev-parse", "HEAD") and git["branch"] == "main" and git["dirty"] == "true"
        assert git["repoURL"] == "" and "1 untracked" in git["diff"]
        assert {"wb.snapshot", "wb.level", "wb.device", "wb.threads", "wb.hypothesis", "wb.tier"} <= set(tags)
        assert run.data.params["fit.lr"] == "0.01" and run.data.params["model.arch"] == "resnet8"
        assert run.data.metrics["test/error"] == own["result"]["metrics"]["test/error"]
        assert {(each.dataset.name, each.dataset.digest) for each in run.inputs.dataset_inputs} == {
            ("data/small.npz", _md5(done))
        }
        files = {each.path for each in client.list_artifacts(run.info.run_id)}
        assert {"weights.safetensors", "predictions.npz", "result.json", "run.json"} <= files
        if tags["wb.arm"] != "Precise":  # which goes on from the weights of TrainBN
            history = client.get_metric_history(run.info.run_id, "train/loss")
            assert len(history) >= 2 and history[0].step < history[-1].step
    no_point_twice(done.home)


def test_what_is_recorded_is_not_trained_again(done: Project, typed: Callable[..., Typed]) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in done.home.glob("runs/*/*")
        if path.suffix not in (".lock", "") and path.name != "shipped.json"
    }
    again = typed("run", "tiny", "--jobs", "2")
    assert again.code == 0 and "6 runs, 6 recorded, 0 to do" in again.out and "started" not in again.err
    assert "C1 Stale" in again.out and len(stored(done.home)) == 7
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_one_process_or_two_another_home_the_same_bits(
    done: Project, migrated: Path, tmp_path: Path, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "other"
    (home / "mlflow").mkdir(parents=True)
    shutil.copy(migrated, home / "mlflow" / "mlflow.db")
    monkeypatch.setenv("WB_HOME", str(home))
    again = typed("run", "tiny", "--jobs", "1")
    assert again.code == 0 and "6 to do on cpu, 1 at a time" in again.out, again.err
    assert numbers(done.runs(home)) == numbers(done.runs()) and len(done.runs()) == 6
    ours, theirs = read(done.study() / "result.json"), read(done.study(home) / "result.json")
    assert ours == theirs


def test_the_other_verbs_know_it(done: Project, typed: Callable[..., Typed]) -> None:
    rows = [line for line in typed("list").out.splitlines() if line.startswith("tiny")]
    assert len(rows) == 1 and "default" in rows[0] and "finished" in rows[0] and "C1: cannot be decided" in rows[0]
    assert "not run yet" in typed("list").out
    assert "finished" in typed("list", "tiny").out
    compared = typed("compare", "tiny")
    assert compared.code == 0 and "Stale" in compared.out and "Exploratory: nothing is tested." in compared.out
    assert "6 runs, 6 recorded, 0 to do" in typed("plan", "tiny").out
    shown = typed("data", "status")
    assert shown.code == 0 and "data/small.npz" in shown.out and "ok" in shown.out
    assert typed("data", "verify").code == 0
    doctor = typed("doctor")
    assert doctor.code in (0, 1) and "Traceback" not in doctor.out + doctor.err and "mlflow.db answers" in doctor.out
    assert "7 complete records of 1 study" in typed("sync").out


def test_a_new_experiment_is_checked(project: Project, typed: Callable[..., Typed]) -> None:
    made = typed("new", "smoothing")
    assert made.code == 0 and "Next: wb check experiments/smoothing" in made.out
    found = typed("check", "smoothing")
    assert found.code == 1 and "is not pinned in data.dvc. Type: wb data pin data/mnist.npz" in " ".join(
        found.out.split()
    )
    path = project.root / "experiments/smoothing/spec.py"
    path.write_text(path.read_text().replace("data/mnist.npz", "data/small.npz").replace("train=500", "train=200"))
    checked = typed("check", "smoothing")
    assert checked.code == 0, checked.out
    assert "wb run experiments/smoothing" in (project.root / "dvc.yaml").read_text()


def _md5(project: Project) -> str:
    from workbench.record.pins import read_pins

    return read_pins(project.root)["data/small.npz"].md5
