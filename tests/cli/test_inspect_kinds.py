"""``wb inspect`` of recorded runs of every kind but pictures, from the first rows of real files."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import own_environment
from tests.project import Project, Typed, copy_project, runner
from tests.recorded import facts, sent
from workbench.study import materials

SPEC = '''"""Is a network of each kind opened as it was recorded?"""

from workbench import (
    Cell, Collab, Experiment, Learner, OneCycle, Ratings, Seq2Seq, Table, TextNetwork, TextPairs, Texts,
)


class Small(Learner):
    """Reads reviews of clothes."""

    data = Texts("data/clothing.csv", text="Review Text", label="Recommended IND", longest=80, train=320)
    model = TextNetwork("transformer", width=32, layers=1)
    fit = OneCycle(epochs=1, batch=32, lr=1e-2)


LEFT_OUT = ("education", "marital-status", "occupation", "relationship", "race", "native-country")
written = Texts("data/clothing.csv", text="Review Text", target=None, window=20, most=300, train=64)
experiment = Experiment(
    baseline=Small,
    seeds=1,
    measure="test/loss",
    cells=[
        Cell("texts"),
        Cell("language", data=written),
        Cell("pairs", data=TextPairs("data/cmudict.tsv"), model=Seq2Seq(width=16)),
        Cell("table", data=Table("data/adult.csv", "income", ignore=LEFT_OUT), model="auto"),
        Cell("ratings", data=Ratings("data/movielens.csv"), model=Collab()),
    ],
)
'''
FILES = {"clothing.csv": (0, 500), "cmudict.tsv": (10_000, 300), "adult.csv": (0, 400), "movielens.csv": (0, 1_000)}
ALWAYS = {"summary", "curves", "activations", "top_losses", "slices"}
CLASSES = {"confusion", "calibration", "features"}


@pytest.fixture(scope="module")
def kinds(
    template: Project, carried: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A project in which a run of each kind has ended; the tests stand in it."""
    project = copy_project(template, tmp_path_factory.mktemp("kinds") / "p")
    with own_environment() as patch:
        patch.chdir(project.root)
        for name, (first, count) in FILES.items():
            lines = pd.read_csv(carried(f"data/{name}"), sep="\t" if name.endswith(".tsv") else ",", dtype=str)
            some = lines.iloc[first : first + count]
            some.to_csv(f"data/{name}", sep="\t" if name.endswith(".tsv") else ",", index=False)
            materials.pin(project.root, f"data/{name}")
        project.spec("kinds", SPEC)
        project.git("add", "-A")
        project.git("commit", "-qm", "an experiment")
        runner(project, "kinds").run()
        yield project


@pytest.mark.parametrize(
    ("cell", "given", "answers", "looks"),
    [
        ("texts", "love this dress", 1, ALWAYS | CLASSES | {"attention", "embeddings_body.embedding"}),
        ("language", "love this dress", 1, ALWAYS - {"slices"} | {"attention", "embeddings_body.embedding"}),
        ("pairs", "bench", 1, ALWAYS | {"attention", "embeddings_source", "embeddings_target"}),
        ("table", "data/adult.csv", 400, ALWAYS | CLASSES | {"embeddings_workclass", "embeddings_sex"}),
        ("ratings", "data/movielens.csv", 1_000, ALWAYS | {"embeddings_user_id", "embeddings_movie_id"}),
    ],
)
def test_a_run_of_each_kind(
    kinds: Project, typed: Callable[..., Typed], cell: str, given: str, answers: int, looks: set[str]
) -> None:
    run = next(str(each["id"]) for each in facts(kinds)["runs"] if each["cell"] == cell)
    done = typed("inspect", run, "--item", "1")
    assert done.code == 0 and done.err == ""
    assert re.search(r"^The same answers as recorded on (\d+) of \1 test items\.$", done.out, re.MULTILINE)
    assert ("Attention, item 1 of the test split" in done.out) == ("attention" in looks)
    folder = kinds.home / "runs" / run / "artifacts" / "inspect"
    assert {each.stem for each in folder.glob("*.txt")} >= looks
    done = typed("inspect", run, "--predict", given)
    assert done.code == 0 and (folder / "predictions.csv").read_text().count("\n") == answers + 1
    assert {"predictions.csv", "summary.txt"} <= sent(kinds, run)
    done = typed("inspect", run, "--predict", given, "--views")
    assert done.code == 2 and "views are of pictures" in done.complaint()
    done = typed("inspect", run, "--export", "network.pt2")
    if cell in ("pairs", "language"):
        assert "a network that writes token by token is a loop" in done.complaint()
    else:
        assert done.code == 0 and "network.pt2" in sent(kinds, run)
