"""`wb publish`, typed in a project in which a study was run."""

import json
import shutil
from collections.abc import Callable

from tests.project import Project, Typed, read, runner
from workbench.study import latex, published

Wb = Callable[..., Typed]


def test_what_is_published_and_what_is_said(measured: Project, typed: Wb) -> None:
    done = typed("publish", "experiments/quick")
    assert done.code == 0, done.err
    path = published.place(measured.root, "quick")
    content, first = published.read(path), path.read_bytes()
    commit = measured.git("rev-parse", "HEAD")
    assert content["experiment"] == "quick" and list(content["studies"]) == ["default"]
    assert content["studies"]["default"]["commit"] == commit
    assert f"commit to cite: {commit}" in done.out
    assert f"wb reproduce {commit[:12]} experiments/quick --tier default" in done.out
    assert "git add experiments/quick/results.json && git commit" in done.out and "wb share" not in done.out
    assert typed("publish", "quick").code == 0 and path.read_bytes() == first
    measured.git("add", "experiments/quick/results.json")
    measured.git("commit", "-qm", "publish")
    done = typed("verify")
    assert done.code == 0 and "in 1 file checked: all as published" in done.out


def test_a_paper_gets_its_numbers(measured: Project, typed: Wb) -> None:
    done = typed("publish", "quick", "--tier", "default", "--latex")
    folder = measured.root / "experiments/quick/paper"
    assert done.code == 0 and "experiments/quick/paper/numbers.tex" in done.out
    macros = latex.macros(published.read(published.place(measured.root, "quick")))
    text = (folder / "numbers.tex").read_text()
    assert all(each.line in text for each in macros.values()) and "QuickDefaultMainPlainMean" in macros
    assert (folder / "table.tex").read_text().count(r"\toprule") == 2
    assert typed("verify").code == 0
    (folder / "table.tex").write_text((folder / "table.tex").read_text().replace("Plain", "Fancy", 1))
    assert typed("verify").code == 1


def test_what_is_not_recorded_cannot_be_published(measured: Project, typed: Wb) -> None:
    done = typed("publish", "tiny")
    assert done.code == 1 and "tiny: nothing is recorded. Type: wb run tiny" in done.complaint()
    done = typed("publish", "quck")
    assert done.code == 2 and "did you mean 'quick'" in done.complaint()
    done = typed("publish", "quick", "--tier", "full")
    assert done.code == 2 and "no study of tier 'full' is recorded; there is 'default'" in done.complaint()
    assert not list(measured.root.glob("experiments/*/results.json*"))


def test_part_of_a_tier_does_not_count(measured: Project, typed: Wb) -> None:
    path = measured.study() / "study.json"
    study = read(path)
    path.write_text(json.dumps({**study, "options": {**study["options"], "seeds": 2}}))
    done = typed("publish", "quick")
    assert done.code == 1 and "only parts of a tier are recorded" in done.complaint()


def test_an_unfinished_study_is_refused_but_does_not_hide_a_finished_one(measured: Project, typed: Wb) -> None:
    study = read(measured.study() / "study.json")
    newer = {**study, "id": "quick-default-9", "created": study["created"] + 1000}
    newer["runs"] = [*study["runs"], {**study["runs"][0], "id": "missing"}]
    (measured.home / "studies/quick-default-9").mkdir()
    (measured.home / "studies/quick-default-9/study.json").write_text(json.dumps(newer))
    assert f"default: {study['id']}" in typed("publish", "quick").out
    (measured.home / "studies" / study["id"] / "result.json").unlink()
    done = typed("publish", "quick")
    said = "quick-default-9: is not finished (4 of 5 runs). Type: wb run quick --tier default"
    assert done.code == 1 and said in done.complaint()


def test_a_dirty_tree_is_published_with_what_others_need_to_know(measured: Project, typed: Wb) -> None:
    (measured.root / "notes.txt").write_text("not committed\n")
    (measured.root / "requirements.txt").write_text("click==0.1\n")
    study = runner(measured, "quick").run()
    assert study.trained == 0 and study.record["dirty"]
    done = typed("publish", "quick")  # runs that were recorded with the former lock answered for this study
    assert done.code == 1 and "was recorded with another requirements.txt than the rest" in done.complaint()
    shutil.rmtree(measured.home / "runs")
    study = runner(measured, "quick").run()
    done = typed("publish", "quick")
    assert done.code == 0 and "others get it by: wb share" in done.out
    (loud,) = [line for line in done.out.splitlines() if "ATTENTION" in line]
    assert "click " in loud and "(locked: 0.1)" in loud
    entry = published.read(published.place(measured.root, "quick"))["studies"]["default"]
    assert entry["dirty"] and entry["commit"] == study.record["snapshot"] != measured.git("rev-parse", "HEAD")
    assert entry["environment"]["deviations"]["click"][0] == "0.1"
    (measured.root / "big.bin").write_bytes(bytes(11 * 2**20))
    runner(measured, "quick").run()
    done = typed("publish", "quick")
    assert done.code == 1 and "the snapshot was made without big.bin (11 MB" in done.complaint()


def test_a_refusal_leaves_the_file_as_it_was(measured: Project, typed: Wb) -> None:
    assert typed("publish", "quick").code == 0
    path = published.place(measured.root, "quick")
    before = path.read_bytes()
    study = read(measured.study() / "study.json")
    (measured.study() / "study.json").write_text(json.dumps({**study, "lock": "0" * 64}))
    done = typed("publish", "quick", "--latex")
    assert done.code == 1 and "is not the one it ran with" in done.complaint()
    assert path.read_bytes() == before and not (path.parent / "paper").exists()
