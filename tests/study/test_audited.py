"""The audit of baselines, as rows of ``wb check``."""

from tests.project import TINY, Project, planner
from workbench.record.places import run_folder
from workbench.streams import Seeds
from workbench.study.audited import Row, audited
from workbench.study.spec import load_spec
from workbench.training.checkpoint import save_weights
from workbench.training.prepared import weights_meta

BUG = """

class TrainBN(Learner):
    \"\"\"Statistics follow the data; every picture is augmented in the same way.\"\"\"

    data = ImageArrays("data/small.npz", augment=Augment(flip=True, shift=0.1))
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=2, batch=32, lr=1e-2)

    def inputs(self, batch, *, training, epoch=0):
        REPLACED
"""


def rows(project: Project, name: str) -> dict[str, Row]:
    asked = planner(project, tier="full")
    return {row[1]: row for row in audited(asked, load_spec(project.root, name))}


def spoilt(body: str) -> str:
    head, rest = TINY.split("\n\nclass TrainBN(Learner):", 1)
    return head + BUG.replace("REPLACED", body) + "\n\nclass Stale(" + rest.split("\n\nclass Stale(", 1)[1]


def test_a_bug_in_a_stage_has_its_row(project: Project) -> None:
    project.spec("tiny", spoilt("return super().inputs(batch, training=training)"))
    found = rows(project, "tiny")
    state, _, text = found["main · augmentation by epoch"]
    assert state == "wrong" and "in epoch 2 as in epoch 1" in text and "streams.uniform" in text
    assert found["main · audit"][0] == "ok" and "augmentation by epoch" not in found["main · audit"][2]


def test_a_stage_that_fails_is_told_with_its_line(project: Project) -> None:
    project.spec("tiny", spoilt("return batch.z"))
    state, _, text = rows(project, "tiny")["main · audit"]
    assert state == "wrong" and "AttributeError" in text and "(spec.py:" in text


def test_cells_that_the_audit_cannot_tell_apart_share_a_row(project: Project) -> None:
    cells = """    cells=[Cell("one"), Cell("longer", fit__epochs=3), Cell("small", data__train=100)],
    claims=["""
    text = TINY.replace("    claims=[", cells).replace("import Augment,", "import Augment, Cell,")
    text = text[: text.index("    claims=[")] + ")\n"
    project.spec("tiny", text)
    told: list[str] = []
    asked = planner(project, tier="full")
    found = list(audited(asked, load_spec(project.root, "tiny"), lambda text, done, total: told.append(text)))
    assert [row[1] for row in found] == ["one, longer · audit", "small · audit"]
    assert told[0] == "one, longer: duplicates" and told[-1] == "small: first steps" and len(told) == 24


def test_a_network_that_is_not_trained_yet_is_left_out(project: Project) -> None:
    state, _, text = rows(project, "target")["main · audit"]
    assert state == "note" and text.startswith("3 checks in order: duplicates, split balance, class sets; the network")
    assert "experiments/source" in text
    source = planner(project).source(load_spec(project.root, "target").experiment.baseline, 0)[-1]
    learner = source.cls(Seeds(), root=project.root, device="cpu")
    began = learner.begin()
    folder = run_folder(project.home, source.id)
    folder.mkdir(parents=True)
    save_weights(folder / "weights.safetensors", began.model, weights_meta(learner, began))
    state, _, text = rows(project, "target")["main · audit"]
    assert state == "ok" and "normalisation" in text
