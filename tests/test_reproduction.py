"""``wb reproduce`` as its user sees it: all has changed since, a stranger asks, two ask at once, one is killed."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.pictures import write_pictures
from tests.project import Project, Typed, read
from tests.recorded import change_everything, facts

pytestmark = pytest.mark.timeout(1200)  # seconds, for a machine that has much else to do


def reproductions(project: Project) -> list[Path]:
    """The folders of all reproductions."""
    return sorted(path.parent for path in project.home.glob("reproductions/*/reproduction.json"))


def new_runs(folder: Path) -> dict[tuple[str, str], dict[str, object]]:
    """``{(arm, seed): run.json}`` of a reproduction's runs."""
    runs = [read(path) for path in folder.glob("home/runs/*/run.json")]
    return {(run["arm"], run["seed"]): run for run in runs}


def test_code_and_data_were_changed_and_committed_over(recorded: Project, typed: Callable[..., Typed]) -> None:
    """A dirty tree with an untracked helper: its study comes back bit for bit, and nobody's checkout is touched."""
    study = facts(recorded)
    change_everything(recorded)
    (recorded.root / "experiments/small/helper.py").write_text("RATE = 1.0\n")
    before = (recorded.git("status", "--porcelain"), recorded.git("rev-parse", "HEAD"), recorded.git("stash", "list"))
    done = typed("reproduce", study["id"], "--yes")
    assert done.code == 0, done.out + done.err
    assert f"Reproducing small, tier default, at commit {study['snapshot'][:12]}" in done.out
    assert "Held against: recorded here" in done.out and "Nothing that reaches a number differs" in done.out
    assert "Verdict: L1, bit-identical (4 of 4 runs bit-identical)." in done.out
    assert before == (
        recorded.git("status", "--porcelain"),
        recorded.git("rev-parse", "HEAD"),
        recorded.git("stash", "list"),
    )
    assert len(recorded.git("worktree", "list").splitlines()) == 1
    (folder,) = reproductions(recorded)
    assert not (folder / "tree").exists() and read(folder / "result.json")["reached"] == "L1"
    for run in new_runs(folder).values():
        assert run["pins"] == study["pins"] and run["reproduces"] == f"{study['id']} at {study['snapshot'][:12]}"
        assert run["fields"]["fit.lr"] == 0.01  # type: ignore[index]
    tagged = [run for run in _tracked(recorded) if run.data.tags.get("wb.reproduces")]
    assert len(tagged) == 5 and {run.info.status for run in tagged} == {"FINISHED"}


def _tracked(project: Project) -> list[object]:
    from mlflow import MlflowClient

    from workbench.record.mlflow import tracking_uri

    client = MlflowClient(tracking_uri(project.home))
    return list(client.search_runs([each.experiment_id for each in client.search_experiments()]))


