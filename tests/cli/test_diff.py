"""``wb diff``: what it prints, and its exit code."""

from collections.abc import Callable

from tests.project import Project, Typed, read
from tests.recorded import facts

Wb = Callable[..., Typed]


def test_equal_and_different_runs(recorded: Project, typed: Wb) -> None:
    runs = {(run["arm"], run["seeds"]["order"]): run["id"] for run in facts(recorded)["runs"]}
    same = typed("diff", runs["Base", 0], runs["Base", 0])
    assert same.code == 0 and same.out.endswith("The same result, bit for bit.\n") and same.err == ""
    other = typed("diff", runs["Base", 0], runs["Stale", 0])
    assert other.code == 1 and "model.norm.stats" in other.out and other.err == ""
    assert other.out.splitlines()[-1] == "They differ; likely because of params."


def test_mlflow_s_ids_mean_the_same_runs(recorded: Project, typed: Wb) -> None:
    run = facts(recorded)["runs"][0]["id"]
    (ledger,) = read(recorded.study() / "shipped.json").values()
    done = typed("diff", run, ledger["runs"][run]["mlflow_run_id"])
    assert done.code == 0 and done.out.count(run) == 2


def test_what_is_no_run(recorded: Project, typed: Wb) -> None:
    study = facts(recorded)
    done = typed("diff", study["runs"][0]["id"], study["id"])
    assert done.code == 2 and "not a run. Type the id of one of its runs: wb list EXPERIMENT" in done.complaint()
    done = typed("diff", "nothing", study["id"])
    assert done.code == 2 and "there is no commit, branch, tag, run or study 'nothing'" in done.complaint()
    assert typed("diff", study["id"]).code == 2
