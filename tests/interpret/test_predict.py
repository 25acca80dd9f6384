"""Answers for items as a user has them are those that evaluation gives."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from workbench import Learner, Table
from workbench.data.loading import Batches
from workbench.data.views import views
from workbench.errors import DataError, FieldError
from workbench.interpret.answers import Answers
from workbench.interpret.predict import Prediction, Predictions, answer_text, gathered, predict
from workbench.training.state import State


@pytest.fixture
def folder(state: State, tmp_path: Path) -> Path:
    """The first five test pictures as files, one of them in a folder below, and something that is none."""
    (tmp_path / "below").mkdir()
    for place in range(5):
        name = f"below/{place}.png" if place == 4 else f"{place}.png"
        Image.fromarray(state.data.test.inputs[place, 0].numpy()).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def expected(answers: Answers, place: int) -> tuple[str, float]:
    return answers.classes[answers.prediction[place]], pytest.approx(float(answers.confidence[place]), abs=1e-6)


def test_a_folder(state: State, answers: Answers, folder: Path) -> None:
    found = predict(state, folder)
    assert isinstance(found, Predictions) and len(found) == 5
    assert [each.item for each in found] == ["0.png", "1.png", "2.png", "3.png", "below/4.png"]
    assert [(each.answer, each.confidence) for each in found] == [expected(answers, place) for place in range(5)]
    assert found.table().rows[0][1] == found[0].answer and len(found[1:3]) == 2


@pytest.mark.parametrize("how", ["path", "text", "array", "picture"])
def test_one_item_in_every_form(state: State, answers: Answers, folder: Path, how: str) -> None:
    path = folder / "3.png"
    with Image.open(path) as picture:
        forms = {"path": path, "text": str(path), "array": np.asarray(picture), "picture": picture}
        found = predict(state, forms[how])
    assert isinstance(found, Prediction) and (found.answer, found.confidence) == expected(answers, 3)
    assert str(found).startswith(f"{found.item}: {found.answer} (")


def test_a_list_and_a_table_of_paths(state: State, answers: Answers, folder: Path) -> None:
    paths = [folder / "1.png", folder / "0.png"]
    table = folder / "some.csv"
    table.write_text("note,path\nx," + f"{paths[0]}\ny,{paths[1]}\n")
    for given in (paths, table, pd.DataFrame({"path": paths})):
        found = predict(state, given)
        assert isinstance(found, Predictions)
        assert [each.answer for each in found] == [expected(answers, place)[0] for place in (1, 0)]


def test_several_views_of_each(state: State, folder: Path) -> None:
    found, plain = predict(state, folder, views=True), predict(state, folder)
    assert isinstance(found, Predictions) and isinstance(plain, Predictions)
    batch = next(iter(Batches(state.data.test, batch=5)))
    state.model.eval()
    with torch.no_grad():
        looks = [state.model(state.learner.inputs(each, training=False)).softmax(1) for each in views(batch, flip=True)]
    sure, label = torch.stack(looks).mean(0).max(1)
    assert len(looks) == 12
    assert [each.answer for each in found] == [state.data.classes[each] for each in label.tolist()]
    assert [each.confidence for each in found] == pytest.approx(sure.tolist(), abs=1e-6)
    assert [each.confidence for each in found] != pytest.approx([each.confidence for each in plain], abs=1e-4)
    assert predict(state, folder / "3.png", views=True).confidence == pytest.approx(found[3].confidence, abs=1e-6)


def test_rows_have_no_views(carried: Callable[[str], Path]) -> None:
    frame = pd.read_csv(carried("data/adult.csv")).head(300)
    learner = type("Income", (Learner,), {"data": Table.of(frame, "income"), "__doc__": "A test's."})(0, device="cpu")
    state = learner.begin()
    assert isinstance(predict(state, frame.head(2)), Predictions)
    with pytest.raises(FieldError, match=r"views are of pictures, and Table has none\. Leave views out"):
        predict(state, frame.head(2), views=True)


def test_what_is_no_item_is_named(state: State, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone.png: the picture cannot be read \(No such file"):
        predict(state, tmp_path / "gone.png")
    with pytest.raises(DataError, match="there is no picture in it"):
        predict(state, tmp_path)
    with pytest.raises(DataError, match=r"gone.csv: there is no such file"):
        predict(state, tmp_path / "gone.csv")


def test_files_of_other_kinds(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("age,colour\n3,red\n,green\n")
    assert gathered(rows, "table")[0] == [{"age": "3", "colour": "red"}, {"age": None, "colour": "green"}]
    frame = pd.DataFrame({"text": ["one", "two"], "label": [0, 1]}, index=[7, 9])
    assert gathered(frame, "text", ["text"]) == (["one", "two"], ["row 7", "row 9"])
    assert gathered(frame[["label"]], "text", ["text"])[0] == [0, 1]
    frame.to_parquet(tmp_path / "rows.parquet")
    assert gathered(tmp_path / "rows.parquet", "text", ["text"])[0] == ["one", "two"]
    lines = tmp_path / "lines.txt"
    lines.write_text("one\ntwo\n")
    assert gathered(lines, "text") == (["one", "two"], ["one", "two"])
    assert gathered("a text", "text") == (None, []) and gathered({"age": 3}, "table") == (None, [])
    assert gathered([("u", "t")], "ratings") == ([("u", "t")], ["u x t"])
    with pytest.raises(DataError, match=r"no column says what the items are. Name it one of 'prose'"):
        gathered(frame, "text", ["prose"])


def test_answers_of_every_kind_fit_on_a_line() -> None:
    assert [answer_text(each) for each in ("cat", 3.14159, {"a": 0.5, "b": 0.25}, {})] == [
        "cat", "3.142", "a 0.5, b 0.25", "(none)",
    ]  # fmt: skip


def test_a_sentence_may_be_longer_than_any_file_s_name() -> None:
    assert gathered("et puis " * 500, "pairs") == (None, [])
