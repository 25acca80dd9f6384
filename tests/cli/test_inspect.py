"""``wb inspect``: what it prints, writes and refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.project import Project, Typed
from tests.recorded import facts, sent
from workbench.cli.inspect import _given
from workbench.data.arrays import ImageArrays
from workbench.errors import UsageError
from workbench.streams import Seeds
from workbench.study.inspect import open_run

Wb = Callable[..., Typed]


@pytest.fixture
def run(recorded: Project) -> str:
    """The id of the first run of the recorded study."""
    return str(facts(recorded)["runs"][0]["id"])


def test_tables_on_the_screen_files_beside_the_run(recorded: Project, run: str, typed: Wb) -> None:
    done = typed("inspect", run[:8])
    assert done.code == 0 and done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == f"Run {run}: small · main · Base · seed 0"
    assert lines[1] == "The same answers as recorded on 120 of 120 test items."
    for title in ("Network", "Curves", "Activations and gradients", "Confusion", "Top losses", "Calibration",
                  "Worst slices", "Projection of features before the last layer, test split"):  # fmt: skip
        assert title in lines
    assert "  attention: attention is between tokens, and there are none" in lines
    assert lines[-2] == f"Whole tables and files: .wb/runs/{run}/artifacts/inspect"
    assert lines[-1].startswith("Sent to MLflow (sqlite:///")
    folder = recorded.home / "runs" / run / "artifacts" / "inspect"
    assert {"summary.txt", "confusion.png", "calibration.svg", "slices.csv"} <= {each.name for each in folder.iterdir()}


def test_predictions_and_a_file_to_take_along(recorded: Project, run: str, typed: Wb) -> None:
    data = ImageArrays("data/small.npz").load(Seeds.of(0), recorded.root)
    Path("new").mkdir()
    Image.fromarray(data.test.inputs[0, 0].numpy()).save("new/first.png")
    done = typed("inspect", run, "--predict", "new", "--export", "network.pt2")
    assert done.code == 0 and "first.png" in done.out and "largest deviation" in done.out
    network = torch.export.load("network.pt2").module()
    answer = data.classes[int(network(data.test.inputs[:1]).argmax())]
    assert next(line for line in done.out.splitlines() if line.startswith("first.png")).split()[1] == answer
    folder = recorded.home / "runs" / run / "artifacts" / "inspect"
    assert (folder / "predictions.csv").read_text().splitlines()[1].startswith(f"first.png,{answer},")
    assert (folder / "network.pt2").read_bytes() == Path("network.pt2").read_bytes()
    assert done.out.splitlines()[-1].startswith("Sent to MLflow (sqlite:///")
    assert sent(recorded, run) == {"predictions.csv", "predictions.txt", "network.pt2", "export.csv", "export.txt"}


def test_no_folder_of_a_person_s_own_is_kept(recorded: Project, run: str, typed: Wb, tmp_path: Path) -> None:
    picture = ImageArrays("data/small.npz").load(Seeds.of(0), recorded.root).test.inputs[0, 0]
    Image.fromarray(picture.numpy()).save(tmp_path / "mine.png")
    done = typed("inspect", run, "--predict", str(tmp_path / "mine.png"), "--export", str(tmp_path / "mine.pt2"))
    assert done.code == 0 and (tmp_path / "mine.pt2").exists()
    folder = recorded.home / "runs" / run / "artifacts" / "inspect"
    assert "mine.png" in (folder / "predictions.txt").read_text() and "mine.pt2" in (folder / "export.txt").read_text()
    assert not [each for each in folder.glob("*.[tc][xs][tv]") if str(tmp_path) in each.read_text()]


def test_several_views_of_a_picture(recorded: Project, run: str, typed: Wb) -> None:
    picture = ImageArrays("data/small.npz").load(Seeds.of(0), recorded.root).test.inputs[0, 0]
    Image.fromarray(picture.numpy()).save("new.png")
    folder = recorded.home / "runs" / run / "artifacts" / "inspect"
    shown = []
    for more in ((), ("--views",)):
        assert typed("inspect", run, "--predict", "new.png", *more).code == 0
        shown.append((folder / "predictions.csv").read_text())
    expected = open_run(recorded.root, recorded.home, run).interpretation.predict(Path("new.png"), views=True)
    assert shown[0] != shown[1] and float(shown[1].split(",")[-1]) == expected.confidence


def test_into_a_folder_of_one_s_own(recorded: Project, run: str, typed: Wb) -> None:
    done = typed("inspect", run, "--to", "figures")
    assert done.code == 0 and done.out.splitlines()[-1] == "Whole tables and files: figures"
    picture = ImageArrays("data/small.npz").load(Seeds.of(0), recorded.root).test.inputs[0, 0]
    Image.fromarray(picture.numpy()).save("new.png")
    done = typed("inspect", run, "--to", "figures", "--predict", "new.png")
    assert done.code == 0 and "Sent to MLflow" not in done.out
    assert {"summary.txt", "predictions.csv"} <= {each.name for each in Path("figures").iterdir()}
    assert not (recorded.home / "runs" / run / "artifacts").exists()


def test_what_is_no_run_and_what_does_not_go_together(recorded: Project, run: str, typed: Wb) -> None:
    done = typed("inspect", "nothing")
    assert done.code == 2 and "there is no commit, branch, tag, run or study 'nothing'" in done.complaint()
    for words, why in (
        (["--views"], "--views is for --predict"),
        (["--item", "1", "--export", "x.pt2"], "--item is for attention"),
        (["--item", "120"], "there is no item 120 in the split 'test'; the last one is 119"),
    ):
        done = typed("inspect", run, *words)
        assert done.code == 2 and why in done.complaint()
    done = typed("inspect", run, "--export", "x.bin")
    assert done.code == 2 and "ends in '.bin'" in done.complaint()
    done = typed("inspect", run, "--predict", "gone.png")
    assert done.code == 1 and "gone.png: the picture cannot be read" in done.complaint()


def test_a_row_is_json_and_a_text_may_begin_like_one() -> None:
    assert _given('{"age": 40}', "table") == {"age": 40} and _given("{sic} a text", "text") == "{sic} a text"
    with pytest.raises(UsageError, match="the row is no JSON") as refused:
        _given("{age: 40}", "table")
    assert refused.value.hint.startswith("Type: --predict '{")


def test_a_text_may_be_longer_than_any_file_s_name() -> None:
    assert _given("so soft, " * 500, "text") == "so soft, " * 500
