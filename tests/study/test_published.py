"""The published results: what is in them, to the last digit, and what is said of a damaged file."""

import getpass
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.project import Project, read
from tests.published import content
from workbench.errors import RecordError
from workbench.record.journal import read_run
from workbench.study import published
from workbench.study.claims import Claim

MakeStudy = Callable[..., dict[str, Any]]


def test_every_run_of_a_real_study_to_the_last_digit(measured: Project) -> None:
    study = read(measured.study() / "study.json")
    path = published.place(measured.root, "quick")
    published.write(path, "quick", {"default": published.entry(measured.home, study)})
    found = published.read(path)["studies"]["default"]
    assert [run["id"] for run in found["runs"]] == [run["id"] for run in study["runs"]] and len(found["runs"]) == 4
    for run in found["runs"]:
        view = read_run(measured.home / "runs" / run["id"])
        assert view.result is not None
        assert run["metrics"] == view.result["metrics"] and run["weights"] == view.result["weights"]
        assert run["predictions"] == published.predictions_hash(view.folder / "predictions.npz")
        points = [[step, value] for step, value, _ in view.metrics["train/loss"]]
        kept = run["history"]["train/loss"]
        assert kept[0] == points[0] and kept[-1] == points[-1] and all(point in points for point in kept)
        (arm,) = [arm for arm in found["arms"] if arm["arm"] == run["arm"]]
        assert {key: arm[key] for key in ("fields", "pins", "level")} == {
            key: view.facts[key] for key in ("fields", "pins", "level")
        }
    assert found["commit"] == measured.git("rev-parse", "HEAD") and not found["dirty"]
    assert found["class"] == study["environment"]["class"] and found["level"] == "seeded"
    result = read(measured.study() / "result.json")
    assert found["summary"]["claims"] == result["claims"]
    assert found["summary"]["cells"][0]["arms"][1]["mean"] == result["cells"][0]["arms"][1]["mean"]
    assert '"points"' not in path.read_text()


def test_nothing_of_the_machine_gets_in(measured: Project) -> None:
    study = read(measured.study() / "study.json")
    path = published.place(measured.root, "quick")
    published.write(path, "quick", {"default": published.entry(measured.home, study)})
    text = path.read_text()
    for private in (str(measured.root), str(Path.home()) + "/", socket.gethostname(), f'"{getpass.getuser()}"'):
        assert private not in text


def test_a_line_a_run_and_an_arm_the_same_bytes_each_time(make_study: MakeStudy, tmp_path: Path) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2], "Arm": [0.1 + 0.2, None]}})
    found = content(tmp_path, study)
    path = published.place(tmp_path, "demo")
    lines = path.read_text().splitlines()
    for run in study["runs"]:
        (line,) = [line for line in lines if f'{{"id":"{run["id"]}"' in line]
        assert json.loads(line.rstrip(","))["cell"] == "main"
    assert sum('"fields":' in line for line in lines) == 2
    runs = found["studies"]["full"]["runs"]
    assert runs[2]["metrics"]["test/error"] == 0.1 + 0.2  # 0.30000000000000004
    assert runs[3]["state"] == "failed" and runs[3]["why"] == "the loss is not finite" and runs[3]["weights"] is None
    first = path.read_bytes()
    content(tmp_path, study)
    assert path.read_bytes() == first


def test_other_tiers_stay(make_study: MakeStudy, tmp_path: Path) -> None:
    errors = {"main": {"Base": [0.1, 0.2], "Arm": [0.2, 0.3]}}
    content(tmp_path, make_study(tmp_path, errors, id="a", tier="smoke"))
    found = content(tmp_path, make_study(tmp_path, errors, id="b", tier="full"))
    assert {tier: study["id"] for tier, study in found["studies"].items()} == {"smoke": "a", "full": "b"}


def test_runs_of_one_arm_with_different_settings_are_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    study = make_study(tmp_path, {"main": {"Base": [0.1, 0.2]}})
    content(tmp_path, study)
    path = tmp_path / "runs" / study["runs"][1]["id"] / "run.json"
    path.write_text(json.dumps({**read(path), "fields": {"fit.lr": 0.1}}))
    with pytest.raises(RecordError, match="other settings than the first run of demo · main · Base"):
        published.entry(tmp_path, read(tmp_path / "studies/study-1/study.json"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:-40], "demo/results.json:\\d+: is not valid JSON .a merge conflict.*git checkout HEAD"),
        (lambda text: text.replace('"studies"', '"studes"'), "has no 'studies'"),
        (lambda text: text.replace('"format": 1', '"format": 9'), "has format 9, and this version reads 1"),
        (lambda text: text.replace('"lock"', '"look"'), "its tier 'full' lacks lock"),
        (lambda text: text.replace('"n_seeds"', '"n"'), "its tier 'full' lacks n_seeds"),
        (lambda text: text.replace('"state":', '"stat":'), "a run of its tier 'full' lacks state"),
    ],
)
def test_a_damaged_file_is_one_line(
    damage: Callable[[str], str], said: str, make_study: MakeStudy, tmp_path: Path
) -> None:
    content(tmp_path, make_study(tmp_path, {"main": {"Base": [0.1]}}))
    path = published.place(tmp_path, "demo")
    text = damage(path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    for source in (text, path):
        with pytest.raises(RecordError, match=said):
            published.read(source, "experiments/demo/results.json")


def test_no_file_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"experiments/demo/results.json: there are no published.*wb publish demo"):
        published.read(published.place(tmp_path, "demo"))


def test_predictions_are_hashed_by_what_they_say(tmp_path: Path) -> None:
    index, target = np.arange(5), np.array([0, 1, 2, 0, 1])
    path = tmp_path / "predictions.npz"

    def hashed(write: Any = np.savez, **arrays: Any) -> str:
        write(path, **{"index": index, "target": target, "prediction": target, **arrays})
        return published.predictions_hash(path)

    with pytest.raises(RecordError, match="No such file"):
        published.predictions_hash(path)
    first = hashed()
    assert len(first) == 64
    assert hashed(np.savez_compressed) == first and hashed(more=index) == first
    assert hashed(prediction=target[::-1]) != first and hashed(prediction=target.astype(np.int32)) != first
    assert hashed(target=target[::-1], prediction=target) != hashed(target=target, prediction=target[::-1])
    path.write_bytes(b"no archive")
    with pytest.raises(RecordError, match="holds no predictions"):
        published.predictions_hash(path)


def test_a_history_keeps_its_ends() -> None:
    points = [(step, step / 7, 0) for step in range(100)]
    kept = published.thinned(points, 12)
    assert len(kept) == 12 and kept[0] == [0, 0.0] and kept[-1] == [99, 99 / 7]
    steps = [step for step, _ in kept]
    assert max(np.diff(steps)) - min(np.diff(steps)) <= 1
    assert published.thinned(points[:5], 12) == [[step, value] for step, value, _ in points[:5]]
    assert published.thinned([], 12) == [] and len(published.thinned(points[:1], 3)) == 1


def test_a_claim_comes_with_its_verdict(make_study: MakeStudy, tmp_path: Path) -> None:
    claims = [Claim.ratio("Arm", "Base", at_least=1.5, name="C1")]
    found = content(tmp_path, make_study(tmp_path, {"main": {"Base": [0.1] * 6, "Arm": [0.3] * 6}}, claims=claims))
    assert found["studies"]["full"]["summary"]["claims"][0]["verdict"] == "reproduced"
