"""Arms with code of their own are tried before they are trained, as rows of ``wb check``."""

from tests.project import TINY, Project, planner
from workbench.study.audited import Row
from workbench.study.checks import check
from workbench.study.plan import Options
from workbench.study.rehearsed import rehearsed
from workbench.study.spec import load_spec

ARMS = """
class Odd(TrainBN):
    \"\"\"A loss that is not there.\"\"\"

    def loss(self, output, batch):
        return output.nope()


class Narrow(TrainBN):
    \"\"\"A metric that torch refuses.\"\"\"

    def metrics(self, output, y):
        return super().metrics(output, y.float())


class Nan(TrainBN):
    \"\"\"A loss that is no number.\"\"\"

    def loss(self, output, batch):
        return super().loss(output, batch) * float("nan")


class Twice(TrainBN):
    \"\"\"Fine.\"\"\"

    def loss(self, output, batch):
        return 2 * super().loss(output, batch)


experiment = Experiment(
    cells=[Cell("one"), Cell("longer", fit__epochs=3), Cell("small", data__train=100)],
    baseline=TrainBN, arms=[Stale, Odd, Narrow, Nan, Twice])
"""


def broken(project: Project) -> str:
    text = TINY[: TINY.index("experiment = ")].replace("import Augment,", "import Augment, Cell,") + ARMS
    project.spec("tiny", text)
    return text


def rows(project: Project, name: str) -> dict[str, Row]:
    return {row[1]: row for row in rehearsed(planner(project, tier="full"), load_spec(project.root, name))}


def test_an_arm_that_cannot_be_run_is_named_with_its_line_once_for_its_cells(project: Project) -> None:
    text = broken(project)
    told: list[str] = []
    asked = planner(project, tier="full")
    found = {
        row[1]: row
        for row in rehearsed(asked, load_spec(project.root, "tiny"), lambda text, done, total: told.append(text))
    }
    line = 1 + text[: text.index("output.nope()")].count("\n")
    state, _, words = found["one, longer, small · Odd"]
    assert state == "wrong" and f"AttributeError: 'Tensor' object has no attribute 'nope' (spec.py:{line})" in words
    assert words.endswith("To stop there, type: wb run tiny --arm Odd --seeds 1 --pdb")
    assert {what.rpartition(" ")[2] for what in found} == {"Odd", "Narrow", "Nan"}
    assert all(row[0] == "note" for what, row in found.items() if what.endswith("Nan"))
    assert told[0] == "one, longer · Stale: one step" and len(told) == 10


def test_the_stage_of_its_own_is_named_where_the_library_refuses_what_it_gives(project: Project) -> None:
    text = broken(project).replace("super().metrics(output, y.float())", '{"error": y.float().mean()}')
    project.spec("tiny", text)
    line = 1 + text[: text.index("def metrics(")].count("\n")
    (found,) = [row for what, row in rows(project, "tiny").items() if what.endswith("Narrow")]
    assert "metrics() gives 'error' of shape ()" in found[2] and f"Its own: metrics() (spec.py:{line})." in found[2]


def test_clean_arms_have_no_row_and_untrained_sources_are_said(project: Project) -> None:
    assert rows(project, "tiny") == {} == rows(project, "source")
    text = (project.root / "experiments/target/spec.py").read_text()
    arm = 'class Frozen(Tuned):\n    """f"""\n\n    model = Tuned.model.but(norm=Norm(affine=False))\n\n\nexperiment'
    project.spec("target", text.replace("experiment = ", f"{arm} = ").replace("[Scratch]", "[Scratch, Frozen]"))
    assert rows(project, "target") == {
        "arms": ("note", "arms", "not tried: Frozen; they start from experiments/source, not trained here yet")
    }


def test_arms_are_not_blamed_for_what_fails_in_the_baseline(project: Project) -> None:
    def look() -> list[str]:
        found = check(project.root, project.home, load_spec(project.root, "tiny"), Options(tier="full"))
        return [row.what for row in found if row.state == "wrong"]

    text = broken(project)
    assert look() == ["one, longer, small · Odd", "one, longer, small · Narrow"]
    project.spec(
        "tiny", text.replace("class Stale", "TrainBN.inputs = lambda self, batch, **how: batch.z\n\n\nclass Stale")
    )
    assert look() == ["one, longer · audit", "small · audit"]
    found = check(project.root, project.home, load_spec(project.root, "tiny"), Options(tier="full"))
    assert [row.text for row in found if row.what == "arms" and row.text.startswith("not tried: some would fail")]