def test_a_stranger_with_a_clone_and_a_hash(
    recorded: Project, tmp_path: Path, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publish, share, clone: the published numbers come back, and a changed learning rate is named."""
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "the helper is committed")
    assert typed("run", "small", "--jobs", "1").code == 0  # nothing to train: a study of a clean tree now
    published = typed("publish", "small")
    assert published.code == 0, published.err
    for name in ("remote", "git"):
        (tmp_path / name).mkdir()
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "git")], check=True)
    subprocess.run(
        [sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "remote")],
        cwd=recorded.root,
        check=True,
    )
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "published")
    recorded.git("remote", "add", "origin", str(tmp_path / "git"))
    recorded.git("push", "-q", "origin", "main")
    assert typed("share").code == 0

    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(tmp_path / "git"), str(clone), "-b", "main"], check=True)
    monkeypatch.chdir(clone)
    hash_ = recorded.git("rev-parse", "--short", "HEAD")
    done = typed("reproduce", hash_, "experiments/small")
    assert done.code == 0, done.out + done.err
    assert "Held against: published in experiments/small/results.json at" in done.out
    assert "Verdict: L1, bit-identical (4 of 4 runs bit-identical)." in done.out
    assert not (clone / "data/small.npz").exists()  # the checkout is as it was; the data came into DVC's cache

    theirs = Project(clone)
    helper = clone / "experiments/small/helper.py"
    helper.write_text(helper.read_text().replace("1e-2", "1e-5"))
    theirs.git("commit", "-qam", "another learning rate")
    done = typed("reproduce", "HEAD", "small", "--arm", "Base", "--seeds", "1")
    assert done.code == 1, done.out + done.err
    assert "(0 of 1 run bit-identical)." in done.out and "Promised: L1" in done.out
    assert "params" in done.out and "fit.lr" in done.out and "Most likely because of: params." in done.out
    assert "First difference: train/loss at step" in done.out


def test_each_cause_is_named(recorded: Project, typed: Callable[..., Typed]) -> None:
    """The learning rate, the threads, the data, the code: one is changed at a time, and ``wb diff`` names that one."""

    def run(*words: str) -> str:
        known = {path.parent.name for path in recorded.home.glob("runs/*/result.json")}
        done = typed("run", "small", "--arm", "Base", "--seeds", "1", "--jobs", "1", *words)
        assert done.code == 0, done.err
        (new,) = {path.parent.name for path in recorded.home.glob("runs/*/result.json")} - known
        return new

    def causes(second: str) -> tuple[int, list[tuple[str, str]]]:
        done = typed("diff", first, second)
        lines = done.out.splitlines()
        top = next((number for number, line in enumerate(lines) if line.startswith("cause")), None)
        rows = [] if top is None else lines[top + 2 : lines.index("", top)]
        return done.code, [(row.split()[0], row.split()[1]) for row in rows]

    first = next(run["id"] for run in facts(recorded)["runs"] if run["arm"] == "Base")
    assert causes(first) == (0, [])
    assert causes(run("--set", "fit.lr=0.02")) == (1, [("params", "fit.lr")])
    threads = run("--threads", "2")
    assert causes(threads)[1] == [("hardware", "threads")]
    assert causes(run("--level", "fast")) == (0, [("params", "level")])
    spec = recorded.root / "experiments/small/spec.py"
    text = spec.read_text()
    stage = "\n\n    def loss(self, output, batch):\n        return super().loss(output, batch) * 2\n\n\nclass Stale"
    spec.write_text(text.replace("\n\n\nclass Stale", stage))
    assert causes(run()) == (1, [("code", "loss()")])
    spec.write_text(text)
    (recorded.root / "data/small.npz").unlink()
    write_pictures(recorded.root, seed=1)
    assert typed("data", "pin", "data/small.npz").code == 0
    assert causes(run()) == (1, [("data", "data/small.npz")])


def start(project: Project, *words: str) -> subprocess.Popen[str]:
    """``wb reproduce`` as a terminal starts it."""
    return subprocess.Popen(
        project.command("reproduce", *words), cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip


def test_two_at_once(recorded: Project) -> None:
    study = facts(recorded)["id"]
    both = [start(recorded, study, "--yes") for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=900)
        assert process.returncode == 0 and "Verdict: L1, bit-identical (4 of 4 runs" in out, out
    assert len(reproductions(recorded)) == 2 and len(recorded.git("worktree", "list").splitlines()) == 1
    assert len(stored_keys(recorded)) == 3 * 5


def stored_keys(project: Project) -> set[tuple[str, str]]:
    return {(run.data.tags["wb.key"], run.data.tags["wb.home"]) for run in _tracked(project)}  # type: ignore[attr-defined]


def test_killed_and_asked_for_again(recorded: Project, typed: Callable[..., Typed]) -> None:
    """Only what is missing is done; another reproduction, asked for when one is through, begins anew."""
    study = facts(recorded)["id"]
    process = start(recorded, study, "--yes")
    deadline = time.monotonic() + 600
    while not list(recorded.home.glob("reproductions/*/home/runs/*/result.json")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()  # it alone: the run below it ends by itself
    process.communicate()
    assert children and not psutil.wait_procs(children, timeout=60)[1]
    (folder,) = reproductions(recorded)
    assert (folder / "tree").exists() and not (folder / "result.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("home/runs/*/result.json")}
    done = typed("reproduce", study, "--yes")
    assert done.code == 0 and "Verdict: L1, bit-identical (4 of 4 runs" in done.out, done.out + done.err
    assert reproductions(recorded) == [folder] and kept == {path: path.stat().st_mtime_ns for path in kept}
    assert not (folder / "tree").exists()


def test_one_run_by_its_id(recorded: Project, typed: Callable[..., Typed]) -> None:
    run = next(run for run in facts(recorded)["runs"] if run["arm"] == "Stale" and run["seeds"]["order"] == 1)
    done = typed("reproduce", run["id"], "--yes")
    assert done.code == 0, done.out + done.err
    assert "Verdict: L1, bit-identical (2 of 2 runs" in done.out  # with the baseline of its seed
    (folder,) = reproductions(recorded)
    assert set(new_runs(folder)) == {("Base", "1"), ("Stale", "1")}


def test_what_cannot_be_re_created_says_so_in_one_line(recorded: Project, typed: Callable[..., Typed]) -> None:
    study = facts(recorded)

    def refused(code: int, *words: str) -> str:
        done = typed("reproduce", *words)
        assert done.code == code, done.out + done.err
        return done.complaint()

    assert "no commit, run or study 'deadbeef' here" in refused(3, "deadbeef")
    assert "no commit, branch, tag, run or study 'nonsense'" in refused(3, "nonsense")
    assert "no result of any experiment is recorded" in refused(3, "HEAD")
    assert "did you mean 'small'" in refused(2, study["id"], "smal", "--yes")
    assert "exclude each other" in refused(2, study["id"], "--smoke", "--full")
    assert "no arm 'Bas'; did you mean 'Base'" in refused(2, study["id"], "--arm", "Bas")
    assert "--seeds is 3; the recorded result has 2" in refused(2, study["id"], "--seeds", "3")
    # neither in DVC's cache, nor here, nor in a remote, nor with a source
    change_everything(recorded)
    for path in (recorded.root / ".dvc/cache/files/md5").glob("*/*"):
        path.unlink()
    said = refused(3, study["id"], "--yes")
    assert said.startswith("wb: data/small.npz: could not be re-created: is missing and cannot be had")
    subprocess.run(
        [sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", "http://127.0.0.1:9/x"],
        cwd=recorded.root,
        check=True,
    )
    recorded.git("commit", "-qam", "a remote that does not answer")
    said = refused(3, study["id"], "--yes")
    assert "could not be re-created" in said and "data/small.npz" in said
    assert not list(recorded.home.glob("reproductions/*/result.json"))


def test_code_from_elsewhere_is_asked_about(
    recorded: Project, tmp_path: Path, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that is not in the branch's history and was made by nobody here: said before any of it runs."""
    ran = tmp_path / "ran"
    recorded.git("checkout", "-qb", "theirs")
    spec = recorded.root / "experiments/small/spec.py"
    spec.write_text(spec.read_text().replace("\nclass Base", f"open({str(ran)!r}, 'w').close()\n\n\nclass Base", 1))
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "trust me")
    with monkeypatch.context() as patch:
        patch.setenv("WB_HOME", str(tmp_path / "their-home"))
        assert typed("run", "small", "--jobs", "1").code == 0
        assert typed("publish", "small").code == 0
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "believe me")
    theirs = recorded.git("rev-parse", "HEAD")
    recorded.git("checkout", "-qf", "main")
    ran.unlink()
    done = typed("reproduce", theirs, "small")
    assert done.code == 2 and not ran.exists() and not reproductions(recorded)
    assert f"commit {theirs[:12]} (believe me) is not in the history of main, and nobody can be asked" in done.err
    done = typed("reproduce", theirs, "small", "--yes", "--seeds", "1", "--arm", "Base")
    assert done.code == 0 and ran.exists(), done.out + done.err
    assert "Caution: commit" in done.err and "Its code will be run here with all your rights" in done.err
    assert "Verdict: L1" in done.out
