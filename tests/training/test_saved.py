"""A saved learner is the same learner in another process, and nothing else passes for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.training.conftest import Bars
from workbench import Constant, Learner, Table, TextNetwork, Texts
from workbench.errors import DataError, FieldError, RecordError
from workbench.training.callbacks import Hooks
from workbench.training.checkpoint import weights_hash
from workbench.training.state import State

ELSEWHERE = """
from pathlib import Path

from tests.training.conftest import Bars
from workbench.training.checkpoint import weights_hash

bars = Bars.but(fit__lr="auto")(0, root=Path({root!r}), device="cpu").load({path!r})
print(weights_hash(bars.state.model))
print(*(each.answer for each in bars.predict([bars.state.data.encoder.show(bars.state.data.test.inputs, 0)])))
print(bars.settings())
"""


@pytest.fixture(scope="module")
def trained(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bars, Path]:
    learner = Bars.but(fit__lr="auto")(0, root=pictures, device="cpu")
    learner.run()
    path = tmp_path_factory.mktemp("saved") / "models" / "bars.safetensors"
    learner.save(path)
    return learner, path  # type: ignore[return-value]


def test_another_process_gives_the_same_answers_and_settings(trained: tuple[Bars, Path], pictures: Path) -> None:
    learner, path = trained
    assert learner.state is not None and learner.found is not None
    first = learner.state.data.encoder.show(learner.state.data.test.inputs, 0)
    said = subprocess.run(
        [sys.executable, "-c", ELSEWHERE.format(root=str(pictures), path=str(path))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    expected = [weights_hash(learner.state.model), learner.predict([first])[0].answer, str(learner.settings())]
    assert said.rstrip("\n") == "\n".join(expected)
    assert [each.name for each in path.parent.iterdir()] == ["bars.safetensors"]


def test_loading_trains_nothing_and_draws_nothing(trained: tuple[Bars, Path], pictures: Path) -> None:
    class Counts(Bars):
        """Takes no step."""

        fit = Bars.fit.but(lr="auto")

        def step(self, state: State, hooks: Hooks) -> None:
            raise AssertionError("a step was taken")

    before = torch.get_rng_state()
    loaded = Counts(0, root=pictures, device="cpu").load(trained[1])
    assert torch.equal(torch.get_rng_state(), before)
    assert loaded.recipe.lr == trained[0].recipe.lr and loaded.state is not None and not loaded.state.model.training
    assert loaded.interpret().confusion().text() == trained[0].interpret().confusion().text()


def test_a_file_is_run_and_started_from_as_any_other(trained: tuple[Bars, Path], pictures: Path) -> None:
    again = Bars(0, root=pictures, device="cpu").run(trained=trained[1])
    assert trained[0].state is not None and again.metrics == trained[0].state.metrics


def test_a_classifier_starts_from_a_saved_language_model(tmp_path: Path) -> None:
    words = ["bread", "tea", "rain", "sun", "good", "bad", "day"]
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(words, 6)) for _ in range(120)]
    frame = pd.DataFrame({"text": texts, "label": ["long" if "tea" in each else "short" for each in texts]})

    class Language(Learner):
        """Continues texts."""

        data = Texts.of(frame[["text"]], window=8)
        model = TextNetwork("lstm", width=16, layers=1)
        fit = Constant(epochs=1, batch=8, lr=1e-2)

    language = Language()
    language.run()
    language.save(tmp_path / "lm.safetensors")

    class Label(Learner):
        """Starts from it."""

        data = Texts.of(frame, text="text", label="label")
        model = TextNetwork(weights="lm.safetensors")
        fit = Constant(epochs=1, batch=8, lr=1e-3)

    state = Label(root=tmp_path).begin()
    assert language.state is not None
    source, own = (each.model.state_dict()["body.embedding.weight"] for each in (language.state, state))
    tokens = [each.data.encoder.vocabulary.tokens for each in (language.state, state)]
    place = [each.index("tea") for each in tokens]
    assert torch.equal(source[place[0]], own[place[1]])


def test_what_does_not_fit_is_refused_and_leaves_the_learner_alone(
    trained: tuple[Bars, Path], pictures: Path, tmp_path: Path
) -> None:
    bars = Bars(0, root=pictures, device="cpu")
    with pytest.raises(FieldError, match=r"Bars has not been run\. Call run\(\) first"):
        bars.save(tmp_path / "none.safetensors")
    with pytest.raises(FieldError, match=r"'x.pt' does not end with .safetensors. Type 'x.safetensors'"):
        bars.load("x.pt")
    with pytest.raises(DataError, match=r"there is no file .*barz.safetensors'; did you mean '.*bars.safetensors'"):
        bars.load(trained[1].with_name("barz.safetensors"))
    whole = trained[1].read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half.safetensors: the weights cannot be read"):
        bars.load(tmp_path / "half.safetensors")
    with pytest.raises(DataError, match="belong to other data than Bars's, by their classes"):
        Bars.but(data__classes=("row", "column"))(0, root=pictures, device="cpu").load(trained[1])
    with pytest.raises(RecordError, match="do not fit this model"):
        Bars.but(model__width=8)(0, root=pictures, device="cpu").load(trained[1])
    with pytest.raises(FieldError, match="has not been run"):
        bars.interpret()
    assert list(tmp_path.iterdir()) == [tmp_path / "half.safetensors"]


def test_other_training_rows_are_named_with_the_seeds_that_drew_them(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"x": draw.normal(size=400), "y": draw.normal(size=400)})

    class Rows(Learner):
        """A draw of the rows, whose mean scales them all."""

        data = Table.of(frame, "y", train=50)
        fit = Constant(epochs=1, batch=16, lr=1e-3)

    rows = Rows(seeds=3)
    rows.run()
    rows.save(tmp_path / "rows.safetensors")
    with pytest.raises(DataError, match=r"by the target and how inputs are encoded\. .*data of then, and seeds=3"):
        Rows().load(tmp_path / "rows.safetensors")
    assert Rows(seeds=3).load(tmp_path / "rows.safetensors").predict({"x": 1.0}).answer is not None


def test_a_folder_that_cannot_be_written_is_told(trained: tuple[Bars, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="could not be written"):
        trained[0].save(tmp_path / "file" / "bars.safetensors")
