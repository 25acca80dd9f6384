from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import UsageError
from workbench.study import statistics
from workbench.study.compare import begun, compare, find, recorded

MakeStudy = Callable[..., dict[str, Any]]
BASE, ARM = [0.10, 0.12, 0.11], [0.60, 0.58, 0.66]


def test_an_experiment_is_its_latest_study(tmp_path: Path, make_study: MakeStudy) -> None:
    make_study(tmp_path, {"main": {"Base": BASE}}, id="demo-b", created="2026-11-01T00:00:00")
    make_study(tmp_path, {"main": {"Base": BASE}}, id="demo-a", created=1_795_442_700_000)
    make_study(tmp_path, {"main": {"Base": BASE}}, id="demo-c", created="2026-10-01T00:00:00+00:00")
    assert [each["id"] for each in recorded(tmp_path)] == ["demo-c", "demo-b", "demo-a"]
    assert find(tmp_path, "experiments/demo")["id"] == find(tmp_path, "demo")["id"] == "demo-a"
    assert find(tmp_path, "demo-b")["id"] == "demo-b"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dmeo", "no experiment or study 'dmeo' is recorded; did you mean 'demo'"),
        ("run-", "'run-' begins 2 studies: run-1, run-2. Type more"),
    ],
)
def test_names_that_fit_none_or_several(tmp_path: Path, make_study: MakeStudy, name: str, message: str) -> None:
    for k in (1, 2):
        make_study(tmp_path, {"main": {"Base": BASE}}, id=f"run-{k}")
    with pytest.raises(UsageError, match=message):
        find(tmp_path, name)


def test_nothing_recorded_and_damaged_records(tmp_path: Path) -> None:
    (tmp_path / "studies" / "torn").mkdir(parents=True)
    (tmp_path / "studies" / "torn" / "study.json").write_text('{"id": ')
    with pytest.raises(UsageError, match="nothing has been run yet"):
        find(tmp_path, "demo")


def test_one_study_by_another_measure(tmp_path: Path, make_study: MakeStudy) -> None:
    make_study(tmp_path, {"main": {"Base": BASE, "Arm": ARM}})
    studies, summary, notes = compare(tmp_path, ["demo"], measure="recalibrated/error")
    (cell,) = summary["cells"]
    assert len(studies) == 1 and notes == [] and summary["claims"] == []
    assert cell["measure"] == "recalibrated/error" and cell["exploratory"]
    assert [arm["name"] for arm in cell["arms"]] == ["Base", "Arm"]
    assert cell["arms"][1]["mean"] == pytest.approx(sum(ARM) / 6)
    with pytest.raises(UsageError, match="did you mean 'test/error'"):
        compare(tmp_path, ["demo"], measure="test/erorr")


def test_two_studies_are_paired_by_seed(tmp_path: Path, make_study: MakeStudy) -> None:
    make_study(tmp_path, {"main": {"Base": BASE}}, id="one", experiment="first")
    make_study(tmp_path, {"main": {"Arm": [*ARM, 0.7]}}, id="two", experiment="second")
    _, summary, notes = compare(tmp_path, ["first", "second", "one"])
    (cell,) = summary["cells"]
    base, arm = cell["arms"]
    assert (base["name"], arm["name"], cell["baseline"]) == ("Base @first", "Arm @second", "Base @first")
    assert arm["ratio"] == pytest.approx(statistics.ratio(ARM, BASE).value)
    assert notes == ["main: Arm @second is paired with Base @first at seeds 100 to 102 only."]


def test_two_studies_of_one_experiment_go_by_their_ids(tmp_path: Path, make_study: MakeStudy) -> None:
    for k in (1, 2):
        make_study(tmp_path, {"main": {"Base": BASE, "Arm": ARM}}, id=f"demo-{k}")
    _, summary, _ = compare(tmp_path, ["demo-1", "demo-2"])
    (cell,) = summary["cells"]
    assert [arm["name"] for arm in cell["arms"]] == ["Base @demo-1", "Arm @demo-1", "Base @demo-2", "Arm @demo-2"]
    assert [arm["ratio"] for arm in cell["arms"]][2] == 1.0


def test_unpaired_arms_are_refused_unless_asked_for(tmp_path: Path, make_study: MakeStudy) -> None:
    make_study(tmp_path, {"main": {"Base": BASE}}, id="one", experiment="first")
    make_study(tmp_path, {"main": {"Arm": ARM}}, id="two", experiment="second", first_seed=0)
    with pytest.raises(UsageError, match=r"\(seeds 0 to 2\) and .* \(seeds 100 to 102\) share no seeds.*--unpaired"):
        compare(tmp_path, ["first", "second"])
    _, summary, _ = compare(tmp_path, ["first", "second"], unpaired=True)
    expected, _ = statistics.welch(ARM, BASE)
    arm = summary["cells"][0]["arms"][1]
    assert summary["unpaired"] and arm["difference_interval"] == pytest.approx([expected.low, expected.high])


def test_cells_on_other_data_stand_apart(tmp_path: Path, make_study: MakeStudy) -> None:
    make_study(tmp_path, {"main": {"Base": BASE}}, id="one", experiment="first", pins={"data/a.npz": "0"})
    make_study(tmp_path, {"main": {"Arm": ARM}}, id="two", experiment="second", pins={"data/a.npz": "1"})
    _, summary, notes = compare(tmp_path, ["first", "second"])
    assert [cell["name"] for cell in summary["cells"]] == ["main", "main @second"]
    assert notes == ["data/a.npz had other contents in another of these studies; their cells stand apart."]


def test_studies_that_read_more_or_less_data_still_meet(tmp_path: Path, make_study: MakeStudy) -> None:
    make_study(tmp_path, {"main": {"Base": BASE}}, id="one", experiment="first", pins={"data/a.npz": "0"})
    cells = {"main": {"Arm": ARM}, "more": {"Arm": ARM}}
    make_study(tmp_path, cells, id="two", experiment="second", pins={"data/a.npz": "0", "data/b.npz": "1"})
    _, summary, _ = compare(tmp_path, ["first", "second"])
    assert [(cell["name"], len(cell["arms"])) for cell in summary["cells"]] == [("main", 2), ("more", 1)]


def test_times() -> None:
    assert begun(2000) == 2.0 and begun("1970-01-01T00:00:02") == 2.0 and begun(None) == 0.0
