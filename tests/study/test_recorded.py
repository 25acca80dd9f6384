"""A recorded study read from a state folder, and the same one read from what was published of it."""

import json
import shutil

import pytest

from tests.project import Project, read
from tests.recorded import facts
from workbench.errors import RecordError
from workbench.record.places import run_folder
from workbench.study import published
from workbench.study.levels import effect
from workbench.study.recorded import RecordedRun, RecordedStudy, from_entry, from_home


def both(project: Project) -> tuple[RecordedStudy, RecordedStudy]:
    """The study as the state folder has it, and as results.json would."""
    study = facts(project)
    entry = json.loads(json.dumps(published.entry(project.home, study), allow_nan=False))
    return from_home(project.home, study["id"], "recorded here"), from_entry(entry, "published")


def test_a_published_study_is_the_recorded_one(recorded: Project) -> None:
    study = facts(recorded)
    here, there = both(recorded)
    assert (here.origin, there.origin) == ("recorded here", "published")
    for each in (here, there):
        assert each.commit == study["snapshot"] != study["commit"]
        assert (each.experiment, each.tier) == ("small", "default")
        assert each.environment["lock"] == study["lock"] and each.environment["packages"]
    assert list(here.own()) == list(there.own()) and len(here.own()) == len(study["runs"])
    for one, other in zip(here.runs, there.runs, strict=True):
        assert (one.key, one.id, one.state, one.metrics) == (other.key, other.id, "finished", other.metrics)
        assert one.weights == other.weights == read(run_folder(recorded.home, one.id) / "result.json")["weights"]
        for name in ("fields", "stages", "library", "pins", "sources", "device", "threads", "level", "lock", "class"):
            assert one.facts[name] == other.facts[name], name
        assert one.facts["environment"]["packages"] == other.facts["environment"]["packages"]
        again = effect(other, one)
        assert again.identical and again.weights and again.answers  # by the hash of the answers


def test_what_a_run_is_called(recorded: Project) -> None:
    here, _ = both(recorded)
    run = next(run for run in here.runs if run.arm == "Stale" and run.seeds["order"] == 1)
    assert (run.seed, run.key, run.label) == ("1", ("small", "main", "Stale", "1"), "main · Stale · seed 1")
    again = RecordedRun("x", "small", "main", "Stale", {**run.seeds, "source": 1}, "finished")
    assert again.seed != run.seed and again.outcome().seed == run.outcome().seed == "1"
    assert (again.outcome().source, again.outcome().predictions) == (1, None)


def test_a_history_whole_or_thinned(recorded: Project) -> None:
    here, there = both(recorded)
    whole, kept = here.runs[0].history(), there.runs[0].history()
    assert set(kept) == set(published.HISTORIES) < set(whole)
    for name, points in kept.items():
        assert points[0] == whole[name][0] and points[-1] == whole[name][-1]
        assert set(points) <= set(whole[name]) and len(points) <= published.MOST_POINTS


def test_answers_are_those_that_lie_there(recorded: Project) -> None:
    here, there = both(recorded)
    folder = here.runs[0].folder
    assert folder is not None and here.runs[0].outcome().predictions == folder / "predictions.npz"
    assert there.runs[0].outcome().predictions is None and len(there.runs[0].predictions) == 64
    (folder / "predictions.npz").unlink()
    assert here.runs[0].outcome().predictions is None


def test_runs_that_never_ended_or_never_began(recorded: Project) -> None:
    study = facts(recorded)
    ended, begun, never = (run_folder(recorded.home, run["id"]) for run in study["runs"][:3])
    (begun / "result.json").unlink()
    shutil.rmtree(never)
    failed = {"state": "failed", "metrics": {}, "why": "the loss is not finite", "weights": None}
    (ended / "result.json").write_text(json.dumps(failed))
    runs = from_home(recorded.home, study["id"], "here").runs
    assert [run.state for run in runs] == ["failed", "missing", "missing", "finished"]
    assert (runs[0].why, runs[0].weights, runs[0].outcome().state) == ("the loss is not finite", "", "failed")
    assert runs[1].facts["fields"] and runs[1].history() and not runs[2].facts and runs[2].history() == {}


def test_a_part_of_a_study(recorded: Project) -> None:
    here, there = both(recorded)
    keys = [run.key for run in here.runs if run.arm == "Base"]
    for study in (here, there):
        part = study.at(keys)
        assert [run["arm"] for run in part["runs"]] == ["Base", "Base"]
        assert [[arm["name"] for arm in cell["arms"]] for cell in part["cells"]] == [["Base"]]
        assert study.at([])["cells"] == [] and len(study.facts["cells"][0]["arms"]) == 2
        assert part["claims"] == study.facts["claims"]


def test_sources_are_told_by_their_weights(recorded: Project) -> None:
    """Two ids of one source network are no difference where its weights are the same."""
    study = facts(recorded)
    source, user = study["runs"][0], study["runs"][1]
    path = run_folder(recorded.home, user["id"]) / "run.json"
    path.write_text(json.dumps(read(path) | {"sources": {"experiments/source": source["id"], "gone": "f" * 16}}))
    found = {run.id: run for run in from_home(recorded.home, study["id"], "here").runs}
    told = found[user["id"]].facts["sources"]
    assert told == {"experiments/source": found[source["id"]].weights, "gone": "f" * 16}

    runs = [{**run, "experiment": "source"} if run["id"] == source["id"] else run for run in study["runs"]]
    (recorded.study() / "study.json").write_text(json.dumps(study | {"runs": runs}))
    whole = from_home(recorded.home, study["id"], "here")
    assert len(whole.runs) == 4 and source["id"] not in {run.id for run in whole.own().values()}


def test_no_such_study_and_a_damaged_one(recorded: Project) -> None:
    with pytest.raises(RecordError, match="there is no such record"):
        from_home(recorded.home, "nothing", "here")
    first = run_folder(recorded.home, facts(recorded)["runs"][0]["id"])
    (first / "result.json").write_text('{"state": "fin')
    with pytest.raises(RecordError, match="unreadable record") as error:
        from_home(recorded.home, facts(recorded)["id"], "here")
    assert error.value.where == str(first / "result.json")
